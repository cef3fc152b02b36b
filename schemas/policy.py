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
    """A clause of the published terms."""

    id: PrintableText = pydantic.Field(
        description="The name of the clause, in the ledger's column `clause`.", examples=["opt-out"]
    )
    summary: PrintableText = pydantic.Field(
        description="The content of the clause.", examples=["After an opt-out, future data is excluded."]
    )
    accounts: list[PrintableText] = pydantic.Field(
        default_factory=list, description="The `sources` that quote the clause.", examples=[["A", "B"]]
    )


class RuleText(StrictModel):
    """The clause of a reason in this pack, and when the rule fires, in plain words."""

    clause: PrintableText = pydantic.Field(
        description="The id of the clause that the reason is based on.", examples=["opt-out"]
    )
    summary: PrintableText | None = pydantic.Field(
        default=None, description="When the rule fires, in plain words.", examples=["The user refuses"]
    )


class Tiers(StrictModel):
    """Included and excluded tiers. A tier in neither list is unknown, and its sessions are excluded."""

    included: list[str] = pydantic.Field(
        description="Tiers whose sessions may be used.", examples=[["free", "pro", "max"]]
    )
    excluded: list[str] = pydantic.Field(
        description="Tiers whose sessions are excluded unless an authorisation applies.",
        examples=[["team", "enterprise"]],
    )


class Surfaces(StrictModel):
    """Included and excluded surfaces. Separate authorisations apply to `authorizable` surfaces only."""

    included: list[str] = pydantic.Field(
        description="Surfaces whose sessions may be used.", examples=[["chat", "code"]]
    )
    excluded: list[str] = pydantic.Field(
        description="Surfaces whose sessions are excluded unless an authorisation applies.",
        examples=[["api", "bedrock", "vertex"]],
    )
    authorizable: list[str] = pydantic.Field(
        description="Surfaces to which separate authorisations apply.", examples=[["chat", "code", "api"]]
    )


class Retention(StrictModel):
    """How long a session may be kept after its last activity."""

    granted: Duration = pydantic.Field(
        description="For users who agreed; years and months follow the calendar.", examples=["P5Y"]
    )
    refused: Duration = pydantic.Field(
        description="For users whose data is kept under `prior_contributions: keep`.", examples=["P30D"]
    )


#: A regular expression of all ids of policies.
POLICY_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


class Policy(StrictModel):
    """Everything that a decision depends on, besides the data and `as_of`."""

    id: str = pydantic.Field(
        pattern=POLICY_ID,
        description="The name of the pack in ledger, rows and manifest. Give a changed copy a new one.",
        examples=["consumer-terms-2025-09-28"],
    )
    effective_at: Instant = pydantic.Field(
        description="Before this instant no grant counts, whenever it was given.",
        examples=["2025-08-28T00:00:00Z"],
    )
    decision_deadline: Instant = pydantic.Field(
        description="By when users were asked to decide. Used in reports; it changes no decision.",
        examples=["2025-09-28T23:59:59Z"],
    )
    tiers: Tiers = pydantic.Field(
        description="Included and excluded tiers.",
        examples=[{"included": ["free", "pro"], "excluded": ["enterprise"]}],
    )
    surfaces: Surfaces = pydantic.Field(
        description="Included, excluded and authorisable surfaces.",
        examples=[{"included": ["chat"], "excluded": ["api"], "authorizable": ["api"]}],
    )
    separate_authorization: Literal["honour", "ignore"] = pydantic.Field(
        default="honour",
        description="Whether authorisations open excluded tiers and surfaces.",
        examples=["ignore"],
    )
    resumption_scope: Literal["whole_session", "from_resumption"] = pydantic.Field(
        default="whole_session",
        description=(
            "Of a new or resumed session, keep undecided messages too, or only granted ones from the first "
            "granted human message on."
        ),
        examples=["from_resumption"],
    )
    prior_contributions: Literal["exclude", "keep"] = pydantic.Field(
        default="exclude",
        description=(
            "For a user who refuses at `as_of`: nothing is used, or messages granted when sent stay usable "
            "under the refused retention."
        ),
        examples=["keep"],
    )
    partial_consent: Literal["truncate", "drop_session"] = pydantic.Field(
        default="truncate",
        description="Keep a section beside refused messages, or exclude the session.",
        examples=["drop_session"],
    )
    threads: Literal["main", "all"] = pydantic.Field(
        default="main",
        description="Keep the main thread only, or each subagent thread as a row of its own.",
        examples=["all"],
    )
    retention: Retention = pydantic.Field(
        description="How long a session may be kept after its last activity.",
        examples=[{"granted": "P5Y", "refused": "P30D"}],
    )
    clock_skew: Duration = pydantic.Field(
        description="How far after `as_of` the time of a message may be.", examples=["PT5M"]
    )
    max_snapshot_age: Duration = pydantic.Field(
        description="If the newest consent snapshot is older at `as_of`, the run is refused.",
        examples=["PT36H"],
    )
    sources: dict[PrintableText, PrintableText] = pydantic.Field(
        default_factory=dict,
        description="The publications that clauses refer to, by name.",
        examples=[{"A": "A news report on the terms, August 2025"}],
    )
    clauses: list[Clause] = pydantic.Field(
        default_factory=list,
        description="The clauses of the published terms.",
        examples=[[{"id": "opt-out", "summary": "After an opt-out, future data is excluded."}]],
    )
    rules: dict[str, RuleText] = pydantic.Field(
        default_factory=dict,
        description="By reason, the clause and summary that replace those of the program.",
        examples=[{"opted_out": {"clause": "opt-out"}}],
    )

    @property
    def labels(self) -> frozenset[str]:
        """All tiers and surfaces of its lists; any other value could be personal."""
        lists = (self.tiers.included, self.tiers.excluded, self.surfaces.included, self.surfaces.excluded)
        return frozenset().union(*lists)

    def listed(self, column: str) -> frozenset[str]:
        """The values that its lists have for `tier` or `surface`."""
        lists = self.tiers if column == "tier" else self.surfaces
        return frozenset([*lists.included, *lists.excluded])

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
