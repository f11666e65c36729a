"""The fuzzing in short, the same inputs every time; and every finding there was, once more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz import checks, inputs

pytestmark = pytest.mark.alone

FINDINGS = sorted((Path(__file__).parent.parent / "hostile" / "findings").glob("*.bin"))
SHORT = settings(max_examples=400, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[checks.App]:
    running = checks.App(tmp_path_factory.mktemp("app"))
    yield running
    running.close()


@SHORT
@given(inputs.BODY)
def test_any_body(body: bytes):
    checks.check_decode(body)


@SHORT
@given(inputs.ANSWER)
def test_any_answer(body: bytes):
    checks.check_answer(body)


@SHORT
@given(raw=inputs.REQUEST)
def test_any_request(app: checks.App, raw: bytes):
    app.check(raw)


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)
def test_what_was_found_once(app: checks.App, path: Path):
    kind = path.name.split(".")[-2]
    {"body": checks.check_decode, "answer": checks.check_answer, "request": app.check}[kind](path.read_bytes())
