"""The policy pack: settings that decisions depend on, and clauses of the terms (docs/reference/policy.md)."""

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
from schemas.strict_yaml import Duration, Instant, StrictModel, validate
from schemas.yaml_tree import bytes_of, dotted_key, line_of, load_tree

#: Text without control characters, safe to print on a terminal.
PrintableText = Annotated[str, pydantic.Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class Clause(StrictModel):
    """A clause of the published terms. `accounts`: the `sources` that quote it."""

    id: PrintableText
    summary: PrintableText
    accounts: list[PrintableText] = pydantic.Field(default_factory=list)


class RuleText(StrictModel):
    """The clause of a reason in this pack, and when the rule fires, in plain words."""

    clause: PrintableText
    summary: PrintableText | None = None


class Tiers(StrictModel):
    """Included and excluded tiers. A tier in neither list is unknown, and its sessions are excluded."""

    included: list[str]
    excluded: list[str]


class Surfaces(StrictModel):
    """Included and excluded surfaces. Separate authorisations apply to `authorizable` surfaces only."""

    included: list[str]
    excluded: list[str]
    authorizable: list[str]


class Retention(StrictModel):
    """How long a session may be kept after its last activity."""

    granted: Duration
    refused: Duration


class Policy(StrictModel):
    """Everything that a decision depends on, besides the data and `as_of`.

    `sources`: the publications that clauses refer to, by name. `rules`: clause and summary of reasons that
    differ from `schemas.decisions`.
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

    @property
    def labels(self) -> frozenset[str]:
        """All tiers and surfaces of its lists; any other value could be personal."""
        lists = (self.tiers.included, self.tiers.excluded, self.surfaces.included, self.surfaces.excluded)
        return frozenset().union(*lists)

    def clause_by_reason(self) -> dict[str, str]:
        """The clause id of each reason that has one."""
        return CLAUSE | {reason: rule.clause for reason, rule in self.rules.items()}


#: The settings with a fixed list of values, and these values.
KNOBS: dict[str, tuple[str, ...]] = {
    name: typing.get_args(field.annotation)
    for name, field in Policy.model_fields.items()
    if typing.get_origin(field.annotation) is Literal
}


@dataclasses.dataclass(frozen=True)
class Pack:
    """A loaded policy. `sha256`: of its file; `canonical_sha256`: of its canonical form; both in hex."""

    policy: Policy
    sha256: str
    canonical_sha256: str


def load_pack(path: Path | str, data: bytes | None = None) -> Pack:
    """The validated pack of a file, or of its bytes `data`; raises PolicyError with file, line and key."""
    data = bytes_of(Path(path), PolicyError) if data is None else data
    tree, lines = load_tree(path, PolicyError, data)
    policy = validate(tree, lines, path, Policy, PolicyError)
    found = [f"{path}:{line_of(lines, keys)}: {dotted_key(keys)}: {text}" for keys, text in faults_of(policy)]
    if found:
        raise PolicyError(*found)
    digest = hashlib.sha256(data).hexdigest()
    return Pack(policy=policy, sha256=digest, canonical_sha256=canonical_sha256(policy))


def load_policy(path: Path) -> tuple[Policy, str]:
    """The policy and the SHA-256 of its file, in hex."""
    pack = load_pack(path)
    return pack.policy, pack.sha256


def canonical(policy: Policy) -> dict[str, Any]:
    """The policy as JSON values; files with the same meaning give equal values.

    Defaults are filled in, lists without a meaningful order are sorted, instants are UTC, durations are
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
    """The duration in ISO 8601; 12 months become a year."""
    if isinstance(duration, isodate.Duration):
        months = int(duration.years * 12 + duration.months)
        duration = isodate.Duration(years=months // 12, months=months % 12, days=0) + duration.tdelta
    text: str = isodate.duration_isoformat(duration)
    return text
