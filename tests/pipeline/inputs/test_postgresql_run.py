"""A run over a table of a real PostgreSQL: one snapshot, flat memory, no connection details in outputs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.inputs.postgresql import transaction
from schemas.errors import ChatsieveError, ConfigError, ConsentError
from tests.support.command import TWO_WORKERS, Corpus, chatsieve, current, table_of
from tests.support.consent_systems import configured, snapshots_of
from tests.support.consent_tables import Found, clean
from tests.support.postgresql import PASSWORD, Server, server

__all__ = ["clean", "server"]
pytestmark = pytest.mark.usefixtures("clean")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("{wrong}", "cannot connect: user or password is wrong"),
        ("{nowhere}", "cannot connect: there is no such database or user"),
        (
            "postgresql://owner:{password}@/postgres?host=/tmp/h4rdly-there",
            "cannot connect: no server answers",
        ),
        ("postgresql://owner:{password}@localhost:{password}/postgres", "cannot connect: "),
        ("owner {password}", "cannot connect: it is not a libpq connection string"),
        (
            "${{CONSENT_DB_NOT_SET}}",
            "c.yaml: consent.sources[0].uri: the environment variable CONSENT_DB_NOT_SET",
        ),
    ],
)
def test_no_error_contains_connection_details(server: Server, uri: str, words: str) -> None:
    """libpq quotes what it cannot parse, including the password."""
    password = "wr0ng-canary"
    names = {
        "wrong": server.uri_of(password),
        "nowhere": server.uri_of(PASSWORD, "nowhere"),
        "password": password,
    }
    with pytest.raises(ChatsieveError) as refused:
        Found(server, uri=uri.format(**names))
    message = str(refused.value)
    assert words in message
    assert not [
        secret for secret in (PASSWORD, password, "owner", "h4rdly", str(server.folder)) if secret in message
    ]
    assert refused.value.exit_code == 2
    assert refused.value.__suppress_context__ or isinstance(refused.value, ConfigError)


def test_a_transaction_is_one_moment_and_writes_nothing(server: Server) -> None:
    """What is committed meanwhile belongs to the next run."""
    server.run("INSERT INTO consent.given VALUES ('u1', 'granted', now())")
    with transaction(server.uri, "here") as opened:
        server.run("INSERT INTO consent.given VALUES ('u2', 'refused', now())")
        assert [table.num_rows for table in opened.tables("SELECT * FROM consent.given")] == [1]
    with transaction(server.uri, "here") as opened, pytest.raises(ConsentError, match="SQLSTATE 42601"):
        list(opened.tables("DELETE FROM consent.given"))


_READ = """
import resource, sys
from pipeline.inputs.postgresql import transaction
with transaction(sys.argv[1], "here") as opened:
    query = "SELECT repeat('u', 90) || n AS user_id FROM generate_series(1, %s) AS n" % sys.argv[2]
    rows = sum(table.num_rows for table in opened.tables(query))
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_table(server: Server) -> None:
    """Two million rows, 200 MB of ids, take what a tenth of them takes: the rows wait on the server."""
    peaks = []
    for number in (200_000, 2_000_000):
        done = subprocess.run(
            [sys.executable, "-c", _READ, server.uri, str(number)], capture_output=True, text=True, check=True
        )
        rows, kilobytes = map(int, done.stdout.split())
        assert rows == number
        peaks.append(kilobytes)
    assert peaks[1] - peaks[0] < 40_000


def test_the_driver_is_an_extra_that_is_asked_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads files only needs none."""
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql.dbapi", None)
    with pytest.raises(ConfigError, match="install chatsieve with the extra `postgres`"):
        Found(server)


@pytest.mark.e2e
def test_a_table_decides_as_equal_snapshots(server: Server, corpus: Corpus, tmp_path: Path) -> None:
    """The ledger is the same, and no file and no message contains the password."""
    rows = [row for rows in snapshots_of(corpus).values() for row in rows]
    values = ", ".join(
        "({}, {}, {}, {})".format(*("NULL" if value is None else f"'{value}'" for value in row.values()))
        for row in rows
    )
    order = ", ".join({"snapshot_at": "recorded_at"}.get(name, name) for name in rows[0])
    server.run(f"INSERT INTO consent.given ({order}) VALUES {values}")
    source = {
        "format": "postgresql",
        "uri": "${CONSENT_DB}",
        "query": "SELECT * FROM consent.given WHERE user_id <> 'zoe-canary'",
        "columns": {"snapshot_at": "recorded_at"},
    }
    config = configured(corpus, tmp_path / "c.yaml", {"sources": [source]})
    (tmp_path / "tmp").mkdir()
    environment = {"CONSENT_DB": server.uri, "TMPDIR": str(tmp_path / "tmp")}
    done = chatsieve("audit", "-c", config, "--output", tmp_path / "out", *TWO_WORKERS, **environment)
    assert done.returncode == 0, done.stderr
    known = chatsieve("audit", "-c", corpus.config, "--output", tmp_path / "known")
    assert known.returncode == 0, known.stderr
    assert table_of(tmp_path / "out", "ledger") == table_of(tmp_path / "known", "ledger")
    manifest = json.loads((current(tmp_path / "out") / "manifest.json").read_text())
    (entry,) = manifest["snapshots"]
    assert (entry["name"], entry["format"], entry["bytes"]) == (
        "postgresql:query",
        "postgresql",
        33 * len(rows),
    )
    assert manifest["arguments"]["consent"]["sources"][0]["uri"] == "given"
    key = table_of(tmp_path / "out", "ledger")[0]["conversation_key"]
    explained = chatsieve("explain", "-c", config, key, "--json", "--run", tmp_path / "out", **environment)
    assert json.loads(explained.stdout)["ledger"]["agrees"]
    outputs = [done.stdout, done.stderr, explained.stdout, explained.stderr]
    written = [
        path.read_bytes()
        for path in [*tmp_path.glob("out/**/*"), *tmp_path.glob("tmp/**/*")]
        if path.is_file()
    ]
    for secret in (PASSWORD, "p4ss%2Fw0rd", "zoe-canary", str(server.folder)):
        assert not any(secret in text for text in outputs)
        assert not any(secret.encode() in data for data in written)
    assert not list((tmp_path / "tmp").glob("chatsieve-*"))
    refused = chatsieve(
        "audit", "-c", config, "--debug", "--output", tmp_path / "no", CONSENT_DB=server.uri_of("b4d-canary")
    )
    assert refused.returncode == 2
    assert "user or password is wrong" in refused.stderr
    assert "b4d-canary" not in refused.stderr + refused.stdout
