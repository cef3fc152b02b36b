"""Events that change log files."""

from __future__ import annotations

import copy
from collections.abc import Callable

from tests.prove.days.files import canonical, chatgpt_bytes, claude_bytes, code_lines
from tests.prove.days.history import Change, Event, History, Records
from tests.prove.days.world import Chat


def new_logs(history: History) -> None:
    """A file of new sessions; on the first day one of each ending, so that no format lacks a file."""
    endings = ["jsonl", "jsonl.gz", "parquet", "jsonl.zst"] if history.day == 0 else [None]
    for ending in endings:
        chats = [history.world.chat("logs") for _ in range(history.rng.randrange(1, 5))]
        history.write_logs(history.new_path(ending=ending), [chat.record() for chat in chats])


def late_logs(history: History) -> None:
    """A file of sessions of days before; some ended before their user had decided."""
    ago = history.rng.randrange(1, 20)
    chats = [history.world.chat("logs", ago) for _ in range(history.rng.randrange(1, 4))]
    history.write_logs(history.new_path(ago), [chat.record() for chat in chats])


def resumed(history: History) -> None:
    """Sessions get messages; the new file has the whole session, or the new messages only."""
    records: Records = []
    for _ in range(history.rng.randrange(1, 4)):
        chat = history.pick("logs")
        if chat is None:
            return
        owner = next(user for user in history.world.users if user.id == chat.user)
        chat.tier, chat.organization = owner.tier, owner.organization
        added = history.world.write(chat, history.world.moment(), history.rng.randrange(1, 3))
        records.append(chat.record(added if history.rng.random() < 0.4 else None))
    history.write_logs(history.new_path(), records)


def viewed(history: History) -> None:
    """An answer of the assistant alone: no resumption."""
    if (chat := history.pick("logs")) is not None:
        added = history.world.write(chat, history.world.moment(), 1)
        chat.messages.remove(added[0])
        added[1]["parent_id"] = added[0]["parent_id"]
        history.write_logs(history.new_path(), [chat.record()])


def grown(history: History) -> None:
    """A plain file gets more lines at its end."""
    plain = [path for path in history.logs if path.endswith(".jsonl")]
    path = history.rng.choice(plain)
    more = [history.world.chat("logs").record() for _ in range(history.rng.randrange(1, 3))]
    history.write_logs(path, [*history.logs[path], *more], in_place=True)


def corrected(history: History) -> None:
    """A file is replaced: a text, a time or a label of a record differs, or a record is gone."""
    path = _any(history)
    records = copy.deepcopy(history.logs[path])
    place = history.rng.randrange(len(records))
    record = records[place]
    if isinstance(record, str) or (history.rng.random() < 0.25 and len(records) > 1):
        del records[place]
    elif history.rng.random() < 0.25:
        record["tier"] = history.rng.choice(["free", "pro", "team"])
    else:
        message = history.rng.choice(record["messages"])
        message["content"] = history.world.text()
        if history.rng.random() < 0.2:
            message["sent_at"] = history.rng.choice(record["messages"])["sent_at"]
    if records:
        history.write_logs(path, records, in_place=history.rng.random() < 0.5)


def moved(history: History) -> None:
    """A file gets another path; the bytes and the inode stay."""
    source = _any(history)
    path = history.new_path(history.rng.randrange(20), source.partition(".")[2])
    history.logs[path] = history.logs.pop(source)
    history.changes.append(Change(path, source=source))


def given_twice(history: History) -> None:
    """Another file has the same records, some or all, perhaps in another format and order."""
    records = copy.deepcopy(history.logs[_any(history)])
    history.rng.shuffle(records)
    history.write_logs(history.new_path(), records[: history.rng.randrange(1, len(records) + 1)])


def removed(history: History) -> None:
    """A file is gone; a plain one and a few others stay."""
    path = _any(history)
    if len(history.logs) > 6 and sum(each.endswith(".jsonl") for each in history.logs) > 2:
        del history.logs[path]
        history.changes.append(Change(path))


def rewritten(history: History) -> None:
    """A file is replaced by one with the same bytes, as by a copy from a backup."""
    path = _any(history)
    history.write_logs(path, history.logs[path])


def exchanged(history: History) -> None:
    """Two files exchange their paths."""
    one, two = _any(history), _any(history)
    if one != two and one.partition(".")[2] == two.partition(".")[2]:
        one_records, two_records = history.logs[one], history.logs[two]
        history.write_logs(one, two_records)
        history.write_logs(two, one_records)


def damaged(history: History) -> None:
    """A file with a line cut short and with records at fault."""
    good, naive, future = (history.world.chat("logs").record() for _ in range(3))
    naive["messages"][0]["sent_at"] = "2026-01-05T10:00:00"
    future["messages"][-1]["sent_at"] = "2030-01-01T00:00:00Z"
    line = canonical([good], "jsonl").decode()
    records: Records = [good, naive, future, line[: len(line) // 2], '{"user_id": "qzxcanary"}']
    history.write_logs(history.new_path(ending="jsonl"), records)


def two_users(history: History) -> None:
    """A record gives a known conversation to another user."""
    if (chat := history.pick("logs")) is not None:
        record = chat.record()
        record["user_id"] = history.rng.choice(history.world.users).id
        history.write_logs(history.new_path(), [record])


def code_session(history: History) -> None:
    """A new session of Claude Code, in one of a few projects."""
    chat = history.world.chat("code")
    history.others[f"code/project-{history.rng.randrange(3)}/{chat.id}.jsonl"] = [chat]
    _write_code(history, chat)


def code_resumed(history: History) -> None:
    """A session file of Claude Code grows, perhaps by lines of another session that it continues."""
    if (chat := history.pick("code")) is not None:
        if history.rng.random() < 0.25:
            continue_code(history, chat)
        else:
            history.world.write(chat, history.world.moment(), 1)
            _write_code(history, chat)


def continue_code(history: History, chat: Chat) -> None:
    """A new session of Claude Code begins with an answer to the last message of another one."""
    more = history.world.chat("code")
    more.messages[0]["parent_id"] = chat.messages[-1]["message_id"]
    path = next(path for path, chats in history.others.items() if chat in chats)
    history.others[path.replace(chat.id, more.id)] = [more]
    _write_code(history, more)


def chatgpt_export(history: History) -> None:
    """A ChatGPT export replaces the one before."""
    _export(history, "chatgpt", chatgpt_bytes)


def claude_export(history: History) -> None:
    """A Claude.ai export replaces the one before."""
    _export(history, "claude", claude_bytes)


def _any(history: History) -> str:
    return history.rng.choice(list(history.logs))


def _write_code(history: History, chat: Chat) -> None:
    (path,) = (path for path, chats in history.others.items() if chat in chats)
    history.changes.append(Change(path, code_lines(chat, chat.messages), in_place=True))


def _export(history: History, place: str, encode: Callable[[list[Chat]], bytes]) -> None:
    chats = history.world.chats[place]
    if chats and history.rng.random() < 0.5:
        chat = history.rng.choice(chats)
        history.world.write(chat, history.world.moment(), 1)
    elif len(chats) > 2 and history.rng.random() < 0.3:
        chats.remove(history.rng.choice(chats))  # its owner deleted it from the account
    else:
        history.world.chat(place)
    history.changes.append(Change(f"{place}/conversations.json", encode(chats)))


#: With their weights.
EVENTS: dict[Event, float] = {
    new_logs: 8,
    resumed: 6,
    late_logs: 2,
    viewed: 1,
    grown: 2,
    corrected: 3,
    moved: 2,
    given_twice: 2,
    removed: 1,
    rewritten: 1,
    exchanged: 1,
    damaged: 1,
    two_users: 0.7,
    code_session: 1.5,
    code_resumed: 2,
    chatgpt_export: 1,
    claude_export: 1,
}
