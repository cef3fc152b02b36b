"""Consent from a table of a real PostgreSQL: what is read of it, and which row refuses it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from schemas.errors import ConsentError
from schemas.tables import GRANTED, REFUSED, UNDECIDED
from tests.support.consent_systems import HASHER
from tests.support.consent_tables import Found, clean
from tests.support.postgresql import Server, server

__all__ = ["clean", "server"]
pytestmark = pytest.mark.usefixtures("clean")


def at(day: int) -> dt.datetime:
    return dt.datetime(2025, 10, day, tzinfo=dt.UTC)


def test_a_table_is_rows_of_consent(server: Server) -> None:
    """Granted, refused and undecided, known since the transaction that reads them."""
    server.run(
        "INSERT INTO consent.given VALUES ('u1', 'granted', '2025-10-01 02:00+02'),"
        " ('u1', 'refused', '2025-10-02Z'), ('u2', NULL, NULL), ('ü3', 'true', '2025-10-03Z')"
    )
    before = dt.datetime.now(dt.UTC)
    found = Found(server)
    assert found.rows == {
        (HASHER.user("u1"), GRANTED, at(1)),
        (HASHER.user("u1"), REFUSED, at(2)),
        (HASHER.user("u2"), UNDECIDED, None),
        (HASHER.user("ü3"), GRANTED, at(3)),
    }
    (known,) = found.snapshot.instants
    assert before - dt.timedelta(seconds=5) <= known <= dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)
    assert (found.snapshot.path, found.snapshot.rows) == ("postgresql:consent.given", 4)


def test_types_of_the_database_read_as_what_they_are(server: Server) -> None:
    """Numbers and UUIDs are ids, booleans and enumerations states."""
    uuid = "0d9c1b5e-7b0f-4a57-9d6e-3f7d1c2b4a59"
    server.run(
        "CREATE TYPE consent.answer AS ENUM ('granted', 'refused')",
        'CREATE TABLE consent."Odd ""Name" (id uuid, "is.yes" boolean, "At" timestamptz)',
        f"INSERT INTO consent.\"Odd \"\"Name\" VALUES ('{uuid}', true, '2025-10-01Z')",
    )
    columns = {"user_id": "id", "state": "is.yes", "decided_at": "At"}
    assert Found(server, table='consent.Odd "Name', columns=columns).rows == {
        (HASHER.user(uuid), GRANTED, at(1))
    }
    query = (
        "SELECT 7::bigint AS user_id, 'refused'::consent.answer AS state, now() AS decided_at -- of all;\n ;"
    )
    ((key, state, _),) = Found(server, query=query).rows
    assert (key, state) == (HASHER.user("7"), REFUSED)


def test_a_column_can_give_the_time_since_when_a_row_is_known(server: Server) -> None:
    """A table with its history can be read for any moment; later rows are ignored."""
    server.run(
        "INSERT INTO consent.given VALUES ('u1', 'granted', '2025-10-01Z', '2025-10-01Z'),"
        " ('u1', 'refused', '2025-10-02Z', '2025-10-05Z'), ('u1', 'perhaps', '2025-10-02Z', '2025-10-06Z')"
    )
    columns = {"snapshot_at": "recorded_at"}
    assert Found(server, at(4), given=True, columns=columns).rows == {(HASHER.user("u1"), GRANTED, at(1))}
    later = Found(server, at(5), given=True, columns=columns)
    assert len(later.rows) == 2
    assert later.snapshot.instants == (at(1), at(5))
    with pytest.raises(ConsentError, match="after as_of; remove as_of"):
        Found(server, at(4), given=True)
    server.run("UPDATE consent.given SET recorded_at = NULL WHERE state = 'granted'")
    with pytest.raises(ConsentError, match="a row has no snapshot_at"):
        Found(server, at(5), given=True, columns=columns)


def test_what_is_decided_after_as_of_is_not_known_at_it(server: Server) -> None:
    """Without as_of a run is for the second in which it began; a table of the present is read just after."""
    now = dt.datetime.now(dt.UTC)
    server.run(
        f"INSERT INTO consent.given VALUES ('u1', 'granted', '{now.isoformat()}'),"
        f" ('u2', 'granted', '{(now + dt.timedelta(microseconds=1)).isoformat()}')"
    )
    found = Found(server, now)
    assert found.rows == {(HASHER.user("u1"), GRANTED, now)}
    assert found.snapshot.instants == (now,)


def test_local_times_need_a_zone_and_the_doubt_goes_against_training(server: Server) -> None:
    """Clocks in Berlin show 02:30 of 26 October 2025 twice."""
    query = (
        "SELECT 'u' || s AS user_id, s AS state, timestamp '2025-10-26 02:30' AS decided_at"
        " FROM (VALUES ('granted'), ('refused')) AS v(s)"
    )
    with pytest.raises(ConsentError, match="column decided_at has no time zone"):
        Found(server, query=query)
    rows = Found(server, query=query, time_zone="Europe/Berlin").rows
    assert rows == {
        (HASHER.user("ugranted"), GRANTED, dt.datetime(2025, 10, 26, 1, 30, tzinfo=dt.UTC)),
        (HASHER.user("urefused"), REFUSED, dt.datetime(2025, 10, 26, 0, 30, tzinfo=dt.UTC)),
    }


def test_a_digest_depends_on_the_rows_only(server: Server) -> None:
    """It is independent of row order and time of reading. A changed row changes the digest."""
    rows = [f"('u{n}', '{'granted' if n % 2 else 'refused'}', '2025-10-0{n}Z')" for n in range(1, 7)]
    server.run(f"INSERT INTO consent.given VALUES {', '.join(rows)}")
    first = Found(server).snapshot.stored
    server.run("TRUNCATE consent.given", f"INSERT INTO consent.given VALUES {', '.join(reversed(rows))}")
    assert Found(server).snapshot.stored == first
    server.run("UPDATE consent.given SET state = 'granted' WHERE user_id = 'u2'")
    assert Found(server).snapshot.stored != first


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("'u-77', 'perhaps', now()", "column state holds a value .*: 'perhaps'"),
        ("'u-77', 'jo@example.org', now()", "column state .*: a text that is no plain word"),
        ("NULL, 'granted', now()", "a row has no user_id"),
        ("' ', 'granted', now()", "a row has no user_id"),
        (
            "'u-77', 'granted', 'infinity'",
            "column decided_at: expected times from 1970 to 2199, found another or infinity",
        ),
        ("'u-77', 'refused', '-infinity'", "column decided_at: expected times from 1970 to 2199"),
        ("'u-77', 'refused', '1969-12-31Z'", "column decided_at: expected times from 1970 to 2199"),
        ("'u-77', 'refused', '2200-01-01Z'", "column decided_at: expected times from 1970 to 2199"),
    ],
)
def test_a_row_that_is_not_understood_refuses_the_table(server: Server, row: str, words: str) -> None:
    """It could be an opt-out. The driver reads infinity as a time long ago: a refusal that is undone."""
    server.run(
        "INSERT INTO consent.given VALUES ('u1', 'granted', '2025-10-01Z')",
        f"INSERT INTO consent.given VALUES ({row})",
    )
    with pytest.raises(ConsentError, match=words) as refused:
        Found(server)
    assert str(refused.value).startswith("c.yaml: consent.sources[0]: ")
    assert "u-77" not in str(refused.value)
    assert "example" not in str(refused.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"table": "consent.nothing"}, "there is no such table (SQLSTATE 42P01)"),
        ({"columns": {"state": "nothing"}}, "there is no such column (SQLSTATE 42703)"),
        ({"query": "SELECT 'jo' FROM"}, "the query is not valid (SQLSTATE 42601)"),
        ({"query": "SELECT 1 AS user_id; DROP TABLE consent.given"}, "the query is not valid"),
        (
            {"query": "SELECT 'jo'::int AS user_id"},
            "a value cannot be converted (SQLSTATE 22P02)",
        ),
        (
            {"query": "SELECT * FROM consent.given, LATERAL (SELECT consent.spoil()) AS s"},
            "read-only (SQLSTATE 25006)",
        ),
        (
            {"query": "SELECT 'u' AS user_id, 'granted' AS state, date '2025-10-01' AS decided_at"},
            "expected timestamp",
        ),
        ({"query": "SELECT 'u' AS user_id, 'granted' AS state, 5 AS decided_at"}, "has type int32"),
    ],
)
def test_an_error_names_the_fault_without_the_servers_message(
    server: Server, keys: dict[str, Any], words: str
) -> None:
    """Server messages quote queries and values; the SQLSTATE code is enough."""
    server.run(
        "CREATE FUNCTION consent.spoil() RETURNS int LANGUAGE sql AS"
        " $$ INSERT INTO consent.given VALUES ('x') RETURNING 1 $$",
        "INSERT INTO consent.given VALUES ('u1', 'granted', '2025-10-01Z')",
    )
    with pytest.raises(ConsentError) as refused:
        Found(server, **keys)
    assert words in str(refused.value)
    assert "jo" not in str(refused.value)
    assert len(Found(server).rows) == 1
