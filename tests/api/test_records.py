"""`read_sessions` and formats of other packages."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import chatsieve
from chatsieve.process import contained_parts
from schemas import formats
from tests.support.command import Corpus
from transforms.sources import record_file

AT = "2026-01-05T10:00:00Z"


def test_sessions_are_read_as_a_run_reads_them(logs: Corpus) -> None:
    """Format and compression are detected; every session of the corpus is there."""
    found = list(chatsieve.read_sessions(f"{logs.path}/logs/*"))
    sessions = [each for each in found if isinstance(each, chatsieve.Session)]
    assert {each.conversation_id for each in sessions} >= {
        each["conversation_id"] for each in logs.truth() if each["decision"] != "quarantined"
    }
    assert all(message.sent_at.tzinfo for each in sessions for message in each.messages)


def test_an_unreadable_record_keeps_its_place(tmp_path: Path) -> None:
    """A reader that skips it in silence would train on less than it believes."""
    message = {"message_id": "m", "role": "user", "sent_at": AT, "content": [{"type": "text", "text": "hi"}]}
    good = {"conversation_id": "c", "created_at": AT, "messages": [message]}
    lines = [json.dumps(good), "CANARY {", json.dumps({**good, "created_at": 3})]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    found = list(chatsieve.read_sessions(tmp_path / "log.jsonl", "canonical", defaults={"tier": "free"}))
    unreadable = [each for each in found if isinstance(each, chatsieve.Unreadable)]
    assert unreadable == [
        chatsieve.Unreadable(f"byte {len(lines[0]) + 1}", "malformed_json"),
        chatsieve.Unreadable(f"byte {len(lines[0]) + len(lines[1]) + 2}", "bad_timestamp", "created_at"),
    ]
    (session,) = [each for each in found if isinstance(each, chatsieve.Session)]
    assert (session.tier, session.created_at) == ("free", dt.datetime.fromisoformat(AT))
    assert session.messages[0].content == [{"type": "text", "text": "hi"}]


def test_ids_and_texts_are_not_shown(tmp_path: Path) -> None:
    """A notebook shows the last value of a cell."""
    message = {"message_id": "CANARY1", "role": "user", "sent_at": AT, "content": "CANARY2"}
    record = {
        "conversation_id": "CANARY3",
        "user_id": "CANARY4",
        "organization_id": "CANARY5",
        "created_at": AT,
        "messages": [message],
    }
    (tmp_path / "log.jsonl").write_text(json.dumps(record))
    (session,) = chatsieve.read_sessions(tmp_path / "log.jsonl")
    assert isinstance(session, chatsieve.Session)
    assert session.user_id == "CANARY4"
    assert "CANARY" not in repr(session)


@pytest.mark.parametrize(
    ("error", "given"),
    [
        (chatsieve.InputError, {"path": "nothing.jsonl"}),
        (chatsieve.InputError, {"path": "other.txt"}),
        (chatsieve.ConfigError, {"path": "other.txt", "format": "no-such-format"}),
        (chatsieve.ConfigError, {"path": "other.txt", "defaults": {"tiers": "free"}}),
    ],
)
def test_what_cannot_be_read_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[chatsieve.ChatsieveError],
    given: dict[str, Any],
) -> None:
    """One line, and no text of the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.txt").write_text("CANARY of a text\n")
    with pytest.raises(error) as caught:
        list(chatsieve.read_sessions(**given))
    assert "CANARY" not in str(caught.value)


class Tabs(chatsieve.RecordFile):
    """A format of another package, as CONTRIBUTING.md shows one."""

    def records(self, path: str) -> Iterator[dict[str, Any]]:
        with chatsieve.open_stream(path) as file:
            for line in file:
                id_, text = line.decode().rstrip("\n").split("\t")
                message = {"message_id": id_, "role": "user", "sent_at": AT, "content": text}
                yield {"conversation_id": id_, "created_at": AT, "messages": [message]}


def test_a_format_of_ones_own_is_read_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The promised base class is the one that runs read by."""
    from transforms.sources import registry

    assert chatsieve.RecordFile is record_file.RecordFile
    monkeypatch.setattr(formats, "registered", lambda: {"tabs": ...})
    real = registry.source_of
    monkeypatch.setattr(registry, "source_of", lambda name: Tabs() if name == "tabs" else real(name))
    (tmp_path / "log.tsv").write_text("c1\thello\nc2\tworld\n")
    found = list(chatsieve.read_sessions(tmp_path / "log.tsv", "tabs"))
    texts = [each.messages[0].content for each in found if isinstance(each, chatsieve.Session)]
    assert texts == ["hello", "world"]


def test_defaults_are_as_in_a_configuration(tmp_path: Path) -> None:
    """A time is a text or a datetime; what is wrong is named, without its value."""
    turns = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]
    (tmp_path / "log.json").write_text(json.dumps([{"id": "a", "conversations": turns}]))
    for time in (AT, dt.datetime.fromisoformat(AT)):
        (session,) = chatsieve.read_sessions(tmp_path / "log.json", "sharegpt", defaults={"created_at": time})
        assert isinstance(session, chatsieve.Session)
        assert session.created_at == dt.datetime.fromisoformat(AT)
    for wrong in ({"created_at": "CANARY"}, {"user_id": 5}, {"tier": ["CANARY"]}):
        (name,) = wrong
        with pytest.raises(chatsieve.ConfigError, match=rf"defaults\['{name}'\]: expected") as caught:
            list(chatsieve.read_sessions(tmp_path / "log.json", "sharegpt", defaults=wrong))
        assert "CANARY" not in str(caught.value)


def test_threads_that_share_an_iterator_do_not_crash_the_process() -> None:
    """One of them reads on; the other is told."""
    begun, told = threading.Event(), threading.Event()

    def parts() -> Iterator[list[int]]:
        begun.set()
        assert told.wait(60)
        yield [1, 2]

    shared = contained_parts(parts)
    got: list[int] = []
    reader = threading.Thread(target=lambda: got.extend(shared))
    reader.start()
    assert begun.wait(60)
    with pytest.raises(ValueError, match="already executing"):
        next(shared)
    told.set()
    reader.join(60)
    assert got == [1, 2]
