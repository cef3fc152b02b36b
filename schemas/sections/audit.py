"""The section `audit` of the configuration: reports, and the thresholds that end a command with 1."""

from __future__ import annotations

from typing import Annotated, Any

import isodate
import pydantic

from schemas.decisions import Reason
from schemas.reports.document import WarningCode
from schemas.strict_yaml import Duration, NewPath, StrictModel
from schemas.units import QUARANTINE_CODES

#: A fraction of all ledger rows, which are sessions and quarantined records.
Share = Annotated[float, pydantic.Field(ge=0, le=1, strict=False)]


class FailIf(StrictModel):
    """Thresholds. If one is crossed, the command commits and exits with 1, so a scheduler can stop a release.

    A value equal to the threshold is allowed. A threshold that is not given is not checked. Shares are
    fractions of all ledger rows: sessions and quarantined records.
    """

    min_sessions: int | None = pydantic.Field(
        default=None, ge=0, description="The least number of ledger rows.", examples=[1000]
    )
    min_eligible_share: Share | None = pydantic.Field(
        default=None, description="The least share of eligible sessions.", examples=[0.2]
    )
    max_share: dict[str, Share] = pydantic.Field(
        default_factory=dict,
        description="The largest share of a reason or quarantine code, by name.",
        examples=[{"opted_out": 0.3, "malformed_json": 0.001}],
    )
    max_quarantined_share: Share | None = pydantic.Field(
        default=None, description="The largest share of quarantined records and sessions.", examples=[0.01]
    )
    max_deferred_share: Share | None = pydantic.Field(
        default=None,
        description="The largest share of deferred sessions, which need a newer consent snapshot.",
        examples=[0.05],
    )
    max_moved_share: Share | None = pydantic.Field(
        default=None,
        description="The largest change of the share of any reason since the run compared with.",
        examples=[0.1],
    )
    max_snapshot_age: Duration | None = pydantic.Field(
        default=None,
        description="The largest age at `as_of` of the newest consent snapshot.",
        examples=["PT36H"],
    )
    max_undecided_users_after_deadline: int | None = pydantic.Field(
        default=None,
        ge=0,
        description="The largest number of undecided users after the policy's `decision_deadline`.",
        examples=[0],
    )
    max_stale_users: int | None = pydantic.Field(
        default=None,
        ge=0,
        description="The largest number of users with a human message after the newest consent snapshot.",
        examples=[100],
    )
    refused_eligible: int = pydantic.Field(
        default=0,
        ge=0,
        description=(
            "The largest number of eligible sessions of users who refuse, without those that the policy "
            "keeps under `prior_contributions: keep`."
        ),
        examples=[0],
    )
    warnings: list[WarningCode] = pydantic.Field(
        default_factory=list,
        description="Warning codes that must not occur.",
        examples=[["tier_new", "surface_new"]],
    )

    @pydantic.field_validator("max_share")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(value) - {*map(str, Reason), *QUARANTINE_CODES})
        if unknown:
            raise ValueError(
                f"{unknown[0]} is neither a reason nor a quarantine code; "
                "docs/reference/reasons.md lists both"
            )
        return value

    @pydantic.field_serializer("max_snapshot_age")
    def _duration_text(self, value: Any) -> str | None:
        return None if value is None else isodate.duration_isoformat(value)


class AuditConfig(StrictModel):
    """Audits, reports and thresholds."""

    path: NewPath | None = pydantic.Field(
        default=None,
        min_length=1,
        description="The folder of audits, never that of runs. If not given: `<output.path>.audit`.",
        examples=["out/audits"],
    )
    min_cell: int = pydantic.Field(
        default=10,
        ge=2,
        le=1000,
        description="With `--shareable`, counts below this number are suppressed.",
        examples=[20],
    )
    fail_if: FailIf = pydantic.Field(
        default_factory=FailIf,
        description="Thresholds that end the command with 1.",
        examples=[{"min_eligible_share": 0.2}],
    )
