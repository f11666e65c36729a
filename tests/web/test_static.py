"""What the inspector's pages are made of: nothing that their content security policy would stop, and others' files as they came."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tests.support.bridge import ROOT

FOLDER = ROOT / "rpcbridge" / "web" / "debug"
STATIC = FOLDER / "static"
VENDORED = dict(re.findall(r"^\| `([\w.]+)` \|.*\| `([0-9a-f]{64})` \|$", (STATIC / "VERSIONS.md").read_text("utf-8"), re.MULTILINE))
OWN = sorted([*(FOLDER / "templates").rglob("*.*"), *(path for path in STATIC.glob("*.*s*") if path.name not in VENDORED and path.suffix in (".css", ".js"))])

# What the policy stops, or what only htmx would do with eval, which it stops too.
STOPPED = {
    "an inline style": r"<[^>]*\sstyle\s*=|<style|setAttribute\(.style",
    "an inline script": r"<script(?![^>]*\ssrc=)|javascript:",
    "an inline handler": r"<[^>]*\son[a-z]+\s*=|<[^>]*\shx-on|hx-vals=.js:|hx-headers=.js:|hx-trigger=\"[^\"]*\[",
    "code in a text": r"\beval\(|new Function|set(?:Timeout|Interval)\(\s*[\"'`]",
    "another host": r"""(?:src|href|action|url\(|import|fetch\()\s*=?\s*["'`]?(?:https?:)?//""",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(VENDORED))
def test_what_others_wrote_is_as_it_came_and_has_its_licence(name: str):
    assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == VENDORED[name]
    assert "Permission to use, copy, modify" in (STATIC / f"{name.partition('.')[0]}.LICENSE.txt").read_text("utf-8")


def test_htmx_is_the_version_that_is_said():
    said = re.search(r"`htmx.min.js` .*? \| ([0-9.]+) \|", (STATIC / "VERSIONS.md").read_text("utf-8"))
    assert said
    assert f'version:"{said[1]}"' in (STATIC / "htmx.min.js").read_text("utf-8")
    assert set(VENDORED) == {"htmx.min.js", "sse.js"}


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
@pytest.mark.parametrize("what", STOPPED)
def test_nothing_of_our_own_would_be_stopped_by_the_policy(path: Path, what: str):
    if (path.suffix, what) == (".svg", "an inline style"):
        return  # a drawing to be taken away has its style with it
    text = re.sub(r"\{#.*?#\}|/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
    found = re.search(STOPPED[what], text, re.IGNORECASE)
    assert not found, f"{path.name}: {what}: {text[max(0, found.start() - 40) : found.end() + 40]!r}"


@pytest.mark.parametrize("path", [path for path in OWN if path.suffix == ".html"], ids=lambda path: path.name)
def test_every_form_that_posts_carries_the_token(path: Path):
    for form in re.findall(r"<form\b[^>]*method=.post.*?</form>", path.read_text("utf-8"), re.IGNORECASE | re.DOTALL):
        assert 'name="csrf_token" value="{{ csrf_token() }}"' in form, path.name
    assert "|safe" not in path.read_text("utf-8").replace(" ", ""), "everything is escaped"
