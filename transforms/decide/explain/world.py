"""A world: one conversation and everything that its decision depends on. It can be changed and decided."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from schemas.policy import Policy
from schemas.tables import FACTS
from transforms.decide.merge import merge
from transforms.decide.rules import DecisionInputs, Judgement, judge
from transforms.decide.settle import settle


@dataclasses.dataclass(frozen=True, eq=False)
class World:
    """FACTS rows of one conversation (of all its users), and the other inputs of `decide`."""

    facts: pa.Table
    consent: pa.Table
    user_deletions: pa.Table
    conversation_deletions: pa.Table
    authorizations: pa.Table
    policy: Policy
    as_of: dt.datetime
    known_until: dt.datetime | None

    def judged(self) -> Judgement:
        """The judgement of the engine, one session per user."""
        inputs = DecisionInputs(
            self.consent, self.user_deletions, self.authorizations, self.as_of, self.known_until
        )
        return judge(merge(self.facts), inputs, self.policy)

    def settled(self, judged: Judgement) -> list[dict[str, Any]]:
        """The settled decision rows, in the order of the judgement's sessions."""
        rows: list[dict[str, Any]] = settle(judged.table(), self.conversation_deletions).to_pylist()
        return rows

    def verdict(self, user_key: bytes | None) -> dict[str, Any]:
        """The settled decision row of one user's session."""
        return next(row for row in self.settled(self.judged()) if row["user_key"] == user_key)

    def with_records(self, edit: Callable[[dict[str, Any]], None]) -> World:
        """The world with each record edited in place."""
        rows = self.facts.to_pylist()
        for row in rows:
            edit(row)
        return dataclasses.replace(self, facts=pa.Table.from_pylist(rows, schema=FACTS))
