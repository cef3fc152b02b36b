"""A query of PostgreSQL as Arrow tables, over ADBC: one read-only transaction, a cursor on the server.

No error tells what the driver says: that quotes connection strings, queries and values.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from schemas.errors import ConfigError, ConsentError

_ROWS = 1 << 16
#: By the first letters of the SQLSTATE, the longest that fits (PostgreSQL documentation, appendix A).
_REASONS = {
    "08": "the connection broke",
    "22": "a value cannot be computed or converted",
    "25006": "the query writes; the transaction is read-only",
    "28": "user or password is refused",
    "3D": "there is no such database",
    "40": "the transaction was rolled back by the server; run again",
    "42": "the query is not understood",
    "42501": "the user may not read it",
    "42703": "there is no such column",
    "42P01": "there is no such table",
    "53": "the server has no room left",
    "57": "the server cancelled it",
}
#: What libpq says before there is a SQLSTATE, and what it means.
_NOT_CONNECTED = {
    "authentication failed": "user or password is refused",
    "does not exist": "there is no such database or user",
    "pg_hba.conf": "the server does not let this user in from here",
    "connection info string": "it is no connection string of libpq",
    "connection option": "it is no connection string of libpq",
    "URI": "it is no connection string of libpq",
    "SSL": "no encrypted connection can be made",
}


class Transaction:
    """One snapshot of the database; `now` is when it began, by the server's clock."""

    def __init__(self, cursor: Any, where: str) -> None:
        self._cursor = cursor
        self._where = where
        with _told(where):
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT transaction_timestamp()")
            self.now: dt.datetime = cursor.fetchone()[0].astimezone(dt.UTC)

    def tables(self, query: str) -> Iterator[pa.Table]:
        """What the query gives, a few ten thousand rows at a time; an empty result is one table without rows.

        FETCH from a cursor rather than the driver's COPY: whatever the width of a row, no more than one
        batch waits anywhere in this process.
        """
        with _told(self._where):
            self._cursor.execute(f"DECLARE chatsieve_rows NO SCROLL CURSOR FOR {query}")
        first = True
        while True:
            with _told(self._where):
                self._cursor.execute(f"FETCH FORWARD {_ROWS} FROM chatsieve_rows")
                table = self._cursor.fetch_arrow_table()
            if table.num_rows or first:
                yield table
            if not table.num_rows:
                return
            first = False


@contextlib.contextmanager
def transaction(uri: str, where: str) -> Iterator[Transaction]:
    """A transaction, rolled back at the end; raises ConsentError, and ConfigError without the driver."""
    with contextlib.ExitStack() as stack:
        with _told(where):
            connection = stack.enter_context(_driver(where).connect(uri))
            cursor = stack.enter_context(
                connection.cursor(adbc_stmt_kwargs={"adbc.postgresql.use_copy": "false"})
            )
        yield Transaction(cursor, where)
        with _told(where):
            connection.rollback()


def quoted_name(name: str) -> str:
    """A name as an identifier of a query."""
    return '"' + name.replace('"', '""') + '"'


def _driver(where: str) -> Any:
    try:
        return importlib.import_module("adbc_driver_postgresql.dbapi")
    except ImportError:
        raise ConfigError(
            f"{where}: format postgresql needs a driver that is not installed; "
            "install chatsieve with its extra `postgres`"
        ) from None


@contextlib.contextmanager
def _told(where: str) -> Iterator[None]:
    try:
        yield
    except (ConfigError, ConsentError):
        raise
    except Exception as error:  # noqa: BLE001 - of a driver that may not be there; its text holds secrets
        raise ConsentError(f"{where}: PostgreSQL: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str) and state:
        known = max((each for each in _REASONS if state.startswith(each)), key=len, default=None)
        return f"{_REASONS[known] if known else 'the server refuses the query'} (SQLSTATE {state})"
    said = str(error)
    if "Failed to connect" in said:
        reason = next(
            (why for part, why in _NOT_CONNECTED.items() if part in said), "no server answers there"
        )
        return f"cannot connect: {reason}; look at uri"
    return f"the driver failed ({type(error).__name__})"
