"""A large Parquet input from a small sample: copies of the same sessions with other ids.

It contains every scenario of `chatsieve sample`, including malformed records. Five copies of a session have
the same user, so that a user has several sessions and the number of users is a fifth.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TIMES = pa.timestamp("us", tz="UTC")
CONVERSATIONS = 20_000
COPIES_A_USER = 5
COPIES_A_FILE = 5
_MAX_MESSAGES = 6
_MAX_TEXT = 200
_ZONED = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"


def write_replicas(folder: Path, sessions: int, workers: int) -> None:
    """Writes `logs/*.parquet`, `consent/*.parquet`, the lists and `config.yaml` into a new folder."""
    command = [str(Path(sys.executable).parent / "chatsieve"), "sample", str(folder), "--quiet"]
    options = ["--conversations", str(CONVERSATIONS), "--seed", "3", "--input-format", "parquet"]
    subprocess.run([*command, *options], check=True)
    base = folder / "base.parquet"
    parts = sorted((folder / "logs").iterdir())
    pq.write_table(_base(pa.concat_tables([pq.read_table(part) for part in parts])), base)
    for part in parts:
        part.unlink()
    copies = max(1, sessions // CONVERSATIONS)
    starts = range(0, copies, COPIES_A_FILE)
    with ProcessPoolExecutor(workers) as pool:
        done = [
            pool.submit(_write_log, folder, base, start, min(start + COPIES_A_FILE, copies))
            for start in starts
        ]
        for each in done:
            each.result()
    for snapshot in sorted((folder / "consent").iterdir()):
        _replicate_consent(snapshot, -(-copies // COPIES_A_USER))
    _replicate_deletions(folder / "deletions.csv", copies)
    base.unlink()


def _base(table: pa.Table) -> pa.Table:
    """The records in a realistic form: timestamps, at most six messages, texts of a line or two."""
    for name in ("created_at", "deleted_at"):
        table = table.set_column(table.schema.get_field_index(name), name, _times(table[name]))
    messages = table["messages"].combine_chunks()
    messages = pc.list_slice(messages, 0, _MAX_MESSAGES)
    structs = messages.values
    fields = {field.name: structs.field(field.name) for field in structs.type}
    fields["sent_at"] = _times(fields["sent_at"])
    content = fields["content"]
    blocks = content.values
    parts = {field.name: blocks.field(field.name) for field in blocks.type}
    parts["text"] = pc.utf8_slice_codeunits(parts["text"], 0, _MAX_TEXT)
    made = pa.StructArray.from_arrays(list(parts.values()), list(parts), mask=blocks.is_null())
    fields["content"] = pa.ListArray.from_arrays(content.offsets, made, mask=content.is_null())
    made = pa.StructArray.from_arrays(list(fields.values()), list(fields), mask=structs.is_null())
    lists = pa.ListArray.from_arrays(messages.offsets, made, mask=messages.is_null())
    return table.set_column(table.schema.get_field_index("messages"), "messages", lists)


def _times(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The texts as timestamps; a text without a time zone becomes null."""
    zoned = pc.match_substring_regex(texts, _ZONED)
    return pc.if_else(zoned, texts, pa.scalar(None, pa.string())).cast(TIMES)


def _write_log(folder: Path, base: Path, start: int, end: int) -> None:
    table = pq.read_table(base)
    copies = [_copy(table, number) for number in range(start, end)]
    name = folder / "logs" / f"part-{start:05d}.parquet"
    pq.write_table(pa.concat_tables(copies), name, compression="zstd", row_group_size=1 << 20)


def _copy(table: pa.Table, number: int) -> pa.Table:
    for name, prefix in (
        ("conversation_id", f"{number}-"),
        ("current_message_id", f"{number}-"),
        ("user_id", f"{number // COPIES_A_USER}-"),
    ):
        table = table.set_column(table.schema.get_field_index(name), name, _under(prefix, table[name]))
    messages = table["messages"].combine_chunks()
    structs = messages.values
    fields = {field.name: structs.field(field.name) for field in structs.type}
    for name in ("message_id", "parent_id"):
        fields[name] = _under(f"{number}-", fields[name])
    fields["content"] = _copied_texts(number, fields["content"])
    made = pa.StructArray.from_arrays(list(fields.values()), list(fields), mask=structs.is_null())
    lists = pa.ListArray.from_arrays(messages.offsets, made, mask=messages.is_null())
    return table.set_column(table.schema.get_field_index("messages"), "messages", lists)


def _copied_texts(number: int, content: pa.ListArray) -> pa.ListArray:
    """Texts that differ in every copy. Real texts rarely repeat, so that a dictionary saves nothing."""
    blocks = content.values
    parts = {field.name: blocks.field(field.name) for field in blocks.type}
    parts["text"] = _under(f"{number}. ", parts["text"])
    made = pa.StructArray.from_arrays(list(parts.values()), list(parts), mask=blocks.is_null())
    return pa.ListArray.from_arrays(content.offsets, made, mask=content.is_null())


def _under(prefix: str, ids: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pc.binary_join_element_wise(pa.scalar(prefix), ids, "")


def _replicate_consent(path: Path, copies: int) -> None:
    table = pq.read_table(path)
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for number in range(copies):
            writer.write_table(table.set_column(0, "user_id", _under(f"{number}-", table["user_id"])))


def _replicate_deletions(path: Path, copies: int) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for number in range(copies):
            same_user = number % COPIES_A_USER
            user = f"{number // COPIES_A_USER}-"
            for kind, key, moment in rows:
                if kind == "conversation":
                    writer.writerow((kind, f"{number}-{key}", moment))
                elif not same_user:
                    writer.writerow((kind, user + key, moment))
