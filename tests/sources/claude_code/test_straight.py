"""Records in the order of talk are put into sessions in one pass: as they are by a search for links."""

from __future__ import annotations

import copy
import datetime as dt
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import Block, Session
from transforms.sources.claude_code import sessions as threads
from transforms.sources.claude_code.lines import Record

_AT = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
_ROLES: list[Any] = ["user", "assistant", "tool"]


@st.composite
def records_in_files(draw: st.DrawFn) -> list[Record]:
    """Some records, mostly each behind the one it follows, some of them odd in any way."""
    found: list[Record] = []
    for number in range(draw(st.integers(1, 9))):
        odd = draw(st.integers(0, 9)) == 0
        known = [record.uuid for record in found]
        itself = [f"u{number}"] if odd else []
        parent = draw(st.sampled_from([None, "gone", *itself, *known, *known[-1:] * 6]))
        role = draw(st.sampled_from(_ROLES if odd else _ROLES[:2]))
        record = Record(
            draw(st.sampled_from(known)) if odd and known and draw(st.booleans()) else f"u{number}",
            parent,
            draw(st.sampled_from([None, parent, "gone", *known])) if odd else None,
            draw(st.sampled_from(["s", "t"])),
            message=draw(st.integers(0, 4)) > 0,
            sidechain=odd and draw(st.booleans()),
        )
        if record.message:
            record.role, record.origin = role, "model" if role == "assistant" else "human"
            record.sent_at = _AT + dt.timedelta(seconds=draw(st.integers(0, 20)))
            record.blocks = [Block("text", f"said {number}")]
            record.turn = draw(st.sampled_from(["m", "n", None])) if odd and role == "assistant" else None
        if odd:
            record.queued, record.before = draw(st.booleans()), draw(st.sampled_from([None, *known]))
        found.append(record)
    if draw(st.integers(0, 5)) == 0:
        found = draw(st.permutations(found))
    return found


def _slowly(records: list[Record], patch: pytest.MonkeyPatch) -> list[Session]:
    with patch.context() as within:
        within.setattr(threads, "plain_sessions", lambda _: None)
        within.setattr(threads, "components_in_order", lambda _: None)
        return threads.sessions_of(records)


@settings(max_examples=1500, deadline=None)
@given(records_in_files())
def test_one_pass_gives_what_the_search_for_links_gives(records: list[Record]) -> None:
    """Whatever is odd: sessions, their messages and the order of these do not tell which way was gone."""
    slow = _slowly(copy.deepcopy(records), pytest.MonkeyPatch())
    assert threads.sessions_of(records) == slow


def test_records_in_the_order_of_talk_take_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above compares the search with itself."""
    ways: Counter[str] = Counter()
    for name in ("plain_sessions", "components_in_order", "_components"):
        original = getattr(threads, name)

        def counted(records: Any, name: str = name, original: Any = original) -> Any:
            result = original(records)
            ways[name] += result is not None
            return result

        monkeypatch.setattr(threads, name, counted)
    talk = [
        Record("a", None, None, "s", True, False, sent_at=_AT),
        Record("b", "a", None, "s", False, False),
        Record("c", "b", None, "s", True, False, None, "assistant", "model", _AT, "m"),
    ]
    (session,) = threads.sessions_of(copy.deepcopy(talk))
    assert [(m.message_id, m.parent_id) for m in session.messages] == [("a", None), ("c", "a")]
    result = Record("d", "c", None, "s", True, False, None, "tool", "tool", _AT)
    threads.sessions_of([*copy.deepcopy(talk), result])
    threads.sessions_of([talk[2], talk[0], talk[1]])
    assert ways == {"plain_sessions": 1, "components_in_order": 1, "_components": 1}
