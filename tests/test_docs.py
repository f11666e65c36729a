"""What users rely on stands in the documents: settings, verbs, reasons for a fallback."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from rpcbridge.cli import main
from rpcbridge.platforms import discovered
from rpcbridge.schemas.events import SCHEMAS
from rpcbridge.schemas.jsonschema import actions_schema, events_schema
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
    "database", "unknown_session", "no_connection", "transfer_failed", "silent_loop",
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


DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("benchmarks/*.md"), *ROOT.glob("deploy/*.md")]


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as they are made where it is shown."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_leads_somewhere():
    for document in DOCUMENTS:
        for target, anchor in re.findall(r"\]\((?!https?:|mailto:)([^)#]*)(?:#([^)]+))?\)", document.read_text("utf-8")):
            leads_to = document.parent / target if target else document
            assert leads_to.exists(), f"{document.name} links {target}"
            assert not anchor or anchor in anchors(leads_to), f"{document.name} links {target}#{anchor}"


EXAMPLES = re.findall(r"^```json\n(.*?)^```", (ROOT / "docs" / "contract.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_every_example_of_the_contract_keeps_to_it():
    """But for an answer that is shown for what is wrong with it, and one in a platform's own shape without `native`."""
    seen: set[str] = set()
    for example in map(json.loads, EXAMPLES):
        if "event" in example:
            jsonschema.validate(example, events_schema(), jsonschema.Draft202012Validator)
            seen.add(example["event"])
        elif not {"lops", "ACTION"} & set(example):
            jsonschema.validate(example, actions_schema(), jsonschema.Draft202012Validator)
    assert seen == set(SCHEMAS)


def test_every_test_that_the_threats_name_is_there():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "SECURITY.md").read_text("utf-8"))
    assert len(named) > 20
    for file, name in named:
        assert re.search(rf"^(def|class) {name}\b", (ROOT / file).read_text("utf-8"), re.MULTILINE) if name else (ROOT / file).exists(), name
