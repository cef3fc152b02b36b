"""A PostgreSQL server for tests: the Debian package, with a temporary cluster on a socket."""

from __future__ import annotations

import dataclasses
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.debian_packages import found_or_installed

PASSWORD = "p4ss/w0rd-canary"


def programs() -> Path:
    """The folder of initdb and pg_ctl. Installs them if allowed, else skips the test with a message."""
    return found_or_installed(_found, "postgresql", "no database is tested")


@dataclasses.dataclass(frozen=True)
class Server:
    """A running cluster; `uri` connects as its owner."""

    folder: Path

    @property
    def uri(self) -> str:
        return self.uri_of(PASSWORD)

    def uri_of(self, password: str, database: str = "postgres") -> str:
        return f"postgresql://owner:{quote(password, safe='')}@/{database}?host={self.folder}"

    def run(self, *statements: str) -> None:
        """Runs each statement in its own transaction."""
        import adbc_driver_postgresql.dbapi as driver

        with driver.connect(self.uri, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One cluster, shared by all tests. For root it runs as the package's user: PostgreSQL refuses root."""
    found = programs()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    data, password = folder / "data", folder / "password"
    try:
        password.write_text(PASSWORD)
        if not os.geteuid():
            user = pwd.getpwnam("postgres")
            for path in (folder, password):
                os.chown(path, user.pw_uid, user.pw_gid)
        options = ("-A", "scram-sha-256", "-U", "owner", "-E", "UTF8", "--no-sync", f"--pwfile={password}")
        _run(folder, found / "initdb", "-D", data, *options)
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        _run(folder, found / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-o", settings, "start")
        try:
            yield Server(folder)
        finally:
            _run(folder, found / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _found() -> Path | None:
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    named = shutil.which("initdb")
    return known[0].parent if known else Path(named).parent if named else None


def _run(folder: Path, *command: object) -> None:
    as_user = [] if os.geteuid() else ["runuser", "-u", "postgres", "--"]
    # No pipes: the server keeps inherited files open, and a reader would wait for their end.
    with (folder / "output").open("w") as output:
        done = subprocess.run(
            [*as_user, *map(str, command)], cwd=folder, stdout=output, stderr=output, check=False
        )
    assert done.returncode == 0, (folder / "output").read_text()
