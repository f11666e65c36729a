"""What once went wrong with settings: shapes, doubled faults, values that must not pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from rpcbridge.errors import ConfigurationError
from rpcbridge.platforms import discovered
from rpcbridge.settings import load

SECTIONS = {name: folder.Section for name, folder in discovered().items()}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def faults(text: str, environment: dict | None = None) -> list[str]:
    Path("rpcbridge.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigurationError) as error:
        load(None, environment or {}, {}, SECTIONS)
    return [str(problem) for problem in error.value.problems]


def test_an_empty_secret_file_does_not_open_the_door():
    Path("secret").write_text("\n", "utf-8")
    assert "voicenter.secret" in faults("", {"RPCBRIDGE_VOICENTER__SECRET_FILE": "secret"})[0]


@pytest.mark.parametrize("text", ["route = [1]\n", 'route = ["a"]\n'])
def test_a_route_that_is_no_table_is_a_fault(text: str):
    assert "route" in faults(text)[0]


def test_a_fallback_that_is_no_table_is_a_fault_even_with_a_variable():
    assert "fallback" in faults("fallback = 3\n", {"RPCBRIDGE_FALLBACK__ACTION": "hangup"})[0]


@pytest.mark.parametrize(
    "text",
    [
        "[[route]]\ncalled_number = '1'\nurl = 'a'\n",
        "[[route]]\ncalled_number = 1\nurl = 'http://a'\n",
        "[[route]]\ncalled_number = '1'\nfallback = 'hangup'\n",
        "[server]\nthreads = 'x'\nmax_calls = 600\n",
    ],
)
def test_one_fault_is_said_once(text: str):
    assert len(faults(text)) == 1


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("server = 3\n", "did you mean server"),
        ("[[server]]\nbind='x'\n", "did you mean server"),
        ("[[route]]\nurl='http://a'\ncalled_number='1'\nfallback='hangup'\n", "did you mean fallback"),
    ],
)
def test_a_known_name_of_the_wrong_shape_is_not_called_unknown(text: str, wrong: str):
    assert wrong not in faults(text)[0]


@pytest.mark.parametrize(
    ("section", "setting"),
    [
        ("backend", f'deadline = "{"9" * 400}s"'),
        ("server", 'bind = "[::1:80"'),
        ("backend", 'auth = "bearer שלום"'),
        ("backend", 'url = "http://a/ש"'),
    ],
)
def test_values_that_no_part_could_use_are_refused(section: str, setting: str):
    assert len(faults(f"[{section}]\n{setting}\n")) == 1


def test_an_unknown_key_in_quotes_or_in_an_inline_table_has_its_line_too():
    assert faults('[backend]\n"urll" = "x"\n')[0].startswith("rpcbridge.toml:2: ")
    assert faults('backend = { urll = "x" }\n')[0].startswith("rpcbridge.toml:1: ")
