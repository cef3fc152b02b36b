"""Order and links of Claude Code records, whatever the order of the lines."""

from __future__ import annotations

import copy
import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import Block
from tests.support.claude_code_logs import answer, call, line, read, result, shape
from transforms.sources.claude_code.lines import LinkedRecord
from transforms.sources.claude_code.sessions import conversations_of

TALK = [line("u1"), answer("a1", "u1", "t1"), line("u2", "a1"), answer("a2", "u2", "t2")]
SHAPE = [("u1", None), ("a1", "u1"), ("u2", "a1"), ("a2", "u2")]
SYSTEM = {"type": "system", "uuid": "s", "parentUuid": "a2"}


@pytest.mark.parametrize(
    ("lines", "sessions"),
    [
        pytest.param(TALK, [SHAPE], id="prompts and answers"),
        pytest.param([TALK[1], TALK[0], *TALK[2:]], [SHAPE], id="an answer before its prompt"),
        pytest.param([*TALK, TALK[0] | {"sessionId": "s2"}], [SHAPE], id="a copy"),
        pytest.param([*TALK, line("u3", "a2", result("x"))], [[*SHAPE, ("u3", "a2")]], id="a tool result"),
        pytest.param([*TALK, answer("a3", "a2", "t2", "more")], [SHAPE], id="a second line of a turn"),
        pytest.param([*TALK, answer("a3", "a2", "u1")], [SHAPE], id="a turn with the id of a message"),
        pytest.param([*TALK, answer("a3", "a2", "t3", call("c"))], [[*SHAPE, ("a3", "a2")]], id="no result"),
        pytest.param([*TALK, line("u3", "a2"), line("u4", "u3")], [[*SHAPE, ("u3", "a2"), ("u4", "u3")]]),
        pytest.param([*TALK, line("u3", "a2", isSidechain=True)], [[*SHAPE, ("u3", "a2")]], id="a sidechain"),
        pytest.param([*TALK, SYSTEM, line("u3", "s")], [[*SHAPE, ("u3", "a2")]], id="a line that only links"),
        pytest.param([*TALK, line("u3", "a1")], [[*SHAPE, ("u3", "a1")]], id="a rewind"),
        pytest.param(
            [*TALK, line("u3", "u9", logicalParentUuid="a2")], [[*SHAPE, ("u3", "a2")]], id="a compaction"
        ),
        pytest.param([*TALK, b"{", line("u3", "a9")], [[*SHAPE, ("u3", "a2")]], id="a damaged parent"),
        pytest.param(
            [*TALK, line("u3", "u3"), line("u4", "u3")],
            [[*SHAPE, ("u3", "a2"), ("u4", "u3")]],
            id="its own parent",
        ),
        pytest.param(
            [line("u1", "x"), line("u2", "x")], [[("u1", "x"), ("u2", "u1")]], id="a missing parent"
        ),
        pytest.param(
            [TALK[0], line("v1"), TALK[1], answer("b1", "v1", "t9")],
            [SHAPE[:2], [("v1", None), ("b1", "v1")]],
            id="two conversations in turns",
        ),
    ],
)
def test_sessions_follow_the_links_of_their_lines(
    tmp_path: Path, lines: list[Any], sessions: list[list[tuple[str, str | None]]]
) -> None:
    """The links decide which messages belong together and which branch is active."""
    found = read(tmp_path, {"log.jsonl": lines})
    assert [shape(session) for session in found.sessions] == sessions


AT = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
ROLES: list[Any] = ["user", "assistant", "tool"]


@st.composite
def records_of_files(draw: st.DrawFn) -> list[LinkedRecord]:
    """Up to nine records; most follow an earlier one, some are copies, cycles or in any order."""
    found: list[LinkedRecord] = []
    for number in range(draw(st.integers(1, 9))):
        unusual = draw(st.integers(0, 9)) == 0
        known = [record.uuid for record in found]
        itself = [f"u{number}"] if unusual else []
        parent = draw(st.sampled_from([None, "gone", *itself, *known, *known[-1:] * 6]))
        role = draw(st.sampled_from(ROLES if unusual else ROLES[:2]))
        record = LinkedRecord(
            draw(st.sampled_from(known)) if unusual and known and draw(st.booleans()) else f"u{number}",
            parent,
            draw(st.sampled_from([None, parent, "gone", *known])) if unusual else None,
            draw(st.sampled_from(["s", "t"])),
            is_message=draw(st.integers(0, 4)) > 0,
            is_sidechain=False,
        )
        if record.is_message:
            record.role, record.origin = role, "model" if role == "assistant" else "human"
            record.sent_at = AT + dt.timedelta(seconds=draw(st.integers(0, 20)))
            record.blocks = [Block("text", f"said {number}")]
            if unusual and role == "assistant":
                record.turn = draw(st.sampled_from(["m", "n", None]))
        if unusual:
            record.before = draw(st.sampled_from([None, *known]))
            record.continues = draw(st.booleans())
        found.append(record)
    if draw(st.integers(0, 5)) == 0:
        found = draw(st.permutations(found))
    return found


def ancestors(uuid: str, parents: dict[str, str | None]) -> list[str]:
    """The uuid and those above it."""
    found: list[str] = []
    above: str | None = uuid
    while above is not None and above not in found:
        found.append(above)
        above = parents.get(above)
    return found


def components(records: list[LinkedRecord]) -> dict[str, int]:
    """The component of each uuid, by repeated relabelling instead of disjoint sets."""
    first: dict[str, LinkedRecord] = {}
    for record in sorted(records, key=lambda one: not one.is_message):
        first.setdefault(record.uuid, record)
    first = {record.uuid: first[record.uuid] for record in records}
    parents = {uuid: record.parent for uuid, record in first.items()}
    for uuid, record in first.items():
        if record.parent in first or (record.parent is None and not record.continues):
            continue
        befores = [one.before for one in records if one.uuid == uuid and one.before is not None]
        if record.logical_parent in first:
            parents[uuid] = record.logical_parent
        elif befores and befores[0] in first and uuid not in ancestors(befores[0], parents):
            parents[uuid] = befores[0]
    links = [
        (uuid, other)
        for uuid, record in first.items()
        for other in (parents[uuid], record.logical_parent)
        if other is not None
    ]
    label = {
        uuid: n for n, uuid in enumerate(dict.fromkeys([*first, *(one for link in links for one in link)]))
    }
    for _ in label:
        for one, other in links:
            label[one] = label[other] = min(label[one], label[other])
    return label


@settings(max_examples=1000, deadline=None)
@given(records_of_files())
def test_sessions_are_the_connected_components(records: list[LinkedRecord]) -> None:
    """A conversation that is cut in two, or joined to another, is decided wrongly."""
    component = components(copy.deepcopy(records))
    given = copy.deepcopy(records)
    sessions = [one.session for one in conversations_of(records)]
    messages = {record.uuid for record in given if record.is_message}
    assert {component[uuid] for uuid in messages} == {component[s.conversation_id] for s in sessions}
    ids = Counter(
        message.message_id.removesuffix("/said") for session in sessions for message in session.messages
    )
    later_lines = {record.uuid for record in given if record.turn}
    assert messages - later_lines <= ids.keys() <= messages
    for session in sessions:
        of_session = {component[message.message_id.removesuffix("/said")] for message in session.messages}
        assert of_session == {component[session.conversation_id]}
        assert session.created_at == min(message.sent_at for message in session.messages)


@settings(max_examples=1000, deadline=None)
@given(records_of_files())
def test_messages_come_after_their_parents_at_their_first_time(records: list[LinkedRecord]) -> None:
    """Later stages read messages in order, and consent is compared with the first time of a copy."""
    given = copy.deepcopy(records)
    for session, _ in conversations_of(records):
        place = {message.message_id: number for number, message in enumerate(session.messages)}
        parent = {message.message_id: message.parent_id for message in session.messages}
        for message in session.messages:
            ancestors: list[str | None] = [message.message_id]
            while (following := parent.get(ancestors[-1] or "")) and following not in ancestors:
                ancestors.append(following)
            follows_cycle = following is not None and following in ancestors
            above = message.parent_id
            assert follows_cycle or above not in place or place[above] < place[message.message_id]
            times = [r.sent_at for r in given if r.uuid == message.message_id and r.sent_at]
            assert not times or message.sent_at == min(times)
