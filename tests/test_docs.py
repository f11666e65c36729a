"""What users rely on stands in the documents: settings, verbs, reasons for a fallback."""

from __future__ import annotations

import re

import pytest

from rpcbridge.cli import main
from rpcbridge.platforms import discovered
from rpcbridge.settings import SECTIONS as SHARED
from rpcbridge.settings import General, settings_of
from rpcbridge.transport import REASONS
from tests.support.bridge import ROOT

README = (ROOT / "README.md").read_text("utf-8")
SECTIONS = {"": General, **SHARED} | {n: f.Section for n, f in discovered().items()}
SETTINGS = [setting.path for name, section in SECTIONS.items() for setting in settings_of(section, name)]
FALLBACK_REASONS = {
    *REASONS, "http_3xx", "http_4xx", "http_5xx", "empty", "html", "not_json", "unknown_action", "invalid_answer",
    "not_supported", "invalid_params", "too_many_calls", "unsafe_path", "breaker_open", "internal",
}  # fmt: skip


@pytest.mark.parametrize("path", SETTINGS)
def test_every_setting_stands_in_the_readme(path: str):
    assert f"`{path}`" in README


@pytest.mark.parametrize("verb", sorted(main.commands))
def test_every_verb_stands_in_the_readme(verb: str):
    assert f"rpcbridge {verb}" in README


@pytest.mark.parametrize("reason", sorted(FALLBACK_REASONS))
def test_every_reason_for_a_fallback_stands_in_the_readme(reason: str):
    assert f"`{reason}`" in README


def test_every_link_leads_somewhere():
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("benchmarks/*.md"), *ROOT.glob("deploy/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links {target}"


def test_every_test_that_the_threats_name_is_there():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "SECURITY.md").read_text("utf-8"))
    assert len(named) > 20
    for file, name in named:
        assert re.search(rf"^(def|class) {name}\b", (ROOT / file).read_text("utf-8"), re.MULTILINE) if name else (ROOT / file).exists(), name
