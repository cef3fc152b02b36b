"""Conversations with several ids: records that repeat a history, and session ids of Claude Code."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from tests.support.command import TWO_WORKERS, Corpus, chatsieve, current

pytestmark = pytest.mark.e2e
KEY = "5f" * 32
HI = ["hi", "Hello! How can I help?"]
DELETED = "2026-05-01T00:00:00Z"


class World(NamedTuple):
    """A folder with logs, consent of two users, a key, and a configuration."""

    path: Path

    @property
    def corpus(self) -> Corpus:
        return Corpus(self.path)

    def run(self, out: str, *arguments: object, command: str = "run") -> Path:
        """The current version that a run writes."""
        where = self.path / out
        done = chatsieve(command, "-c", self.path / "config.yaml", "--output", where, "--quiet", *arguments)
        assert done.returncode == 0, done.stderr
        return current(where)

    def keys(self, *ids: str) -> set[str]:
        return {self.corpus.key_of(name) for name in ids}


def world(folder: Path, input_format: str) -> World:
    """A world without logs: `logs` is still to be written."""
    defaults = "{user_id: ada, tier: pro, surface: chat, created_at: 2026-01-01T00:00:00Z}"
    (folder / "chatsieve.key").write_text(KEY)
    (folder / "consent.csv").write_text(
        "user_id,state,decided_at,snapshot_at\n"
        + "".join(f"{user},granted,2025-09-01T00:00:00Z,2026-06-01T00:00:00Z\n" for user in ("ada", "bob"))
    )
    (folder / "deletions.csv").write_text("kind,id,deleted_at\n")
    (folder / "config.yaml").write_text(
        f"""
inputs: [{{path: logs, format: {input_format}, defaults: {defaults}}}]
consent: {{snapshots: [consent.csv]}}
deletions: deletions.csv
policy: consumer-terms-2025-09-28
deid: default
as_of: 2026-06-01T00:00:00Z
key_file: chatsieve.key
output: {{path: out, shards: 2}}
runner: {{name: direct, workers: 1}}
"""
    )
    (folder / "logs").mkdir()
    return World(folder)


def turns(*texts: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


def write(folder: World, records: Iterable[dict[str, Any]], name: str = "a.jsonl") -> None:
    text = "".join(json.dumps(record) + "\n" for record in records)
    (folder.path / "logs" / name).write_text(text)


def ledger(version: Path) -> dict[str, tuple[str, int]]:
    """(reason, messages seen) by conversation key."""
    rows = pq.read_table(version / "ledger", partitioning=None).to_pylist()
    assert len({row["conversation_key"] for row in rows}) == len(rows)
    return {row["conversation_key"]: (row["reason"], row["messages_seen"]) for row in rows}


def trained(version: Path) -> list[list[str]]:
    rows = pq.read_table(version / "data", partitioning=None).to_pylist()
    return sorted([message["content"] for message in row["messages"]] for row in rows)


LONG = ["How do I peel garlic?", "With a knife.", "And onions?", "Cut them first.", "Thanks!", "Welcome."]
#: A growing conversation, two that share a greeting, and another user's with the same words.
RECORDS: list[dict[str, Any]] = [
    {"id": "r1", "messages": turns(*LONG[:2])},
    {"id": "r2", "messages": turns(*LONG[:4])},
    {"id": "r3", "messages": turns(*LONG)},
    {"id": "greeting", "messages": turns(*HI)},
    {"id": "soup", "messages": turns(*HI, "A soup, please.", "Boil water.")},
    {"id": "bread", "messages": turns(*HI, "A bread, please.", "Knead dough.")},
    {"id": "twin", "messages": turns("Only once", "Yes."), "user_id": "bob"},
    {"id": "other", "messages": turns("Only once", "Yes."), "user_id": "bob"},
    {"id": "bobs", "messages": turns(*LONG[:2]), "user_id": "bob"},
]


def test_a_history_repeated_under_new_ids_is_one_conversation(tmp_path: Path) -> None:
    """A log with a record per request would train its first turns as often as the conversation has turns.

    Conversations that only begin alike stay apart, and the greeting that both repeat is not trained a third
    time.
    """
    made = world(tmp_path, "openai-messages")
    write(made, RECORDS)
    version = made.run("one")
    found = ledger(version)
    assert {key: found[key] for key in made.keys("r3")} == {made.corpus.key_of("r3"): ("eligible", 6)}
    assert not found.keys() & made.keys("r1", "r2")
    assert found[made.corpus.key_of("greeting")] == ("no_exchange", 0)
    assert len(found.keys() & made.keys("twin", "other")) == 1
    assert trained(version) == sorted(
        [LONG, [*HI, "A soup, please.", "Boil water."], [*HI, "A bread, please.", "Knead dough."],
         ["Only once", "Yes."], LONG[:2]]
    )  # fmt: skip
    done = chatsieve("verify", made.path / "one", "--key-file", made.path / "chatsieve.key")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.faults
def test_repeated_histories_depend_on_neither_order_files_workers_nor_shares(tmp_path: Path) -> None:
    """Records of a conversation meet wherever they were written."""
    made = world(tmp_path, "openai-messages")
    write(made, RECORDS)
    version = made.run("one")
    mixed = RECORDS[:]
    random.Random(3).shuffle(mixed)
    write(made, mixed[:4], "z.jsonl")
    write(made, mixed[4:], "a.jsonl")
    small = ("--set", "runner.max_bucket_bytes=1", "--set", "runner.buckets=3")
    for number, options in enumerate(((), TWO_WORKERS, small)):
        again = made.run(f"again{number}", *options)
        assert (ledger(again), trained(again)) == (ledger(version), trained(version))


@pytest.mark.parametrize("name", ["r1", "r3"])
def test_any_id_of_a_repeated_history_deletes_and_explains_the_conversation(
    name: str, tmp_path: Path
) -> None:
    """A person who deletes one of the records means the conversation, not the first turns of it."""
    made = world(tmp_path, "openai-messages")
    write(made, RECORDS)
    config = made.path / "config.yaml"
    told = json.loads(chatsieve("explain", "-c", config, name, "--json").stdout)
    assert (told["conversation_key"], told["reason"]) == (made.corpus.key_of("r3"), "eligible")
    (made.path / "deletions.csv").write_text(
        f"kind,id,deleted_at\nconversation,{name},{DELETED}\nconversation,nothing,{DELETED}\n"
    )
    version = made.run("out")
    assert ledger(version)[made.corpus.key_of("r3")] == ("deleted", 6)
    assert not any(LONG[2] in texts for texts in trained(version))
    assert LONG[:2] in trained(version), "bob's own record was deleted with ada's"
    report = json.loads((version / "report/report.json").read_text())
    assert report["lists"]["deletions"] == {"given": 2, "matched": 1, "unmatched": 1}
    told = json.loads(chatsieve("explain", "-c", config, name, "--run", made.path / "out", "--json").stdout)
    assert (told["reason"], told["ledger"]["agrees"]) == ("deleted", True)


def forget(made: World, *ids: str) -> None:
    chosen = [word for name in ids for word in ("--conversation", name)]
    key = ("--key-file", made.path / "chatsieve.key")
    done = chatsieve("forget", made.path / "out", *chosen, *key, "--quiet")
    assert done.returncode == 0, done.stderr
    done = chatsieve("verify", made.path / "out", *key)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.faults
def test_forget_keeps_out_the_records_that_an_erased_conversation_repeats(tmp_path: Path) -> None:
    """A log may lose its long records; the short ones have the words of the erased conversation.

    An earlier version in which a short record was the conversation is erased too; another user's record, and
    a greeting that a kept conversation repeats, are not.
    """
    made = world(tmp_path, "openai-messages")
    again = ("--set", "output.on_exists=new_version")
    write(made, [RECORDS[0], RECORDS[-1]])
    made.run("out")
    write(made, RECORDS)
    made.run("out", *again)
    forget(made, "r3", "soup")
    first = made.path / "out" / json.loads((made.path / "out/CURRENT").read_text())["versions"][0]["folder"]
    assert trained(first) == [LONG[:2]], "bob's record alone stays in the first version"
    write(made, [*RECORDS[:2], RECORDS[3], RECORDS[-1]])
    found = ledger(made.run("out", *again))
    assert {found[key][0] for key in made.keys("r1", "r2") & found.keys()} == {"deleted"}
    assert found[made.corpus.key_of("greeting")] == ("eligible", 2)
    assert found[made.corpus.key_of("bobs")] == ("eligible", 2)


@pytest.mark.faults
def test_the_id_of_a_shared_beginning_deletes_all_that_begins_with_it(tmp_path: Path) -> None:
    """Deleted words must not be trained in a conversation that repeats them; which is meant must be asked."""
    made = world(tmp_path, "openai-messages")
    write(made, RECORDS)
    config = made.path / "config.yaml"
    done = chatsieve("explain", "-c", config, "greeting")
    assert done.returncode == 2
    shared = made.keys("greeting", "soup", "bread")
    assert all(key in done.stderr for key in shared)
    for name, reason in {"greeting": "no_exchange", "soup": "eligible"}.items():
        told = json.loads(chatsieve("explain", "-c", config, made.corpus.key_of(name), "--json").stdout)
        assert told["reason"] == reason
    made.run("out")
    forget(made, "greeting")
    rest = sorted([LONG, ["Only once", "Yes."], LONG[:2]])
    assert trained(current(made.path / "out")) == rest
    assert trained(made.run("out", "--set", "output.on_exists=new_version")) == rest
    (made.path / "deletions.csv").write_text(f"kind,id,deleted_at\nconversation,greeting,{DELETED}\n")
    version = made.run("other")
    assert {key for key, (reason, _) in ledger(version).items() if reason == "deleted"} == shared
    assert trained(version) == rest


@pytest.mark.faults
def test_words_of_a_time_without_consent_are_not_newer_in_a_conversation_that_repeats_them(
    tmp_path: Path,
) -> None:
    """Both for one conversation that begins with them and for several: another record must not free them."""
    made = world(tmp_path, "openai-messages")
    before, after = "2026-01-10T00:00:00Z", "2026-01-20T00:00:00Z"
    defaults = "user_id: ada, tier: pro, surface: chat, created_at"
    (made.path / "consent.csv").write_text(
        "user_id,state,decided_at,snapshot_at\n"
        "ada,granted,2025-09-01T00:00:00Z,2026-06-01T00:00:00Z\n"
        "ada,refused,2026-01-05T00:00:00Z,2026-06-01T00:00:00Z\n"
        "ada,granted,2026-01-15T00:00:00Z,2026-06-01T00:00:00Z\n"
    )
    inputs = [
        f"{{path: {name}, format: openai-messages, defaults: {{{defaults}: {at}}}}}"
        for name, at in (("logs/early.jsonl", before), ("logs/late.jsonl", after))
    ]
    config = (made.path / "config.yaml").read_text().splitlines()
    config = [f"inputs: [{', '.join(inputs)}]" if "inputs:" in line else line for line in config]
    (made.path / "config.yaml").write_text("\n".join(config) + "\n")
    write(made, [RECORDS[3]], "early.jsonl")
    for late in (RECORDS[4:5], RECORDS[4:6]):
        write(made, late, "late.jsonl")
        texts = trained(made.run(f"out{len(late)}"))
        assert len(texts) == len(late)
        assert not any(HI[0] in row for row in texts)
    write(made, [RECORDS[8]], "early.jsonl")
    assert all(HI[0] in row for row in trained(made.run("free")))


def test_a_canonical_conversation_with_the_id_of_a_repeated_record_stays(tmp_path: Path) -> None:
    """Its words are not in the conversation that repeats the record, and must not be attributed to it."""
    made = world(tmp_path, "openai-messages")
    config = made.path / "config.yaml"
    config.write_text(
        config.read_text().replace("inputs: [", "inputs: [{path: tea.jsonl, format: canonical}, ")
    )
    at = "2026-01-01T00:00:00Z"
    tea = {
        "conversation_id": "r1", "user_id": "ada", "tier": "pro", "surface": "chat", "created_at": at,
        "messages": [
            {"message_id": "1", "role": "user", "content": "Tea?", "sent_at": at},
            {"message_id": "2", "parent_id": "1", "role": "assistant", "content": "Yes.", "sent_at": at},
        ],
    }  # fmt: skip
    (made.path / "tea.jsonl").write_text(json.dumps(tea) + "\n")
    write(made, RECORDS[:3])
    version = made.run("out")
    assert LONG in trained(version)
    found = ledger(version)
    assert found.keys() == made.keys("r1", "r3")
    assert found[made.corpus.key_of("r3")] == ("eligible", 6)
    done = chatsieve("explain", "-c", config, "r1")
    assert done.returncode == 2
    assert all(key in done.stderr for key in made.keys("r1", "r3"))


def test_the_same_id_under_another_user_is_still_a_conflict(tmp_path: Path) -> None:
    """Who wrote the words of such a record is unknown; joining one of the two must not hide it."""
    made = world(tmp_path, "openai-messages")
    write(made, [*RECORDS[:3], {"id": "r1", "messages": turns("Other", "Words."), "user_id": "bob"}])
    found = ledger(made.run("out"))
    assert found[made.corpus.key_of("r1")][0] == "subject_conflict"
    assert found[made.corpus.key_of("r3")][0] == "eligible"


def line(uuid: str, parent: str | None, session: str, text: str, **more: object) -> dict[str, Any]:
    role = "assistant" if uuid.startswith("a") else "user"
    content = [{"type": "text", "text": text}]
    message: dict[str, Any] = {"role": role, "content": content}
    if role == "assistant":
        message["id"] = f"msg-{uuid}"
    number = sum(map(ord, uuid)) % 60
    return {
        "type": role, "uuid": uuid, "parentUuid": parent, "sessionId": session, "message": message,
        "timestamp": f"2026-01-01T00:00:{number:02d}.000Z", "version": "2.1.42", **more,
    }  # fmt: skip


def claude_code(folder: Path) -> World:
    """Session S1, resumed as S2; a conversation of S3 beside them; a fork whose original is in no file."""
    made = world(folder, "claude-code")
    first = [line("u1", None, "S1", "First"), line("a1", "u1", "S1", "Answer")]
    agent = [line("u8", None, "S1", "Look", isSidechain=True, agentId="x")]
    write(made, first, "S1.jsonl")
    write(made, [*agent, line("a8", "u8", "S1", "Seen", isSidechain=True, agentId="x")], "agent-x.jsonl")
    copies = [{**one, "sessionId": "S2"} for one in first]
    write(made, [*copies, line("u2", "a1", "S2", "Second"), line("a2", "u2", "S2", "Two")], "S2.jsonl")
    write(made, [line("u3", None, "S3", "Third"), line("a3", "u3", "S3", "Three")], "S3.jsonl")
    origin = {"forkedFrom": {"sessionId": "S4", "messageUuid": "u5"}}
    write(
        made,
        [line("u5", None, "S5", "Fifth", **origin), line("a5", "u5", "S5", "Five", **origin)],
        "S5.jsonl",
    )
    return made


@pytest.mark.parametrize(("session", "root"), [("S1", "u1"), ("S2", "u1"), ("S4", "u5")])
def test_a_session_id_deletes_and_explains_all_that_stems_from_it(
    session: str, root: str, tmp_path: Path
) -> None:
    """People and tools know session ids; the root uuid is in no list."""
    made = claude_code(tmp_path)
    (made.path / "deletions.csv").write_text(f"kind,id,deleted_at\nconversation,{session},{DELETED}\n")
    for workers in ((), TWO_WORKERS):
        version = made.run(f"out{len(workers)}", *workers, command="audit")
        found = {name: ledger(version)[made.corpus.key_of(name)] for name in ("u1", "u3", "u5")}
        assert {name for name, (reason, _) in found.items() if reason == "deleted"} == {root}
        report = json.loads((version / "report/report.json").read_text())
        assert report["lists"]["deletions"] == {"given": 1, "matched": 1, "unmatched": 0}
    told = json.loads(chatsieve("explain", "-c", made.path / "config.yaml", session, "--json").stdout)
    assert (told["conversation_key"], told["reason"]) == (made.corpus.key_of(root), "deleted")


def test_a_session_id_erases_what_stems_from_it_and_keeps_it_out(tmp_path: Path) -> None:
    """The erased conversation must not come back even if only a copy under another session id is left."""
    made = claude_code(tmp_path)
    made.run("out")
    key = ("--key-file", made.path / "chatsieve.key")
    done = chatsieve("forget", made.path / "out", "--conversation", "S1", *key, "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    certificate = json.loads(done.stdout)["certificate"]
    assert (certificate["found"]["conversations"], certificate["unknown"]) == (1, 0)
    assert trained(current(made.path / "out")) == [["Fifth", "Five"], ["Third", "Three"]]
    (made.path / "logs" / "S1.jsonl").unlink()
    (made.path / "logs" / "agent-x.jsonl").unlink()
    version = made.run("out", "--set", "output.on_exists=new_version")
    assert ledger(version)[made.corpus.key_of("u1")][0] == "deleted"
    assert trained(version) == [["Fifth", "Five"], ["Third", "Three"]]
    done = chatsieve("verify", made.path / "out", *key)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_session_id_of_several_conversations_is_explained_by_their_keys(tmp_path: Path) -> None:
    """After /clear one session id is of two conversations; which one is meant must be asked."""
    made = claude_code(tmp_path)
    write(made, [line("u6", None, "S3", "Cleared"), line("a6", "u6", "S3", "Six")], "more.jsonl")
    done = chatsieve("explain", "-c", made.path / "config.yaml", "S3")
    assert done.returncode == 2
    assert all(key in done.stderr for key in made.keys("u3", "u6"))
