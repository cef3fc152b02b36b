"""An input that changes between the facts pass and the text pass: nothing of the run is committed.

The command starts with a `sitecustomize` that writes the other bytes at the moment the text pass begins, into
the same file, and sets its time back. It also turns the check of times at commit off, so that only the
digests can find the change.
"""

from __future__ import annotations

import gzip
import itertools
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.claude_code_logs import answer, line
from tests.support.claude_exports import chat_message, conversation
from tests.support.command import TWO_WORKERS, Corpus, chatsieve, table_of
from tests.support.parquet_rows import parquet
from tests.support.source_files import message, record, write_lines

pytestmark = pytest.mark.e2e
AT = "2026-02-20T10:00:00Z"
HOOK = """
import os
import pipeline.inputs.watched
import transforms.deid.kept_text as kept_text

whole = kept_text.read_kept

def change():
    try:
        os.close(os.open(os.environ["CHANGE_ONCE"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    path = os.environ["CHANGE_PATH"]
    before = os.stat(path)
    if os.environ["CHANGE_TO"] == "":
        os.unlink(path)
        return
    with open(os.environ["CHANGE_TO"], "rb") as other, open(path, "r+b") as file:
        file.truncate(file.write(other.read()))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

def after_a_change(*given):
    change()
    yield from whole(*given)

kept_text.read_kept = after_a_change
if os.environ["CHECK_AT_COMMIT"] == "":
    pipeline.inputs.watched.check_unchanged = lambda files: None
"""
Write = Callable[[Path, Sequence[dict[str, Any]]], Any]


def users_of(corpus: Corpus) -> tuple[str, str]:
    """A user who granted and one who refused, with ids of equal length."""
    granted = {row["user_id"] for row in corpus.truth() if row["reason"] == "eligible" and row["user_id"]}
    refused = {row["user_id"] for row in corpus.truth() if row["reason"] == "opted_out"}
    pairs = itertools.product(sorted(granted - refused), sorted(refused - granted))
    return next((one, other) for one, other in pairs if len(one) == len(other))


def canonical(user: str, words: str, number: int) -> dict[str, Any]:
    """A session of a question and an answer."""
    said = [message("m1", sent_at=AT, content=words, origin="human")]
    said.append(message("m2", sent_at=AT, role="assistant", content="certainly", parent_id="m1"))
    return record(conversation_id=f"c{number}", user_id=user, created_at=AT, messages=said, tier="free")


def exported(user: str, words: str, number: int) -> dict[str, Any]:
    """The same as a conversation of a Claude.ai export."""
    question = chat_message("m1", text=words, created_at=AT)
    reply = chat_message("m2", "assistant", "certainly", created_at=AT)
    return conversation(question, reply, uuid=f"c{number}", account={"uuid": user}, created_at=AT)


def gzipped(path: Path, records: Sequence[dict[str, Any]]) -> None:
    path.write_bytes(gzip.compress(b"".join(json.dumps(one).encode() + b"\n" for one in records), mtime=0))


def in_blocks(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """Parquet, each text as a block."""
    parquet(path, [{**one, "messages": [*map(_in_blocks, one["messages"])]} for one in records])


def _in_blocks(said: dict[str, Any]) -> dict[str, Any]:
    return {**said, "content": [{"type": "text", "text": said["content"]}]}


def zipped(path: Path, records: Sequence[dict[str, Any]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", json.dumps(list(records)))


def coded(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """The words of the first record as a session file; Claude Code files name no user."""
    words = records[0]["messages"][0]["content"]
    write_lines(path, [line("a", None, words, timestamp=AT), answer("b", "a", "t1", timestamp=AT)])


FORMATS: dict[str, tuple[str, str, Write, Callable[[str, str, int], dict[str, Any]]]] = {
    "jsonl": ("logs.jsonl", "canonical", write_lines, canonical),
    "gzip": ("logs.jsonl.gz", "canonical", gzipped, canonical),
    "parquet": ("logs.parquet", "canonical", in_blocks, canonical),
    "zip": ("export.zip", "claude-export", zipped, exported),
    "claude-code": ("s1.jsonl", "claude-code", coded, canonical),
}


def run(
    corpus: Corpus, folder: Path, form: str, change: str, *more: object, check: str = ""
) -> tuple[int, str, Path]:
    """Exit code, standard error and output folder of a run whose input is changed, or left as it is."""
    name, source, write, make = FORMATS[form]
    granted, refused = users_of(corpus)
    path, other, site = folder / "in" / name, folder / "other", folder / "site"
    path.parent.mkdir()
    site.mkdir()
    (site / "sitecustomize.py").write_text(HOOK)
    rows = [make(granted, "apple apricot", 1), make(refused, "quince medlar", 2)]
    write(path, rows)
    write(
        other, {"none": rows, "words": [make(granted, "quince medlar", 1), rows[1]]}.get(change, rows[::-1])
    )
    if change == "appended":
        other.write_bytes(path.read_bytes() + path.read_bytes())
    if change == "cut":
        other.write_bytes(path.read_bytes()[:200])
    given = {"path": str(path), "format": source, "defaults": {"tier": "free", "surface": "chat"}}
    if form == "claude-code":
        given["defaults"] = {"user_id": granted, "tier": "free", "surface": "chat"}
    environment = {
        "PYTHONPATH": str(site),
        "CHANGE_ONCE": str(folder / "changed"),
        "CHANGE_PATH": str(path),
        "CHANGE_TO": "" if change == "removed" else str(other),
        "CHECK_AT_COMMIT": check,
    }
    out, inputs = folder / "out", f"inputs=[{json.dumps(given)}]"
    done = chatsieve(
        "run",
        *("-c", corpus.config, "--output", out, "--quiet", "--set", inputs),
        *("--set", "limits.max_quarantined_fraction=1", *more),
        fresh=True,
        **environment,
    )
    assert (folder / "changed").exists(), done.stderr
    return done.returncode, done.stderr, out


def assert_found(code: int, errors: str, out: Path, by: str = "inputs[0]: a file changed while") -> None:
    assert code == 3, errors
    assert by in errors
    assert errors.count("\n") == 1
    assert "quince" not in errors
    assert not (out / "CURRENT").exists()
    assert not list(out.rglob("*.parquet"))


@pytest.mark.parametrize(
    "form", [form if form == "jsonl" else pytest.param(form, marks=pytest.mark.faults) for form in FORMATS]
)
def test_an_input_that_changes_before_its_text_is_read_is_not_published(
    corpus: Corpus, tmp_path: Path, form: str
) -> None:
    """Size, inode and time are those of before: the refused person's record has the granted one's place."""
    assert_found(*run(corpus, tmp_path, form, "swapped"))


def test_an_input_that_stays_as_it_is_is_published(corpus: Corpus, tmp_path: Path) -> None:
    """The other side: the same file written again with the same bytes is no change."""
    code, errors, out = run(corpus, tmp_path, "jsonl", "none")
    assert (code, errors) == (0, "")
    assert "apple apricot" in json.dumps(table_of(out, "data"), default=str)


@pytest.mark.faults
@pytest.mark.parametrize("change", ["words", "cut", "removed"])
def test_a_record_of_other_words_or_none_is_not_published(
    corpus: Corpus, tmp_path: Path, change: str
) -> None:
    """Its ids and times are equal, or it is gone."""
    assert_found(*run(corpus, tmp_path, "jsonl", change))


@pytest.mark.faults
def test_a_change_is_found_by_two_workers(corpus: Corpus, tmp_path: Path) -> None:
    """The error comes from another process, and is the same line."""
    assert_found(*run(corpus, tmp_path, "jsonl", "swapped", *TWO_WORKERS))


@pytest.mark.faults
def test_records_added_in_mid_run_end_it_at_commit(corpus: Corpus, tmp_path: Path) -> None:
    """The records that were decided on are unchanged, so only the size of the file shows it."""
    found = run(corpus, tmp_path, "jsonl", "appended", check="on")
    assert_found(*found, by="logs.jsonl: changed while it was read")
