"""What `chatsieve verify` reports: findings by class, what was checked, what was not and why."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

#: The classes of findings, in the order in which they are checked and listed.
KINDS = ("catalog", "manifest", "files", "schema", "ledger", "rows", "index", "report", "residual")


class Finding(NamedTuple):
    """One thing that is wrong: its class, the file, and what was expected. Never a text or an id."""

    kind: str
    where: str
    what: str


class NotChecked(NamedTuple):
    """A check that was not made, and the reason."""

    what: str
    why: str


@dataclasses.dataclass
class Outcome:
    """The result of a verification. `notes` are remarks that are no findings."""

    name: str
    findings: list[Finding] = dataclasses.field(default_factory=list)
    checked: list[str] = dataclasses.field(default_factory=list)
    not_checked: list[NotChecked] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    def skip(self, what: str, why: str) -> None:
        """Notes a check that was not made."""
        self.not_checked.append(NotChecked(what, why))

    def in_order(self) -> list[Finding]:
        """The findings, class by class; within a class in the order in which they were made."""
        return sorted(self.findings, key=lambda finding: KINDS.index(finding.kind))


class RowFaults:
    """Counts of rows with a fault, by file, so that a fault of many rows is one finding."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._rows: collections.Counter[tuple[str, str]] = collections.Counter()

    def add(self, where: str, what: str, rows: int = 1) -> None:
        """Counts rows with a fault; nothing for 0 rows."""
        if rows > 0:
            self._rows[where, what] += rows

    def findings(self) -> Iterator[Finding]:
        """One finding a file and fault."""
        for (where, what), rows in self._rows.items():
            yield Finding(self._kind, where, f"{rows} row{'' if rows == 1 else 's'}: {what}")
