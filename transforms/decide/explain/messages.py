"""Describes each message of a session: its consent state, and whether and why it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from schemas.records import MAIN_THREAD, Message, Session
from schemas.tables import ANSWER, HUMAN, REFUSED, UNDECIDED
from transforms.consent.timelines import States
from transforms.decide.explain.rule_sentences import STATE_WORDS
from transforms.decide.rules import Judgement
from transforms.shuffle.instants import instant_text

Place = tuple[str, int]


def message_lines(
    judged: Judgement, number: int, eligible: bool, sessions: Mapping[Place, Session]
) -> list[dict[str, Any]]:
    """One line per message of the session at `number`, in list order, without its text.

    `sessions` are the source records by (unit, row). `own_state` is the state at the instant of the message.
    `state` is the worse of that and the state of its prompt, None off the active branch.
    """
    messages = judged.sessions.messages
    rows = np.flatnonzero(messages.session == number)
    subject = judged.subject
    own: States = subject.timelines.states(np.full(len(rows), subject.user[number]), messages.sent_at[rows])
    on_main = {int(judged.main.message[at]): at for at in np.flatnonzero(judged.main.session == number)}
    kept = set(judged.verdicts.kept.tolist()) if eligible else set()
    units, record_rows = (judged.sessions.records[name].to_pylist() for name in ("unit", "row"))
    lines = []
    for position, (row, own_state) in enumerate(zip(rows.tolist(), own.tolist(), strict=True), start=1):
        record = int(messages.record[row])
        source = sessions[units[record], record_rows[record]].messages[int(messages.index[row])]
        state = int(judged.state[on_main[row]]) if row in on_main else None
        line = {
            "number": position,
            **_message_fields(source),
            "sent_at": instant_text(int(messages.sent_at[row])),
            "human": bool(messages.flags[row] & HUMAN),
            "answer": bool(messages.flags[row] & ANSWER),
            "on_active_branch": row in on_main,
            "own_state": STATE_WORDS[own_state],
            "state": None if state is None else STATE_WORDS[state],
            "kept": row in kept,
        }
        lines.append(
            {**line, "why": _why(line, state, eligible, authorized=bool(judged.scope.authorized[number]))}
        )
    return lines


def _message_fields(message: Message) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "role": message.role,
        "origin": message.origin,
        "thread": message.thread or MAIN_THREAD,
    }


def _why(line: dict[str, Any], state: int | None, eligible: bool, *, authorized: bool) -> str:
    if line["kept"]:
        return "authorised" if authorized else "kept"
    if not eligible:
        return "the session is not eligible"
    if line["thread"] != MAIN_THREAD:
        return "a subagent's thread"
    if not line["on_active_branch"]:
        return "off the active branch"
    if state == REFUSED:
        return "refused"
    return "undecided, outside the granted range" if state == UNDECIDED else "outside the kept range"
