"""The imports keep the line of sight: they point one way, siblings do not know each other, each library has one home."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "rpcbridge"
PACKAGE = ROOT.name

# What each part may import of the others, beside itself. From the bottom up: nothing below knows anything above.
MAY_IMPORT = {
    "errors": set(),
    "codec": {"errors"},
    "domain": {"errors"},
    "settings": {"errors"},
    "transport": {"errors"},
    "streaming": {"errors", "transport"},
    "redaction": set(),
    "signing": set(),
    "standing": set(),
    "background": set(),
    "db": {"errors"},
    "schemas": {"errors", "domain"},
    "exchange": {"errors", "domain", "transport"},
    "platforms": {"errors", "codec", "domain", "schemas", "settings", "redaction", "transport", "streaming"},
    "backend": {"errors", "settings", "signing", "transport", "exchange"},
    "outbox": {"standing", "errors", "db", "background"},
    "calls": {"standing", "db", "background"},
    "sessions": {"errors", "standing", "db", "background"},
    "trace": {"standing", "errors", "codec", "domain", "settings", "transport", "schemas", "db", "background", "redaction", "exchange"},
    "alerts": {"errors", "domain", "settings", "transport", "db", "exchange", "signing"},
    "inspector": {"errors", "codec", "domain", "schemas", "platforms"},
    "system": {"errors", "codec", "platforms"},
    "pbx": {"errors", "codec", "domain", "schemas", "platforms", "transport"},
    "bridge": {"errors", "codec", "domain", "schemas", "platforms", "backend", "exchange", "system", "outbox", "calls", "sessions"},
    "notifier": {"errors", "backend", "exchange", "outbox"},
    "translation": {"errors", "codec", "domain", "schemas", "settings", "transport", "platforms", "backend", "system"},
    "log": {"domain", "exchange", "background", "redaction"},
    "simulation": {"errors", "codec", "domain", "platforms", "pbx", "exchange", "bridge"},
    "web": {"errors", "codec", "domain", "platforms", "inspector", "translation", "bridge", "trace", "simulation", "exchange"},
    "plan": {"errors", "domain", "schemas", "settings", "platforms", "backend"},
    "app": {
        "db", "settings", "transport", "redaction", "exchange", "backend", "trace", "alerts", "outbox", "calls", "sessions", "bridge", "notifier", "plan", "log",
        "platforms", "translation", "simulation", "web",
    },
    "master": {"errors", "log", "plan"},
    "affinity": set(),
    "serving": {"affinity", "errors", "settings", "plan", "web", "app", "master"},
    "cli": {
        "errors", "db", "codec", "domain", "settings", "transport", "platforms", "pbx", "translation", "inspector", "log", "plan", "web", "app", "master",
        "serving",
    },
    "__main__": {"cli"},
    "__init__": set(),
}

# The parts in layers: a part imports from lower layers only, whatever the table above says.
LAYERS = [
    {"errors", "affinity"},
    {"domain", "codec", "settings", "transport", "db", "background", "redaction", "signing", "standing"},
    {"schemas", "exchange", "streaming"},
    {"platforms", "backend", "trace", "alerts", "outbox", "calls", "sessions"},
    {"system", "plan", "inspector"},
    {"bridge", "notifier", "pbx", "translation"},
    {"log", "simulation"},
    {"web"},
    {"app", "master"},
    {"serving"},
    {"cli"},
    {"__main__"},
]

# One third-party library, one home: the parts that may import it.
HOMES = {
    "lxml": {"codec"},
    "pyjson5": {"codec"},
    "orjson": {"log", "trace", "outbox"},
    "marshmallow": {"schemas", "platforms"},
    "apispec": {"schemas"},
    "pycurl": {"transport", "streaming"},
    "tenacity": {"backend", "platforms"},
    "jwt": {"platforms"},
    "cryptography": {"platforms", "cli"},  # the demo makes a key
    "flask": {"web", "app"},
    "werkzeug": {"web", "app"},
    "jinja2": {"web"},
    "itsdangerous": {"web"},
    "ulid": {"app", "cli"},
    "sqlalchemy": {"db", "trace", "alerts", "outbox", "calls", "sessions", "cli"},
    "standardwebhooks": {"signing"},
    "gunicorn": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "markupsafe": {"web"},
    "pygments": {"web"},
    "structlog": {*MAY_IMPORT},
}

MODULES = sorted(path for path in ROOT.rglob("*.py") if "__pycache__" not in path.parts)


def name_of(path: Path) -> str:
    """The dotted name of a module, a package's `__init__` as the package itself."""
    parts = [PACKAGE, *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(name: str) -> str:
    """The folder or module directly below the package that `name` belongs to."""
    return [*name.split("."), "__init__"][1]


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Every module `path` imports, wherever in it, with the line."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"), path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides the direction"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield (full if full in NAMES else str(node.module)), node.lineno


NAMES = {name_of(path) for path in MODULES}


def own_imports(path: Path) -> list[tuple[str, int]]:
    return [(name, line) for name, line in imports_of(path) if name.split(".")[0] == PACKAGE]


def foreign_imports(path: Path) -> set[str]:
    """The third-party packages `path` imports."""
    tops = {name.split(".")[0] for name, _ in imports_of(path)}
    return tops - {PACKAGE} - set(sys.stdlib_module_names) - {"_typeshed"}  # the last exists for type checkers only


def all_modules(*parts: str) -> list[Path]:
    return [path for path in MODULES if not parts or part_of(name_of(path)) in parts]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_part_has_its_place_in_the_table():
    assert {part_of(name) for name in NAMES} <= set(MAY_IMPORT)
    assert set().union(*LAYERS) == set(MAY_IMPORT) - {"__init__"}


def test_the_table_itself_points_one_way():
    height = {part: layer for layer, parts in enumerate(LAYERS) for part in parts}
    for part, allowed in MAY_IMPORT.items():
        for below in allowed:
            assert height[below] < height[part], f"{part} may import {below}"


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_imports_point_one_way(path: Path):
    part = part_of(name_of(path))
    allowed = MAY_IMPORT[part] | {part, "__init__"}  # the package itself holds the version alone
    wrong = [f"{path.name}:{line} imports {name}" for name, line in own_imports(path) if part_of(name) not in allowed]
    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_every_third_party_library_stays_in_its_home(path: Path):
    part = part_of(name_of(path))
    homeless = [library for library in foreign_imports(path) if part not in HOMES.get(library, set())]
    assert homeless == []


def test_the_domain_knows_the_standard_library_alone():
    for path in all_modules("domain"):
        assert foreign_imports(path) == set()
        assert {part_of(name) for name, _ in own_imports(path)} <= {"domain", "errors"}


_PURE = {"urllib.parse", "http"}  # how a URL is made up, and the names of statuses


@pytest.mark.parametrize("part", ["errors", "codec", "domain", "schemas", "system", "translation", "inspector"])
def test_what_is_pure_imports_nothing_that_does_i_o_or_tells_the_time(part: str):
    impure = {
        "os",
        "socket",
        "ssl",
        "subprocess",
        "time",
        "random",
        "secrets",
        "logging",
        "urllib",
        "http",
        "pathlib",
        "structlog",
    }
    for path in all_modules(part):
        found = {name.split(".")[0] for name, _ in imports_of(path) if name not in _PURE} & impure
        # The schema writer is a command: it writes files, and nothing imports it.
        assert not found or path.name == "jsonschema.py", f"{shown(path)} imports {found}"


def test_no_platform_imports_another_s_folder():
    folders = {path.parent.name for path in (ROOT / "platforms").glob("*/__init__.py")}
    assert folders
    for folder in folders:
        for path in (ROOT / "platforms" / folder).rglob("*.py"):
            others = [name for name, _ in own_imports(path) for other in folders - {folder} if f".platforms.{other}" in name]
            assert others == [], shown(path)


def test_no_platform_is_named_outside_its_own_folder_and_its_emulator():
    folders = {path.parent.name for path in (ROOT / "platforms").glob("*/__init__.py")}
    for path in MODULES:
        imported = {
            name for name, _ in own_imports(path) for folder in folders if name.startswith(f"{PACKAGE}.platforms.{folder}")
        }
        assert not imported or part_of(name_of(path)) in ("platforms", "pbx"), f"{shown(path)} imports {imported}"


def test_nothing_below_the_composition_root_imports_it():
    for path in all_modules(*(set(MAY_IMPORT) - {"app", "serving", "cli", "__main__"})):
        above = [name for name, _ in own_imports(path) if part_of(name) in ("app", "serving", "cli")]
        assert above == [], shown(path)


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_a_module_says_what_it_is_and_stays_short(path: Path):
    text = path.read_text("utf-8")
    assert ast.get_docstring(ast.parse(text)), "a module opens with what it knows"
    assert text.count("\n") <= 400
