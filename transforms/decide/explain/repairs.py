"""For each reason, the changes of a world that remove it. They change data, never rules."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from schemas.decisions import Decision, Reason, RecordFault
from schemas.tables import ANSWER, AUTHORIZATIONS, CONSENT, DELETIONS, GRANTED, HUMAN, REFUSED
from transforms.decide.explain.edits import EPOCH, own_world, with_grant, with_messages
from transforms.decide.explain.world import World
from transforms.shuffle.instants import instant_of, instant_text, micros, moment_text

_TICK = dt.timedelta(microseconds=1)
#: The user key for records without a user.
_SOMEBODY = b"\xff" * 16
_MOST_INSTANTS = 20


class Repair(NamedTuple):
    """A condition as text, the world in which it holds, and the user of the session in that world."""

    condition: str
    world: World
    user_key: bytes | None


def repairs(world: World, user_key: bytes | None, reason: str) -> Iterator[Repair]:
    """The repairs for a reason, the most likely first; empty if no change would help."""
    if reason in _OF:
        yield from _OF[reason](world, user_key)


def _decided_later(world: World, user_key: bytes | None) -> Iterator[Repair]:
    newest = instant_of(max(own_world(world, user_key).judged().sessions.messages.sent_at))
    try:
        moment = newest - world.policy.clock_skew
    except (OverflowError, ValueError):
        return
    known = max(world.known_until or moment, newest)
    later = dataclasses.replace(world, as_of=moment, known_until=known)
    yield Repair(
        f"it were decided at {moment_text(moment)}, with a consent snapshot of {moment_text(newest)}",
        later,
        user_key,
    )


def _without_cycle(world: World, user_key: bytes | None) -> Iterator[Repair]:
    def edit(row: dict[str, Any]) -> None:
        row["message_parent"] = [0] * len(row["message_parent"])

    condition = "its messages had no parent links, so that they are read in list order"
    yield Repair(condition, world.with_records(edit), user_key)


def _one_subject(world: World, user_key: bytes | None) -> Iterator[Repair]:
    yield Repair("no other user's records had its conversation id", own_world(world, user_key), user_key)


def _undeleted(world: World, user_key: bytes | None) -> Iterator[Repair]:
    def edit(row: dict[str, Any]) -> None:
        row["deleted_at"] = None

    none = DELETIONS.empty_table()
    changed = dataclasses.replace(world.with_records(edit), user_deletions=none, conversation_deletions=none)
    yield Repair("neither it nor its user had been deleted", changed, user_key)


def _not_incognito(world: World, user_key: bytes | None) -> Iterator[Repair]:
    def edit(row: dict[str, Any]) -> None:
        row["incognito"] = False

    yield Repair("it were not marked incognito", world.with_records(edit), user_key)


def _with_subject(world: World, _: bytes | None) -> Iterator[Repair]:
    def edit(row: dict[str, Any]) -> None:
        row["user_key"] = _SOMEBODY

    yield Repair("its records named a user", world.with_records(edit), _SOMEBODY)


def _included(name: str) -> Callable[[World, bytes | None], Iterator[Repair]]:
    def found(world: World, user_key: bytes | None) -> Iterator[Repair]:
        words = getattr(world.policy, f"{name}s").included

        def edit(row: dict[str, Any]) -> None:
            row[name] = words[0]

        if words:
            listed = " or ".join(words)
            yield Repair(f"its {name} were {listed}", world.with_records(edit), user_key)

    return found


def _excluded(name: str) -> Callable[[World, bytes | None], Iterator[Repair]]:
    def found(world: World, user_key: bytes | None) -> Iterator[Repair]:
        yield from _authorized(world, user_key)
        yield from _included(name)(world, user_key)

    return found


def _authorized(world: World, user_key: bytes | None) -> Iterator[Repair]:
    judged = own_world(world, user_key).judged()
    organization = judged.sessions.records["organization_key"][int(judged.sessions.newest[0])].as_py()
    surface = judged.scope.surface.value[0].as_py()
    sent_at = judged.sessions.messages.sent_at
    if (
        world.policy.separate_authorization == "ignore"
        or organization is None
        or surface not in world.policy.surfaces.authorizable
    ):
        return
    first = instant_of(min(sent_at)) if len(sent_at) else EPOCH
    last = f" to {instant_text(max(sent_at))}" if len(sent_at) else ""
    grant = {"organization_key": organization, "surface": None, "valid_from": first, "valid_to": None}
    more = pa.concat_tables([world.authorizations, pa.Table.from_pylist([grant], schema=AUTHORIZATIONS)])
    changed = dataclasses.replace(world, authorizations=more)
    condition = f"a separate authorisation of its organisation covered {moment_text(first)}{last}"
    yield Repair(condition, changed, user_key)


def _accepted(world: World, user_key: bytes | None) -> Iterator[Repair]:
    """A grant at the latest instant that makes the session eligible, else at the latest effective instant."""
    if user_key is None:
        return
    judged = own_world(world, user_key).judged()
    messages = judged.sessions.messages
    rows = judged.main.message
    sent_at = messages.sent_at[rows][(messages.flags[rows] & HUMAN) > 0]
    low, high = micros(world.policy.effective_at), micros(world.as_of)
    instants = np.unique(sent_at[(sent_at >= low) & (sent_at <= high)])[::-1][:_MOST_INSTANTS].tolist()
    tries = [(instant, with_grant(world, user_key, instant_of(instant))) for instant in instants]
    best = next((t for t in tries if t[1].verdict(user_key)["decision"] == Decision.ELIGIBLE), None)
    if best or tries:
        instant, changed = best or tries[0]
        condition = f"the user had accepted by {instant_text(instant)} and not refused since"
        yield Repair(condition, changed, user_key)


def _accepted_or_resumed(world: World, user_key: bytes | None) -> Iterator[Repair]:
    yield from _accepted(world, user_key)
    yield from _resumed(world, user_key)


def _accepted_now(world: World, user_key: bytes | None) -> Iterator[Repair]:
    start = world.policy.effective_at
    if world.as_of < start:
        later = dataclasses.replace(world, as_of=start, known_until=start)
        yield Repair(f"it were decided at {moment_text(start)} or later, when grants count", later, user_key)
        return
    found = list(_accepted(world, user_key))
    yield from found
    if not found and user_key is not None:
        yield Repair("the user accepts", with_grant(world, user_key, world.as_of), user_key)


def _not_refused(world: World, user_key: bytes | None) -> Iterator[Repair]:
    """Without the refusals since the last grant; if that is not enough, without any refusal."""
    events = [
        row
        for row in world.consent.to_pylist()
        if row["user_key"] == user_key and row["decided_at"] is not None
    ]
    refused = sorted(row["decided_at"] for row in events if row["state"] == REFUSED)
    if not refused:
        return
    granted = [row["decided_at"] for row in events if row["state"] == GRANTED]
    since = [instant for instant in refused if instant >= max(granted, default=EPOCH)]
    reason = world.verdict(user_key)["reason"]
    for gone in (since, refused):
        rows = [row for row in world.consent.to_pylist() if not _refuses(row, user_key, gone)]
        changed = dataclasses.replace(world, consent=pa.Table.from_pylist(rows, schema=CONSENT))
        if gone and changed.verdict(user_key)["reason"] != reason:
            at = ", ".join(dict.fromkeys(map(moment_text, gone)))
            yield Repair(f"the user had not refused at {at}", changed, user_key)
            return


def _refuses(row: dict[str, Any], user_key: bytes | None, gone: list[dt.datetime]) -> bool:
    return row["user_key"] == user_key and row["state"] == REFUSED and row["decided_at"] in gone


def _known_later(world: World, user_key: bytes | None) -> Iterator[Repair]:
    messages = own_world(world, user_key).judged().sessions.messages
    newest = instant_of(messages.sent_at[(messages.flags & HUMAN) > 0].max())
    changed = dataclasses.replace(world, known_until=newest, as_of=max(world.as_of, newest))
    yield Repair(
        f"a consent snapshot of {moment_text(newest)} or later shows no other decision", changed, user_key
    )


def _resumed(world: World, user_key: bytes | None) -> Iterator[Repair]:
    moment = min(world.as_of, world.known_until or world.as_of)
    changed = with_messages(world, user_key, [(moment, HUMAN), (moment, ANSWER)])
    yield Repair("the user resumes it under a grant and gets an answer", changed, user_key)


def _answered(world: World, user_key: bytes | None) -> Iterator[Repair]:
    judged = own_world(world, user_key).judged()
    rows = judged.main.message
    newest = int(judged.sessions.messages.sent_at[rows].max(initial=0))
    if ((judged.sessions.messages.flags[rows] & HUMAN) > 0).any():
        changed = with_messages(world, user_key, [(instant_of(newest), ANSWER)])
        yield Repair("the model had answered", changed, user_key)
    yield from _resumed(world, user_key)
    yield from _not_refused(world, user_key)


def _in_retention(world: World, user_key: bytes | None) -> Iterator[Repair]:
    verdicts = own_world(world, user_key).judged().verdicts
    end = instant_of(verdicts.row_retain_until[0])
    known = None if world.known_until is None else min(world.known_until, end - _TICK)
    earlier = dataclasses.replace(world, as_of=end - _TICK, known_until=known)
    yield Repair(f"it were decided before {moment_text(end)}", earlier, user_key)
    yield from _resumed(world, user_key)


_OF: dict[str, Callable[[World, bytes | None], Iterator[Repair]]] = {
    RecordFault.FUTURE_TIMESTAMP: _decided_later,
    RecordFault.CYCLIC_MESSAGES: _without_cycle,
    RecordFault.SUBJECT_CONFLICT: _one_subject,
    Reason.DELETED: _undeleted,
    Reason.INCOGNITO: _not_incognito,
    Reason.NO_SUBJECT: _with_subject,
    Reason.TIER_UNKNOWN: _included("tier"),
    Reason.SURFACE_UNKNOWN: _included("surface"),
    Reason.TIER_EXCLUDED: _excluded("tier"),
    Reason.SURFACE_EXCLUDED: _excluded("surface"),
    Reason.NO_CONSENT_RECORD: _accepted_now,
    Reason.UNDECIDED: _accepted_now,
    Reason.OPTED_OUT: _not_refused,
    Reason.CONSENT_UNKNOWN: _known_later,
    Reason.NOT_RESUMED: _accepted_or_resumed,
    Reason.OPTED_OUT_THEN: _not_refused,
    Reason.CONSENT_GAP: _not_refused,
    Reason.RETENTION_EXPIRED: _in_retention,
    Reason.NO_EXCHANGE: _answered,
}
