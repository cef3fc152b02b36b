"""The explanation of each session of a conversation, as part of the document of `chatsieve explain`."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pyarrow as pa

from pipeline.commands.policy import RuleLine, rule_lines
from pipeline.commands.run import engine_spec
from pipeline.inputs.config import Settings
from schemas.decisions import DEID_FAILED, TEXT_REASONS, Decision, Reason, decision_of
from schemas.keys import KeyedHasher
from schemas.policy import Pack
from schemas.records import Session
from schemas.tables import DECISIONS
from transforms.consent.snapshots import ConsentEvent
from transforms.decide.explain.changes import Change, changes
from transforms.decide.explain.locate import FoundConversation
from transforms.decide.explain.messages import Place, message_lines
from transforms.decide.explain.rule_sentences import EXPLAINED, STATE_WORDS, RuleSentences
from transforms.decide.explain.world import World
from transforms.shuffle.instants import moment_text
from transforms.shuffle.run_key import RunKey
from transforms.sources.base import ReadContext

#: Columns that decisions and ledger have in common.
_SHARED = ("decision", "reason", "basis", "tier", "surface", "messages_seen", "messages_kept")


def explained_sessions(
    settings: Settings,
    world: World,
    found: FoundConversation,
    events: list[ConsentEvent],
    context: ReadContext,
    check_text: bool,
) -> list[dict[str, Any]]:
    """An entry per session (one per user): decision, consent, messages, rules, and what would change it."""
    if not found.facts.num_rows:
        return []
    judged = world.judged()
    rows = world.settled(judged)
    places: dict[Place, Session] = {
        (place["unit"], place["row"]): session
        for place, session in zip(
            found.facts.select(["unit", "row"]).to_pylist(), found.sessions, strict=True
        )
    }
    lines = rule_lines(world.policy)
    explained = []
    for number, row in enumerate(rows):
        if row["decision"] == Decision.ELIGIBLE and check_text:
            _apply_rule_15(row, settings, context)
        because = RuleSentences(world, judged, number, len(rows))
        eligible = row["decision"] == Decision.ELIGIBLE
        explained.append(
            {
                **_verdict(row, settings.packs[0]),
                "user_key": None if row["user_key"] is None else row["user_key"].hex(),
                "consent": _timeline(row["user_key"], events, context.hasher, judged.subject.now[number]),
                "messages": message_lines(judged, number, eligible, places),
                "rules": _rules(lines, row, because, dict(judged.rules), check_text and eligible),
                "would_change": [
                    {
                        "if": change.conditions,
                        "decision": change.decision,
                        "reason": change.reason,
                        "messages_kept": change.messages_kept,
                    }
                    for change in _changes(world, row)
                ],
            }
        )
    return explained


def _changes(world: World, row: dict[str, Any]) -> list[Change]:
    """Changes that would give another decision; none are tried for decisions of rule 15."""
    of_text = row["reason"] in TEXT_REASONS or row["reason"] == DEID_FAILED
    return [] if of_text else changes(world, row["user_key"])


def _verdict(row: dict[str, Any], pack: Pack) -> dict[str, Any]:
    dates = {name: None if row[name] is None else row[name].isoformat() for name in _DATES}
    shared = {name: row[name] for name in _SHARED}
    return {**shared, "clause": pack.policy.clause_by_reason().get(row["reason"]), **dates}


_DATES = ("created_on", "last_active_on", "retain_until")


def _apply_rule_15(row: dict[str, Any], settings: Settings, context: ReadContext) -> None:
    """Applies rule 15 to an eligible session, as a run does; a refusal replaces the decision in `row`."""
    from transforms.deid.engines import mask_sessions, refusal_of
    from transforms.deid.kept_text import read_kept
    from transforms.deid.outline import outline
    from transforms.deid.spans import SessionText

    table = pa.Table.from_pylist([row], schema=DECISIONS)
    for prepared in read_kept(table, context):
        text = SessionText(row["conversation_key"], outline(prepared.threads).segments)
        (masked,) = mask_sessions(engine_spec(settings, RunKey.new(settings.key_reference)), [text])
        refusal = refusal_of(masked)
        if refusal:
            row.update(decision=str(decision_of(refusal)), reason=str(refusal), basis=None, messages_kept=0)


def _timeline(
    user_key: bytes | None, events: list[ConsentEvent], hasher: KeyedHasher, now: int
) -> dict[str, Any]:
    """The user's decisions in the known snapshots, each with the time it was first known."""
    known: dict[tuple[str, int], list[dt.datetime]] = {}
    for event in events:
        if user_key is not None and hasher.user(event.user_id) == user_key:
            decided = "" if event.decided_at is None else moment_text(event.decided_at)
            known.setdefault((decided, event.state), []).append(event.snapshot_at)
    return {
        "in_snapshot": bool(known),
        "state_at_as_of": STATE_WORDS[int(now)],
        "events": [
            {
                "decided_at": decided or None,
                "state": STATE_WORDS[state],
                "first_known_at": moment_text(min(snapshots)),
                "snapshots": len(snapshots),
            }
            for (decided, state), snapshots in sorted(known.items())
        ],
    }


def _rules(
    lines: list[RuleLine], row: dict[str, Any], because: RuleSentences, fires: dict[str, Any], read_text: bool
) -> list[dict[str, Any]]:
    """Each rule in order, with its outcome and why."""
    explained = []
    for line in rules_by_reason(lines, row["reason"]):
        if line["reason"] in EXPLAINED:
            text = because.of(line["reason"])
        elif row["reason"] == line["reason"]:
            text = "found by de-identification"
        else:
            read = read_text and line["outcome"] != "not reached"
            text = "the text was checked" if read else "the text was not read"
        if not read_text and line["reason"] not in EXPLAINED and line["outcome"] == "does not fire":
            line["outcome"] = "not tried"
        own = fires.get(line["reason"])
        would = bool(own[because.number]) if own is not None and line["outcome"] == "not reached" else None
        explained.append({**line, "because": text, "would_fire": would})
    return explained


def rules_by_reason(lines: list[RuleLine], reason: str) -> list[dict[str, Any]]:
    """The rules, each with the outcome that follows from the reason."""
    reasons = [line.reason for line in lines]
    if reason in reasons:
        stop = reasons.index(reason)
    elif reason in (Reason.ELIGIBLE, DEID_FAILED):
        stop = len(reasons)
    else:
        stop = -1  # a quarantine code: no rule was tried
    return [
        {**dataclasses.asdict(line), "outcome": _OUTCOMES[(at >= stop) + (at > stop)]}
        for at, line in enumerate(lines)
    ]


_OUTCOMES = ("does not fire", "fires", "not reached")
