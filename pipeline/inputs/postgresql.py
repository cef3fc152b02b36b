"""Runs a PostgreSQL query over ADBC: Arrow tables from a server-side cursor, in one read-only transaction.

Error messages never contain the driver's text, since it quotes connection strings, queries and values.
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
#: Reasons by prefix of the SQLSTATE; the longest prefix applies (PostgreSQL documentation, appendix A).
_REASONS = {
    "08": "the connection was lost",
    "22": "a value cannot be converted",
    "25006": "the query writes, but the transaction is read-only",
    "28": "user or password is wrong",
    "3D": "there is no such database",
    "40": "the server rolled back the transaction; run again",
    "42": "the query is not valid",
    "42501": "the user has no permission to read",
    "42703": "there is no such column",
    "42P01": "there is no such table",
    "53": "the server is out of resources",
    "57": "the server cancelled the query",
}
#: Reasons by part of the libpq message, for errors before there is a SQLSTATE.
_NOT_CONNECTED = {
    "authentication failed": "user or password is wrong",
    "does not exist": "there is no such database or user",
    "pg_hba.conf": "the server does not accept this user from this host",
    "connection info string": "it is not a libpq connection string",
    "connection option": "it is not a libpq connection string",
    "URI": "it is not a libpq connection string",
    "SSL": "an encrypted connection failed",
}


class Transaction:
    """A read-only view of the database at one point in time; `now` is its start, by the server's clock."""

    def __init__(self, cursor: Any, where: str) -> None:
        self._cursor = cursor
        self._where = where
        with _driver_errors(where):
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT transaction_timestamp()")
            self.now: dt.datetime = cursor.fetchone()[0].astimezone(dt.UTC)

    def tables(self, query: str) -> Iterator[pa.Table]:
        """The result in tables of up to 65,536 rows; an empty result is one table without rows.

        FETCH from a cursor instead of the driver's COPY: this process never holds more than one batch.
        """
        with _driver_errors(self._where):
            self._cursor.execute(f"DECLARE chatsieve_rows NO SCROLL CURSOR FOR {query}")
        first = True
        while True:
            with _driver_errors(self._where):
                self._cursor.execute(f"FETCH FORWARD {_ROWS} FROM chatsieve_rows")
                table = self._cursor.fetch_arrow_table()
            if table.num_rows or first:
                yield table
            if not table.num_rows:
                return
            first = False


@contextlib.contextmanager
def transaction(uri: str, where: str) -> Iterator[Transaction]:
    """A transaction, rolled back at the end; ConsentError if it fails, ConfigError without the driver."""
    with contextlib.ExitStack() as stack:
        with _driver_errors(where):
            connection = stack.enter_context(_driver(where).connect(uri))
            cursor = stack.enter_context(
                connection.cursor(adbc_stmt_kwargs={"adbc.postgresql.use_copy": "false"})
            )
        yield Transaction(cursor, where)
        with _driver_errors(where):
            connection.rollback()


def quoted_name(name: str) -> str:
    """A name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _driver(where: str) -> Any:
    try:
        return importlib.import_module("adbc_driver_postgresql.dbapi")
    except ImportError:
        raise ConfigError(
            f"{where}: format postgresql needs a driver that is not installed; "
            "install chatsieve with the extra `postgres`"
        ) from None


@contextlib.contextmanager
def _driver_errors(where: str) -> Iterator[None]:
    try:
        yield
    except (ConfigError, ConsentError):
        raise
    except Exception as error:  # noqa: BLE001 - errors of an optional driver; their text contains secrets
        raise ConsentError(f"{where}: PostgreSQL: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str) and state:
        known = max((each for each in _REASONS if state.startswith(each)), key=len, default=None)
        return f"{_REASONS[known] if known else 'the server refuses the query'} (SQLSTATE {state})"
    text = str(error)
    if "Failed to connect" in text:
        reason = next((why for part, why in _NOT_CONNECTED.items() if part in text), "no server answers")
        return f"cannot connect: {reason}; check uri"
    return f"the driver failed ({type(error).__name__})"
