"""The policy pack: the knobs of eligibility.md, and the clauses it cites."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

import isodate
import msgspec
import pydantic

from schemas.decisions import CLAUSE
from schemas.errors import PolicyError
from schemas.policy_faults import faults_of
from schemas.strict_yaml import Duration, Instant, StrictModel, dotted_key, line_of, load_tree, validate

#: Text that is shown on terminals: no control characters.
PrintableText = Annotated[str, pydantic.Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class Clause(StrictModel):
    """One clause of the published terms: what it says, and in which accounts."""

    id: PrintableText
    summary: PrintableText
    accounts: list[PrintableText] = pydantic.Field(default_factory=list)


class RuleText(StrictModel):
    """What a reason rests on in this pack: a clause of it, and in plain words when it fires."""

    clause: PrintableText
    summary: PrintableText | None = None


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
    """Everything a decision depends on besides the data and `as_of`.

    `sources` names the accounts that clauses cite; `rules` maps reasons to clauses where they are not those
    of `schemas.decisions.CLAUSE`.
    """

    id: str = pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
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
    sources: dict[PrintableText, PrintableText] = pydantic.Field(default_factory=dict)
    clauses: list[Clause] = pydantic.Field(default_factory=list)
    rules: dict[str, RuleText] = pydantic.Field(default_factory=dict)

    def clause_by_reason(self) -> dict[str, str]:
        """The clause id behind each reason that has one."""
        return CLAUSE | {reason: rule.clause for reason, rule in self.rules.items()}


#: The knobs that choose between words, and their settings.
KNOBS: dict[str, tuple[str, ...]] = {
    name: typing.get_args(field.annotation)
    for name, field in Policy.model_fields.items()
    if typing.get_origin(field.annotation) is Literal
}


@dataclasses.dataclass(frozen=True)
class Pack:
    """A policy as loaded: `sha256` is of its file, `canonical_sha256` of its canonical form, both in hex."""

    policy: Policy
    sha256: str
    canonical_sha256: str


def load_pack(path: Path) -> Pack:
    """The validated pack in a file; raises PolicyError with file, line and key."""
    tree, lines = load_tree(path, PolicyError)
    policy = validate(tree, lines, path, Policy, PolicyError)
    for keys, message in faults_of(policy):
        raise PolicyError(f"{path}:{line_of(lines, keys)}: {dotted_key(keys)}: {message}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Pack(policy=policy, sha256=digest, canonical_sha256=canonical_sha256(policy))


def load_policy(path: Path) -> tuple[Policy, str]:
    """The policy and the SHA-256 of its file, in hex."""
    pack = load_pack(path)
    return pack.policy, pack.sha256


def canonical(policy: Policy) -> dict[str, Any]:
    """The policy in plain values, one form for all files that mean the same.

    Defaults are written out, lists whose order means nothing are sorted, instants are UTC, durations are
    normalised (P1DT12H for PT36H, P5Y for P60M).
    """
    tree = policy.model_dump(exclude={"retention", "clock_skew", "max_snapshot_age"})
    for group in ("tiers", "surfaces"):
        tree[group] = {name: sorted(words) for name, words in tree[group].items()}
    tree["clauses"] = sorted(
        ({**clause, "accounts": sorted(clause["accounts"])} for clause in tree["clauses"]),
        key=lambda clause: clause["id"],
    )
    for name in ("effective_at", "decision_deadline"):
        tree[name] = tree[name].isoformat().replace("+00:00", "Z")
    tree["retention"] = {
        "granted": iso_duration(policy.retention.granted),
        "refused": iso_duration(policy.retention.refused),
    }
    tree["clock_skew"] = iso_duration(policy.clock_skew)
    tree["max_snapshot_age"] = iso_duration(policy.max_snapshot_age)
    return tree


def canonical_sha256(policy: Policy) -> str:
    """SHA-256, in hex, over the canonical form as JSON with sorted keys."""
    return hashlib.sha256(msgspec.json.encode(canonical(policy), order="sorted")).hexdigest()


def iso_duration(duration: isodate.Duration | dt.timedelta) -> str:
    """The duration in ISO 8601, months carried into years."""
    if isinstance(duration, isodate.Duration):
        months = int(duration.years * 12 + duration.months)
        duration = isodate.Duration(years=months // 12, months=months % 12, days=0) + duration.tdelta
    text: str = isodate.duration_isoformat(duration)
    return text
