"""What SQLite needs of whoever shares its files with it."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from rpcbridge import db


def test_another_program_that_comes_and_goes_leaves_our_journal_alone(tmp_path: Path):
    """To close any descriptor of the file lets go of all locks that the process has on it: others then think that nobody is there."""
    file = tmp_path / "x.db"
    engines = [db.opened(f"sqlite:///{file}", patience=1.0) for _ in range(2)]
    with engines[0].connect() as first:
        first.execute(text("CREATE TABLE t (a INTEGER)"))
        first.commit()
        with engines[1].connect() as second:  # looks at the file, and connects
            journal = [path.stat().st_ino for path in (tmp_path / "x.db-wal", tmp_path / "x.db-shm")]
            other = f"import sqlite3; c = sqlite3.connect({str(file)!r}); print(c.execute('SELECT count(*) FROM t').fetchone()); c.close()"
            subprocess.run([sys.executable, "-c", other], check=True, timeout=20)
            assert [path.stat().st_ino for path in (tmp_path / "x.db-wal", tmp_path / "x.db-shm")] == journal
            second.execute(text("INSERT INTO t VALUES (1)"))
            second.commit()
        assert first.execute(text("SELECT count(*) FROM t")).scalar() == 1
    for engine in engines:
        engine.dispose()


def test_a_new_file_is_nobody_else_s_to_read(tmp_path: Path):
    engine = db.opened(f"sqlite:///{tmp_path / 'x.db'}", patience=1.0)
    with engine.connect():
        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {0o600}
    engine.dispose()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path):
    engine = db.opened(f"sqlite:///{tmp_path / 'no' / 'x.db'}", patience=1.0)
    with pytest.raises(OperationalError, match="unable to open database file for writing: No such file or directory"):
        engine.connect()
    engine.dispose()
