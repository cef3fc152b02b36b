"""A slow and simple docs/reference/policy.md, one session at a time, to compare the engine with.

Everything is plain Python over the rows of the Arrow tables; nothing is shared with the engine but the
numbers of the contract (flags, states) and the policy.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pyarrow as pa

from schemas.policy import Policy
from schemas.tables import GRANTED, REFUSED, UNDECIDED
from tests.support.reference_sessions import Message, Row, active_branch, activity_key, union_of
from transforms.decide.record_digest import content_digests


@dataclasses.dataclass
class Verdict:
    """The decision of one session, as compared by the tests."""

    decision: str
    reason: str
    basis: str | None
    kept: list[int]
    seen: int
    retain_until: dt.date
    row_retain_until: dt.date | None


@dataclasses.dataclass
class World:
    """Everything besides the session that a decision depends on."""

    consent: list[Row]
    deletions: list[Row]
    authorizations: list[Row]
    policy: Policy
    as_of: dt.datetime
    known_until: dt.datetime | None


def decide_all(
    facts: pa.Table, consent: pa.Table, deletions: pa.Table, authorizations: pa.Table, **fixed: Any
) -> dict[tuple[bytes | None, bytes], Verdict]:
    """The verdict of each (user_key, conversation_key)."""
    world = World(consent.to_pylist(), deletions.to_pylist(), authorizations.to_pylist(), **fixed)
    sessions: dict[tuple[bytes | None, bytes], list[Row]] = {}
    # Records that are equal in all relevant columns have an arbitrary order; it is not changed here.
    for row, content in zip(facts.to_pylist(), content_digests(facts).tolist(), strict=True):
        row["content"] = content
        sessions.setdefault((row["user_key"], row["conversation_key"]), []).append(row)
    return {key: decide_one(records, world) for key, records in sessions.items()}


def settle_all(
    verdicts: dict[tuple[bytes | None, bytes], Verdict], deletions: list[Row], as_of: dt.datetime
) -> dict[tuple[bytes | None, bytes], Verdict]:
    """The verdicts after all users' records of a conversation are joined: conflicts and deletions."""
    settled = {}
    for (user, conversation), verdict in verdicts.items():
        reason, decision = verdict.reason, verdict.decision
        if decision != "quarantined":
            if any(d["key"] == conversation and d["deleted_at"] <= as_of for d in deletions):
                reason, decision = "deleted", "excluded"
            if any(other != user and key == conversation for other, key in verdicts):
                reason, decision = "subject_conflict", "quarantined"
        if reason != verdict.reason:
            nothing = {"basis": None, "kept": [], "row_retain_until": None}
            verdict = dataclasses.replace(verdict, decision=decision, reason=reason, **nothing)
        settled[user, conversation] = verdict
    return settled


def decide_one(records: list[Row], world: World) -> Verdict:
    """The verdict of one session."""
    records = sorted(records, key=activity_key)
    newest, policy, messages = records[-1], world.policy, union_of(records)
    last_active = max((m.sent_at for m in messages), default=newest["created_at"])
    tier = _deciding(records, "tier", policy.tiers.included, policy.tiers.excluded)
    surface = _deciding(records, "surface", policy.surfaces.included, policy.surfaces.excluded)
    authorized = _authorized(newest, tier, surface, messages, world)
    now = _state(world, newest["user_key"], world.as_of)
    reason, kept = _reason(records, messages, tier, surface, authorized, now, last_active, world)
    eligible = reason == "eligible"
    retention = policy.retention.refused if now == REFUSED and not authorized else policy.retention.granted
    if eligible:
        decision = "eligible"
    elif reason in ("future_timestamp", "cyclic_messages"):
        decision = "quarantined"
    else:
        decision = "deferred" if reason == "consent_unknown" else "excluded"
    return Verdict(
        decision=decision,
        reason=reason,
        basis=("separate_authorization" if authorized else "user_consent") if eligible else None,
        kept=[m.id for m in kept] if eligible else [],
        seen=len(messages),
        retain_until=(last_active + policy.retention.granted).date(),
        row_retain_until=(last_active + retention).date() if eligible else None,
    )


def _reason(
    records: list[Row],
    messages: list[Message],
    tier: tuple[str, str | None],
    surface: tuple[str, str | None],
    authorized: bool,
    now: int,
    last_active: dt.datetime,
    world: World,
) -> tuple[str, list[Message]]:
    policy, as_of, user = world.policy, world.as_of, records[-1]["user_key"]
    if any(m.sent_at > as_of + policy.clock_skew for m in messages):
        return "future_timestamp", []
    branch = active_branch([m for m in messages if m.thread == 0], records[-1]["current_message"])
    if branch is None:
        return "cyclic_messages", []
    if any(r["deleted_at"] is not None and r["deleted_at"] <= as_of for r in records):
        return "deleted", []
    if user is not None and any(d["key"] == user and d["deleted_at"] <= as_of for d in world.deletions):
        return "deleted", []
    if any(r["incognito"] for r in records):
        return "incognito", []
    if user is None and not authorized:
        return "no_subject", []
    for name, (rank, _) in (("tier", tier), ("surface", surface)):
        if rank == "unknown":
            return f"{name}_unknown", []
    for name, (rank, _) in (("tier", tier), ("surface", surface)):
        if rank == "excluded" and not authorized:
            return f"{name}_excluded", []
    if authorized:
        if now == REFUSED:
            return "opted_out", []
        kept = _with_threads(branch, branch, messages, records, world, authorized=True)
    else:
        reason, kept = _by_consent(branch, messages, records, now, world)
        if reason:
            return reason, []
    held_as_refused = now == REFUSED and not authorized
    retention = policy.retention.refused if held_as_refused else policy.retention.granted
    if last_active + retention <= as_of:
        return "retention_expired", []
    main = [m for m in kept if m.thread == 0]
    if not any(m.human and any(later.answer for later in main[i + 1 :]) for i, m in enumerate(main)):
        return "no_exchange", []
    return "eligible", kept


def _by_consent(
    branch: list[Message], messages: list[Message], records: list[Row], now: int, world: World
) -> tuple[str, list[Message]]:
    """The verdict by rules 6 to 12, with the messages that remain."""
    policy, user = world.policy, records[-1]["user_key"]
    if not any(row["user_key"] == user for row in _known(world)):
        return "no_consent_record", []
    if now == UNDECIDED:
        return "undecided", []
    if now == REFUSED and policy.prior_contributions == "exclude":
        return "opted_out", []
    if any(m.human and (world.known_until is None or m.sent_at > world.known_until) for m in messages):
        return "consent_unknown", []
    humans = [_state(world, user, m.sent_at) for m in branch if m.human]
    if humans and GRANTED not in humans:
        return ("opted_out_then" if REFUSED in humans else "not_resumed"), []
    kept = _main_kept(branch, user, world)
    if kept is None:
        return "consent_gap", []
    return "", _with_threads(kept, branch, messages, records, world, authorized=False)


def _main_kept(branch: list[Message], user: bytes, world: World) -> list[Message] | None:
    policy = world.policy
    states, prompt = [], None
    for message in branch:
        state = _state(world, user, message.sent_at)
        if message.human:
            prompt = state
        elif prompt is not None:
            state = max(state, prompt)
        states.append(state)
    pairs = list(zip(branch, states, strict=True))

    def first_granted(stretch: list[tuple[Message, int]]) -> int | None:
        return next((i for i, (m, s) in enumerate(stretch) if m.human and s == GRANTED), None)

    if REFUSED in states:
        if policy.partial_consent == "drop_session":
            return None
        before = pairs[: states.index(REFUSED)]
        after = pairs[len(states) - states[::-1].index(REFUSED) :]
        if first_granted(before) is not None:
            pairs = before
        elif (start := first_granted(after)) is not None:
            pairs = after[start:]
        else:
            return None
    if policy.resumption_scope == "from_resumption":
        start = first_granted(pairs)
        pairs = [] if start is None else pairs[start:]
    if _strict(user, world):
        pairs = [(m, s) for m, s in pairs if s == GRANTED]
    return [m for m, _ in pairs]


def _with_threads(
    kept: list[Message],
    branch: list[Message],
    messages: list[Message],
    records: list[Row],
    world: World,
    *,
    authorized: bool,
) -> list[Message]:
    """The kept main messages, then those of the other threads in order of first appearance."""
    if world.policy.threads == "main":
        return kept
    result = list(kept)
    for thread in dict.fromkeys(m.thread for m in messages if m.thread != 0):
        run = active_branch([m for m in messages if m.thread == thread], records[-1]["current_message"]) or []
        result += run if authorized else _thread_kept(run, kept, branch, records[-1]["user_key"], world)
    return result


def _thread_kept(
    run: list[Message], kept: list[Message], branch: list[Message], user: bytes, world: World
) -> list[Message]:
    kept_ids = {m.id for m in kept}
    states, allowed, own_prompt = [], [], None
    for message in run:
        earlier = [
            (m.sent_at, i, m) for i, m in enumerate(branch) if m.human and m.sent_at <= message.sent_at
        ]
        prompt = max(earlier, key=lambda item: item[:2])[2] if earlier else None
        state = _state(world, user, message.sent_at)
        if message.human:
            own_prompt = state
        elif own_prompt is not None:
            state = max(state, own_prompt)
        if prompt is not None:
            state = max(state, _state(world, user, prompt.sent_at))
        states.append(state)
        wanted = state == GRANTED or (state == UNDECIDED and not _strict(user, world))
        allowed.append(prompt is not None and prompt.id in kept_ids and wanted)
    chosen = [m for m, ok in zip(run, allowed, strict=True) if ok]
    if REFUSED not in states:
        return chosen
    if world.policy.partial_consent == "drop_session":
        return []
    first, last = states.index(REFUSED), len(states) - 1 - states[::-1].index(REFUSED)
    before = [m for i, m in enumerate(run) if allowed[i] and i < first]
    return before or [m for i, m in enumerate(run) if allowed[i] and i > last]


def _strict(user: bytes, world: World) -> bool:
    """Whether only granted messages are kept."""
    refuses = _state(world, user, world.as_of) == REFUSED
    return refuses or world.policy.resumption_scope == "from_resumption"


def _known(world: World) -> list[Row]:
    return [r for r in world.consent if r["decided_at"] is None or r["decided_at"] <= world.as_of]


def _state(world: World, user: bytes | None, instant: dt.datetime) -> int:
    events = [
        (row["decided_at"], row["state"])
        for row in _known(world)
        if user is not None and row["user_key"] == user and row["decided_at"] is not None
    ]
    state: int = max((e for e in events if e[0] <= instant), default=(None, UNDECIDED))[1]
    return UNDECIDED if state == GRANTED and instant < world.policy.effective_at else state


def _deciding(
    records: list[Row], column: str, included: list[str], excluded: list[str]
) -> tuple[str, str | None]:
    """(rank, value) of the deciding label: unknown before excluded before included, newest first."""
    found: dict[str, str | None] = {}
    for record in records:
        value = record[column]
        rank = "excluded" if value in excluded else "included" if value in included else "unknown"
        found[rank] = value
    rank = next(s for s in ("unknown", "excluded", "included") if s in found)
    return rank, found[rank]


def _authorized(
    newest: Row,
    tier: tuple[str, str | None],
    surface: tuple[str, str | None],
    messages: list[Message],
    world: World,
) -> bool:
    policy = world.policy
    if policy.separate_authorization == "ignore" or "excluded" not in (tier[0], surface[0]):
        return False
    if surface[0] == "unknown" or surface[1] not in policy.surfaces.authorizable:
        return False
    return any(
        grant["organization_key"] == newest["organization_key"] is not None
        and (not grant["surface"] or grant["surface"] == surface[1])
        and all(
            grant["valid_from"] <= m.sent_at and (grant["valid_to"] is None or m.sent_at < grant["valid_to"])
            for m in messages
        )
        for grant in world.authorizations
    )
