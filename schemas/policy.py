"""The policy file: the knobs of eligibility.md, and the clauses it cites."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import pydantic

from schemas.errors import PolicyError
from schemas.strict_yaml import Duration, Instant, StrictModel, load_model


class Clause(StrictModel):
    """One clause of the published terms: what it says, and in which accounts."""

    id: str
    summary: str
    accounts: list[str]


class Tiers(StrictModel):
    """Tiers by list; one in neither list is unknown."""

    included: list[str]
    excluded: list[str]


class Surfaces(StrictModel):
    """Surfaces by list; only those in `authorizable` can be opened by a separate authorisation."""

    included: list[str]
    excluded: list[str]
    authorizable: list[str]


class Retention(StrictModel):
    """How long after its last activity a session may be held."""

    granted: Duration
    refused: Duration


class Policy(StrictModel):
    """Everything a decision depends on besides the data and `as_of`."""

    id: str
    effective_at: Instant
    decision_deadline: Instant
    tiers: Tiers
    surfaces: Surfaces
    separate_authorization: Literal["honour", "ignore"] = "honour"
    resumption_scope: Literal["whole_session", "from_resumption"] = "whole_session"
    prior_contributions: Literal["exclude", "keep"] = "exclude"
    partial_consent: Literal["truncate", "drop_session"] = "truncate"
    threads: Literal["main", "all"] = "main"
    retention: Retention
    clock_skew: Duration
    max_snapshot_age: Duration
    clauses: list[Clause] = pydantic.Field(default_factory=list)


def load_policy(path: Path) -> tuple[Policy, str]:
    """The policy and the SHA-256 of its file, in hex."""
    policy = load_model(path, Policy, PolicyError)
    return policy, hashlib.sha256(path.read_bytes()).hexdigest()
