"""Generates the synthetic corpus as a stream: session records, the truth about each, and consent histories.

A session depends on (seed, number) alone, so a corpus is a prefix of every larger one.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import random
from collections.abc import Iterator
from typing import Any

from transforms.sample.conversations import Turn, model_turn, tool_exchange, user_turn
from transforms.sample.identities import Identity, Planted, identity
from transforms.sample.scenarios import ALL, BROKEN, HISTORIES, SCENARIOS, Scenario

_TIERS = ("free", "pro", "max")
_SURFACES = ("chat", "chat", "code")
_WEIGHTS = list(itertools.accumulate(scenario.weight for scenario in SCENARIOS))
_ORGANIZATION_MARKS = {"authorised": "org-authorised", "lapsed": "org-lapsed"}


@dataclasses.dataclass
class Sample:
    """A session: its records (bytes for a broken one), truth rows, planted values, and deletions."""

    records: list[dict[str, Any] | bytes]
    truth: list[dict[str, Any]]
    planted: list[dict[str, Any]]
    user_id: str | None
    history: str
    deletions: list[tuple[str, str]] = dataclasses.field(default_factory=list)


def generate(conversations: int, seed: int) -> Iterator[Sample]:
    """The sessions numbered 0 to `conversations` - 1."""
    return (sample(number, seed) for number in range(conversations))


def sample(number: int, seed: int) -> Sample:
    """One session. The first sessions take the scenarios in turn, so a small corpus has all of them."""
    rng = random.Random(seed * 1_000_003 + number)
    chosen = rng.choices(SCENARIOS, cum_weights=_WEIGHTS)[0]
    scenario = SCENARIOS[number] if number < len(SCENARIOS) else chosen
    draw = rng.random()
    for code, share in BROKEN:
        if number >= len(SCENARIOS) and draw < share:
            return _broken(number, code, rng)
        draw -= share
    return _session(number, scenario, rng)


def _session(number: int, scenario: Scenario, rng: random.Random) -> Sample:
    who = identity(number, rng)
    conversation, user = f"conv-{number:09d}", f"user-{number:09d}"
    messages, planted, starts = _messages(number, scenario, who, rng)
    tier = scenario.tier or rng.choice(_TIERS)
    record: dict[str, Any] = {
        "conversation_id": conversation,
        "user_id": user,
        "tier": tier,
        "surface": scenario.surface or ("chat" if scenario.tier else rng.choice(_SURFACES)),
        "created_at": messages[0]["sent_at"],
        "messages": messages,
        **dict(scenario.fields),
    }
    mark = scenario.variant or ""
    if mark in _ORGANIZATION_MARKS:
        record["organization_id"] = _ORGANIZATION_MARKS[mark]
    deletions: list[tuple[str, str]] = []
    if mark == "deleted_record":
        record["deleted_at"] = _text(dt.datetime(2026, 2, 1, tzinfo=dt.UTC))
    elif mark == "deleted_list":
        deletions.append(("conversation", conversation))
    elif mark == "deleted_user":
        deletions.append(("user", user))
    records: list[dict[str, Any] | bytes] = [record]
    if mark == "branch":
        record["current_message_id"] = messages[-1]["message_id"]
    if mark == "split":
        cut = starts[1]
        records = [{**record, "messages": messages[:cut]}, {**record, "messages": messages}]
    owners = [record["user_id"]]
    if mark == "conflict":
        records.append({**record, "user_id": f"{user}-other"})
        owners.append(f"{user}-other")
    kept = _kept(scenario, messages, starts)
    truth = [
        {
            "conversation_id": conversation,
            "user_id": owner,
            "decision": scenario.decision,
            "reason": scenario.reason,
            "scenario": scenario.name,
            "kept_message_ids": kept,
        }
        for owner in owners
    ]
    places = [{"conversation_id": conversation, **place} for place in planted]
    return Sample(records, truth, places, record["user_id"], scenario.history, deletions)


def _kept(scenario: Scenario, messages: list[dict[str, Any]], starts: list[int]) -> list[str]:
    if not scenario.kept:
        return []
    ends = [*starts[1:], len(messages)]
    chosen = range(len(starts)) if scenario.kept == ALL else scenario.kept
    rows = [m for n in chosen for m in messages[starts[int(n)] : ends[int(n)]]]
    return [
        m["message_id"] for m in rows if not m.get("thread") and not m["message_id"].endswith("-edited-away")
    ]


def _messages(
    number: int, scenario: Scenario, who: Identity, rng: random.Random
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[int]]:
    """Messages, planted values, and the position at which each exchange starts."""
    messages: list[dict[str, Any]] = []
    planted: list[dict[str, Any]] = []
    starts: list[int] = []
    instant = scenario.exchanges[0]
    for place, start in enumerate(scenario.exchanges):
        instant = max(instant, start + dt.timedelta(minutes=rng.randrange(60)))
        starts.append(len(messages))
        turns = _turns(number * 100 + place, scenario, who, rng, personal=place == 0 or rng.random() < 0.4)
        for turn in turns:
            instant += dt.timedelta(seconds=1 + rng.randrange(90))
            _add(f"m-{number:09d}-{len(messages):03d}", turn, instant, messages, planted)
    if scenario.variant == "branch":
        _link(messages, starts)
    if scenario.variant == "subagent":
        _subagent(number, who, rng, instant, messages, planted)
    return messages, planted, starts


def _turns(number: int, scenario: Scenario, who: Identity, rng: random.Random, personal: bool) -> list[Turn]:
    first = user_turn(rng, who, personal)
    if scenario.variant == "unanswered":
        return [first]
    if scenario.variant in ("tools", "subagent"):
        return [first, *tool_exchange(rng, who, number)]
    more = [
        t
        for _ in range(rng.randrange(3))
        for t in (user_turn(rng, who, False), model_turn(rng, who, personal))
    ]
    return [first, model_turn(rng, who, personal), *more]


def _add(
    message_id: str,
    turn: Turn,
    instant: dt.datetime,
    messages: list[dict[str, Any]],
    planted: list[dict[str, Any]],
    thread: str | None = None,
) -> None:
    message: dict[str, Any] = {
        "message_id": message_id,
        "role": turn.role,
        "sent_at": _text(instant),
        "content": turn.content,
    }
    if thread:
        message["thread"] = thread
    messages.append(message)
    for value, where in turn.planted:
        planted.append(_place(message_id, value, where))


def _place(message_id: str, value: Planted, where: str) -> dict[str, Any]:
    return {"message_id": message_id, "type": value.type, "value": value.value, "where": where}


def _link(messages: list[dict[str, Any]], starts: list[int]) -> None:
    """Links the messages to a tree with a side branch: an edited prompt before the last exchange."""
    cut = starts[-1]
    for before, after in itertools.pairwise(messages):
        after["parent_id"] = before["message_id"]
    stale = {**messages[cut], "message_id": f"{messages[cut]['message_id']}-edited-away"}
    messages.insert(cut, stale)


def _subagent(
    number: int,
    who: Identity,
    rng: random.Random,
    instant: dt.datetime,
    messages: list[dict[str, Any]],
    planted: list[dict[str, Any]],
) -> None:
    turns = [Turn("user", "Find where the token is read.", []), model_turn(rng, who, False)]
    for place, turn in enumerate(turns):
        _add(f"m-{number:09d}-a{place:02d}", turn, instant, messages, planted, thread="agent-1")


def _broken(number: int, code: str, rng: random.Random) -> Sample:
    conversation = f"conv-{number:09d}"
    when = "2025-12-01T10:00:00"
    message = {"message_id": "m", "role": "user", "sent_at": when + "Z", "content": "Broken on purpose."}
    record: dict[str, Any] = {
        "conversation_id": conversation,
        "created_at": when + "Z",
        "messages": [message],
    }
    if code == "naive_timestamp":
        record["created_at"] = when
    elif code == "missing_field":
        del record["messages"]
    raw: list[dict[str, Any] | bytes] = [record]
    if code == "malformed_json":
        raw = [f'{{"conversation_id": "{conversation}", "messages": [{rng.randrange(100)}'.encode()]
    key = None if code == "malformed_json" else conversation
    truth = {"conversation_id": key, "user_id": None, "decision": "quarantined", "reason": code}
    return Sample(raw, [{**truth, "scenario": "broken", "kept_message_ids": []}], [], None, "absent")


def _text(instant: dt.datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def history_of(sample_: Sample) -> tuple[tuple[str | None, dt.datetime | None], ...]:
    """The consent rows of a session's user."""
    return HISTORIES[sample_.history]
