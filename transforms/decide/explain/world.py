"""One conversation and all that its decision depends on, to be judged as it is or changed."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from schemas.policy import Policy
from schemas.tables import FACTS
from transforms.decide.merge import merge
from transforms.decide.rules import DecisionInputs, Judged, judge
from transforms.decide.settle import settle


@dataclasses.dataclass(frozen=True, eq=False)
class World:
    """FACTS rows of one conversation (all its users), and the tables of `decide` that concern it."""

    facts: pa.Table
    consent: pa.Table
    user_deletions: pa.Table
    conversation_deletions: pa.Table
    authorizations: pa.Table
    policy: Policy
    as_of: dt.datetime
    known_until: dt.datetime | None

    def judged(self) -> Judged:
        """The judgement of the engine, one session a user."""
        given = DecisionInputs(
            self.consent, self.user_deletions, self.authorizations, self.as_of, self.known_until
        )
        return judge(merge(self.facts), given, self.policy)

    def settled(self, judged: Judged) -> list[dict[str, Any]]:
        """The decision rows a run would settle on, in the order of the judgement's sessions."""
        rows: list[dict[str, Any]] = settle(judged.table(), self.conversation_deletions).to_pylist()
        return rows

    def verdict(self, user_key: bytes | None) -> dict[str, Any]:
        """The decision row of one user's session."""
        return next(row for row in self.settled(self.judged()) if row["user_key"] == user_key)

    def with_records(self, edit: Callable[[dict[str, Any]], None]) -> World:
        """The world with each record edited in place."""
        rows = self.facts.to_pylist()
        for row in rows:
            edit(row)
        return dataclasses.replace(self, facts=pa.Table.from_pylist(rows, schema=FACTS))
