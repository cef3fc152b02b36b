"""What `chatsieve init` asks: every question with its explanation, option, default and check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from pipeline.commands.init import checks
from pipeline.commands.init.checks import Check
from pipeline.commands.init.proposal import Proposal
from pipeline.inputs.packaged import packaged_names
from schemas.policy import Policy


class Question(NamedTuple):
    """`option`: what answers it on the command line. `default`: None if there is none; empty for nothing.

    `check` is not used for an empty default. `asked` False: no question at a terminal, the default is taken.
    `is_safe`: without a terminal, the default is taken if the option is missing. Otherwise it is taken only
    with --yes, since it excludes sessions.
    """

    key: str
    option: str
    text: str
    why: str
    check: Check
    default: str | None = None
    is_safe: bool = True
    asked: bool = True


class Asker(Protocol):
    """Gives the answers, from the command line or from a terminal."""

    def one(self, question: Question) -> str:
        """The checked answer; empty for nothing, and where an answer is missing."""

    def several(self, question: Question) -> list[str]:
        """The checked answers to a question that takes any number."""

    def tell(self, text: str) -> None:
        """Prints a warning."""

    def note(self, text: str) -> None:
        """Prints what was found."""


def policy() -> Question:
    names = packaged_names("policies")
    return Question(
        "policy",
        "--policy POLICY",
        "Policy",
        f"The rules by which each session is decided: {', '.join(names)}, or a file. With the default, "
        "sessions of free, pro and max accounts are used if the user agreed; `chatsieve policy show NAME` "
        "prints the rules.",
        checks.config_of("policies"),
        "consumer-terms-2025-09-28",
    )


def open_value(key: str, found: Proposal, rules: Policy) -> Question:
    """The question about a value that the logs lack."""
    tiers = [*rules.tiers.included, *rules.tiers.excluded]
    surfaces = [*rules.surfaces.included, *rules.surfaces.excluded]
    kept, of_surface = ", ".join(rules.tiers.included), ", ".join(rules.surfaces.included)
    if key == "user_id":
        return Question(
            key,
            "--user-id ID",
            "User id of the owner of these conversations",
            "The logs do not name their user. Give the id that the consent records have. Empty: records "
            "without a user are excluded (no_subject).",
            _optional(checks.default_value(key)),
            "",
            False,
        )
    if key == "tier":
        return Question(
            key,
            "--tier TIER",
            f"Tier of the accounts ({', '.join(tiers)})",
            f"The plan of the users. The policy includes {kept}. Empty: records without a tier are excluded "
            "(tier_unknown).",
            _optional(checks.one_of(tiers)),
            "",
            False,
        )
    if key == "surface":
        return Question(
            key,
            "--surface SURFACE",
            f"Surface ({', '.join(surfaces)})",
            f"Where the conversations took place. The policy includes {of_surface}. Empty: records without a "
            "surface are excluded (surface_unknown).",
            _optional(checks.one_of(surfaces)),
            found.surface or "",
            found.surface is not None,
        )
    if key == "created_at":
        return Question(
            key,
            "--created-at TIME",
            "Time of the conversations",
            "The logs have no times. Give an instant before which none of them began, such as "
            "2026-01-31T00:00:00Z; for exported lists, the time of the export.",
            checks.default_value(key),
        )
    return _of_schema(key, found, tiers, surfaces)


def _of_schema(key: str, found: Proposal, tiers: list[str], surfaces: list[str]) -> Question:
    name, _, value = key.partition(".")
    fill = f"--fill {key}=VALUE"
    if name == "time_zone":
        why = "Times of the logs have no offset. Give the zone that they were written in."
        return Question(key, fill, "Time zone, such as Europe/Berlin or UTC", why, checks.time_zone)
    if name == "group_by":
        why = "Each record is one message. Give the field with the id of the session that it belongs to."
        return Question(key, fill, "Field of the session id", why, checks.field)
    known = {"tier": tiers, "surface": surfaces}.get(name)
    if known and value:
        why = f"The field has this value; the policy does not list it. Empty: excluded ({name}_unknown)."
        text = f"{name.capitalize()} that {value} means ({', '.join(known)})"
        return Question(key, fill, text, why, _optional(checks.one_of(known)), "", False)
    return Question(key, fill, f"Value of {key}", found.comment_of(key), _not_empty)


def more_values(key: str, found: Proposal, rules: Policy) -> Question:
    """The question about values in the logs that are not shown, since they may be personal."""
    known: dict[str, tuple[list[str], str]] = {
        "tier": ([*rules.tiers.included, *rules.tiers.excluded], "Empty: they are excluded (tier_unknown)."),
        "surface": (
            [*rules.surfaces.included, *rules.surfaces.excluded],
            "Empty: they are excluded (surface_unknown).",
        ),
    }
    values, empty = known.get(key, (["user", "assistant", "system", "tool", "null"], ""))
    return Question(
        key,
        f"--fill {key}.VALUE={'ROLE' if key == 'role' else key.upper()}",
        f"VALUE={'|'.join(values)}, empty to end",
        f"Field {key}: {found.comment_of(key).partition(';')[0]} because values can be personal. Give the "
        f"meaning of each. {empty}".strip(),
        _pair(checks.one_of(values)),
        "" if key in known else None,
    )


def organization() -> Question:
    return Question(
        "organization_id",
        "--organization-id ID",
        "Organisation id",
        "The policy excludes this tier, unless a contract of the organisation allows its use. Empty: none.",
        _optional(checks.default_value("organization_id")),
        "",
    )


def authorizations(asked: bool) -> Question:
    return Question(
        "authorizations",
        "--authorizations FILE",
        "List of authorisations",
        "Contracts that allow sessions of an excluded tier: organization_id, surface, valid_from, valid_to, "
        "reference (CSV or Parquet). Empty: none.",
        checks.listed,
        "",
        asked=asked,
    )


def consent() -> Question:
    return Question(
        "consent",
        "--consent PATH|none",
        "Consent snapshots, a file or glob (CSV, JSON Lines or Parquet), or none",
        "Only sessions of users who agreed are used. Rows: user_id, state (granted or refused), decided_at, "
        "snapshot_at. none: a file is made to fill in, and until then every user is excluded "
        "(no_consent_record or undecided).",
        checks.consent,
        "none",
        False,
    )


def deletions() -> Question:
    return Question(
        "deletions",
        "--deletions FILE",
        "List of deletions",
        "Users and conversations that were deleted: kind, id, deleted_at. Empty: none.",
        checks.listed,
        "",
    )


def deid() -> Question:
    return Question(
        "deid",
        "--deid DEID",
        "De-identification",
        "What is masked in the texts: default, or a file. The default replaces each kind of personal data by "
        "a placeholder.",
        checks.config_of("deid"),
        "default",
    )


def output() -> Question:
    return Question(
        "output",
        "--output FOLDER",
        "Output folder",
        "The dataset is written here, and audits to FOLDER.audit; s3:// and gs:// work too.",
        checks.output,
        "out/dataset",
    )


def as_of(stale: str | None) -> Question:
    return Question(
        "as_of",
        "--as-of TIME",
        "Time to decide for, or empty for the time of each run",
        stale or "",
        checks.instant,
        "",
        asked=stale is not None,
    )


def paths() -> Question:
    coding = Path("~/.claude/projects")
    return Question(
        "paths",
        "PATH",
        "Logs: a file, folder or glob",
        "Conversation logs: canonical records, the folder of Claude Code, exports of Claude or ChatGPT, and "
        "other formats; also JSON Lines, JSON or Parquet of your own schema.",
        checks.logs,
        str(coding) if coding.expanduser().is_dir() else None,
        False,
    )


def _optional(check: Check) -> Check:
    def checked(text: str) -> str:
        return check(text) if text else ""

    return checked


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("expected a value")
    return text


def _pair(check: Callable[[str], str]) -> Check:
    def checked(text: str) -> str:
        value, sign, meaning = text.rpartition("=")
        if not sign or not value.strip():
            raise ValueError("expected VALUE=MEANING")
        return f"{value.strip()}={check(meaning.strip())}"

    return checked
