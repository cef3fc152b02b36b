"""`chatsieve policy list` and `chatsieve policy show`: packs as tables, to be checked against the terms."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.table import Table

from pipeline.inputs.packaged import packaged_file, packaged_names
from pipeline.inputs.packs import pack_at
from schemas.decisions import RULES
from schemas.policy import Pack, Policy, canonical, iso_duration, load_pack

#: What each value of a setting does; docs/reference/policy.md has the details.
MEANING: dict[tuple[str, str], str] = {
    ("separate_authorization", "honour"): "commercial sessions can be used with an authorisation",
    ("separate_authorization", "ignore"): "commercial sessions are never used",
    ("resumption_scope", "whole_session"): "a new or resumed session is used from its start",
    ("resumption_scope", "from_resumption"): "only granted messages, from the first granted prompt on",
    ("prior_contributions", "exclude"): "users who refuse at as_of are excluded",
    (
        "prior_contributions",
        "keep",
    ): "users who refuse at as_of: messages granted when sent are kept, for the refused retention",
    ("partial_consent", "truncate"): "the messages before or after the refused ones are kept",
    ("partial_consent", "drop_session"): "one refused message drops the session",
    ("threads", "main"): "subagents' threads are left out",
    ("threads", "all"): "subagents' threads are rows of their own",
}


@dataclasses.dataclass(frozen=True)
class RuleLine:
    """A rule with its wording in a pack; `clause` is None if no clause is cited."""

    number: int
    reason: str
    clause: str | None
    summary: str


def rule_lines(policy: Policy) -> list[RuleLine]:
    """Every rule in its order, with its clause and summary in this pack."""
    clauses = policy.clause_by_reason()
    lines = []
    for rule in RULES:
        own = policy.rules.get(rule.reason)
        summary = own.summary if own and own.summary else rule.summary
        lines.append(RuleLine(rule.number, str(rule.reason), clauses.get(rule.reason), summary))
    return lines


def list_document() -> list[dict[str, str]]:
    """The packaged policy packs by name: title and effective date.

    The title is the first sentence of the comment at the head of the file.
    """
    packs = []
    for name in packaged_names("policies"):
        path = packaged_file("policies", name)
        lines = path.read_text(encoding="utf-8").splitlines()
        comment = itertools.takewhile(lambda line: line.startswith("#"), lines)
        title = " ".join(line.lstrip("# ") for line in comment).split(". ")[0]
        effective = f"{load_pack(path).policy.effective_at:%Y-%m-%d}"
        packs.append({"name": name, "title": title, "effective_at": effective})
    return packs


def list_policies(console: Console) -> None:
    """Prints the packaged policy packs."""
    table = Table(box=None)
    table.add_column("name", no_wrap=True)
    table.add_column("effective", no_wrap=True)
    table.add_column("terms", overflow="fold")
    for pack in list_document():
        table.add_row(pack["name"], pack["effective_at"], pack["title"])
    console.print(table)


def policy_document(path: Path | str) -> dict[str, Any]:
    """The pack as a JSON document: id, digests, canonical form, and the rules in their order."""
    pack = pack_at(path)
    return {
        "id": pack.policy.id,
        "sha256": pack.sha256,
        "canonical_sha256": pack.canonical_sha256,
        "policy": canonical(pack.policy),
        "rules": [dataclasses.asdict(line) for line in rule_lines(pack.policy)],
    }


def show_policy(path: Path | str, console: Console) -> None:
    """Prints the pack: its settings and what they do, the rules, the clauses and their sources."""
    pack = pack_at(path)
    console.print(Group(*_sections(pack)))


def _sections(pack: Pack) -> list[Any]:
    policy = pack.policy
    sections: list[Any] = [_settings(pack), "", _rules(policy)]
    if policy.clauses:
        sections += ["", _clauses(policy)]
    return sections


def _settings(pack: Pack) -> Table:
    policy = pack.policy
    table = Table(title=policy.id, title_justify="left", title_style="bold", show_header=False, box=None)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "file sha256": pack.sha256,
        "canonical sha256": pack.canonical_sha256,
        "effective at": f"{policy.effective_at:%Y-%m-%d %H:%M:%S} UTC: before it no grant counts",
        "decide by": f"{policy.decision_deadline:%Y-%m-%d %H:%M:%S} UTC",
        "tiers included": ", ".join(policy.tiers.included),
        "tiers excluded": ", ".join(policy.tiers.excluded) or "none",
        "surfaces included": ", ".join(policy.surfaces.included),
        "surfaces excluded": ", ".join(policy.surfaces.excluded) or "none",
        "can be authorised": ", ".join(policy.surfaces.authorizable) or "none",
    }
    for name in dict.fromkeys(name for name, _ in MEANING):
        setting = getattr(policy, name)
        rows[name.replace("_", " ")] = f"{setting}: {MEANING[name, setting]}"
    retention = policy.retention
    rows["retention"] = (
        f"{iso_duration(retention.granted)} granted, {iso_duration(retention.refused)} refused"
    )
    rows["clock skew"] = f"{iso_duration(policy.clock_skew)}: how far after as_of a message may claim to be"
    rows["max snapshot age"] = (
        f"{iso_duration(policy.max_snapshot_age)}: with an older newest one no run starts"
    )
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _rules(policy: Policy) -> Table:
    table = Table(title="Rules, in order; the first that fires is the reason", title_justify="left", box=None)
    table.add_column("#", justify="right")
    table.add_column("reason", no_wrap=True)
    table.add_column("clause", no_wrap=True)
    table.add_column("fires when", overflow="fold")
    for line in rule_lines(policy):
        table.add_row(str(line.number), line.reason, line.clause or "-", line.summary)
    return table


def _clauses(policy: Policy) -> Table:
    table = Table(title="Clauses and where they are published", title_justify="left", box=None)
    table.add_column("clause", no_wrap=True)
    table.add_column("what it says", overflow="fold")
    table.add_column("sources", overflow="fold")
    for clause in policy.clauses:
        table.add_row(clause.id, clause.summary, ", ".join(clause.accounts))
    for name, text in policy.sources.items():
        table.add_row(f"source {name}", text, "")
    return table
