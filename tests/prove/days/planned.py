"""The days after the first, of every history: on the second of them each known fault of increments must show.

What they change is made for one thing that a run takes over, so nothing else happens on these days.
"""

from __future__ import annotations

import datetime as dt

from tests.prove.days import logs
from tests.prove.days.history import Event, History
from tests.prove.days.people import refuse_late
from tests.prove.days.world import Chat, User

_QUESTION, _ANSWER = "Please compare the table with the report.", "The table has more rows than the report."
_EXCHANGES = 3


def steady_logs(history: History) -> None:
    """Two sessions of a user who agreed long before: one to be reworded, one to be refused in part."""
    for name in ("reworded", "refused"):
        path = history.new_path(ending="jsonl")
        chat = _steady(history)
        history.write_logs(path, [chat.record()])
        history.steady[name] = path, chat


def continued_code(history: History) -> None:
    """A session of Claude Code that another one continues: a conversation with two ids."""
    logs.code_session(history)
    logs.continue_code(history, history.world.chats["code"][-1])


def reworded(history: History) -> None:
    """A text of a known session differs; its messages, their times and ids stay."""
    path, chat = history.steady["reworded"]
    chat.messages[0]["content"] = f"My address is {history.world.personal()}."
    history.write_logs(path, [chat.record()], in_place=True)


def refused_in_part(history: History) -> None:
    """Fewer messages of a known session are kept; its record stays."""
    _, chat = history.steady["refused"]
    refuse_late(history, chat)


def _steady(history: History) -> Chat:
    world = history.world
    user = User(world.name("user"), "pro", None, "granted", world.moment(40))
    world.users.append(user)
    chat = Chat(world.name("chat"), user.id, user.tier, "chat", None, world.moment())
    world.chats["logs"].append(chat)
    moment, parent = chat.created, None
    for text in (_QUESTION, _ANSWER) * _EXCHANGES:
        moment += dt.timedelta(minutes=2)
        message = world.message("user" if text == _QUESTION else "assistant", parent, moment)
        message["content"] = text
        chat.messages.append(message)
        parent = message["message_id"]
    return chat


#: The events of the days after the first.
DAYS: tuple[tuple[Event, ...], ...] = (
    (steady_logs, logs.damaged, continued_code),
    (reworded, refused_in_part, logs.grown),
)
