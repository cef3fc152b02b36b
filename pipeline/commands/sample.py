"""`chatsieve sample`: a synthetic corpus on disk, with a configuration to run it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from pipeline.inputs.packaged import packaged_folder
from schemas.errors import OutputError
from schemas.tables import INSTANT
from transforms.sample.corpus import Sample, generate, history_of
from transforms.sample.scenarios import AS_OF, SNAPSHOTS

InputFormat = Literal["jsonl", "jsonl.gz", "jsonl.zst", "parquet"]
_SESSIONS_PER_FILE = 20_000
_ROWS_PER_GROUP = 2_000
_POLICY = "policies/consumer-terms-2025-09-28.yaml"
_DEID = "deid/default.yaml"
_CONSENT = pa.schema(
    [("user_id", pa.string()), ("state", pa.string()), ("decided_at", INSTANT), ("snapshot_at", INSTANT)]
)
_BLOCK = pa.struct(
    [
        (name, pa.string())
        for name in ("type", "text", "thinking", "id", "name", "input", "tool_use_id", "content")
    ]
    + [("is_error", pa.bool_())]
)
_MESSAGE = pa.struct(
    [
        ("message_id", pa.string()),
        ("parent_id", pa.string()),
        ("role", pa.string()),
        ("sent_at", pa.string()),
        ("thread", pa.string()),
        ("content", pa.list_(_BLOCK)),
    ]
)
_SESSION = pa.schema(
    [
        (n, pa.string())
        for n in ("conversation_id", "user_id", "organization_id", "tier", "surface", "created_at")
    ]
    + [("deleted_at", pa.string()), ("current_message_id", pa.string()), ("incognito", pa.bool_())]
    + [("messages", pa.list_(_MESSAGE))]
)


class SampleSummary(NamedTuple):
    """What was written."""

    path: Path
    records: int
    files: int


def write_sample(
    directory: Path, *, conversations: int, seed: int, input_format: InputFormat = "jsonl.gz"
) -> SampleSummary:
    """Writes logs, consent, lists, truth and a configuration into `directory`, which must be new or empty.

    Equal arguments give equal bytes. Memory does not grow with `conversations`.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise OutputError(f"{directory}: is not empty; give a new folder")
        for name in ("logs", "consent", "truth", "policies", "deid"):
            (directory / name).mkdir()
    except OSError as error:
        raise OutputError(f"{directory}: cannot be written ({error.strerror})") from None
    files = max(1, -(-conversations // _SESSIONS_PER_FILE), 2 if conversations > 1 else 1)
    with ExitStack() as stack:
        logs = [_log(directory, n, files, input_format) for n in range(files)]
        for log in logs:
            stack.enter_context(log)
        consent = stack.enter_context(_ConsentWriter(directory / "consent"))
        truth = stack.enter_context(_Lines(directory / "truth/decisions.jsonl"))
        planted = stack.enter_context(_Lines(directory / "truth/planted.jsonl"))
        deletions = stack.enter_context((directory / "deletions.csv").open("w", encoding="utf-8", newline=""))
        erase = csv.writer(deletions, lineterminator="\n")
        erase.writerow(["kind", "id", "deleted_at"])
        records = 0
        for number, session in enumerate(generate(conversations, seed)):
            for place, record in enumerate(session.records):
                logs[(number + place) % files].write(record)
                records += 1
            consent.write(session)
            truth.extend(session.truth)
            planted.extend(session.planted)
            erase.writerows((kind, key, "2026-02-15T00:00:00Z") for kind, key in session.deletions)
    _write_rest(directory, input_format)
    return SampleSummary(directory, records, files)


def _write_rest(directory: Path, input_format: InputFormat) -> None:
    with (directory / "authorizations.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["organization_id", "surface", "valid_from", "valid_to", "reference"])
        rows.writerow(["org-authorised", "", "2019-01-01T00:00:00Z", "", "agreement 17"])
        rows.writerow(["org-lapsed", "chat", "2025-01-01T00:00:00Z", "2025-12-31T00:00:00Z", "agreement 12"])
    configs = packaged_folder("configs")
    shutil.copyfile(configs / _POLICY, directory / _POLICY)
    shutil.copyfile(configs / _DEID, directory / _DEID)
    (directory / "config.yaml").write_text(
        f"""# Made by `chatsieve sample`: runs as it is.
inputs:
  - path: logs/*.{input_format}
    format: canonical
consent:
  snapshots: [consent/*.parquet]
authorizations: authorizations.csv
deletions: deletions.csv
policy: {_POLICY}
deid: {_DEID}
as_of: {AS_OF:%Y-%m-%dT%H:%M:%SZ}
key_file: chatsieve.key
create_key: true                 # a key for this folder alone, made at the first run
output:
  path: out
  shards: 4
runner: {{name: direct, workers: 2}}
""",
        encoding="utf-8",
    )


class _Lines:
    """JSON Lines, plain or compressed; equal content gives equal bytes."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("wb")
        self._file: IO[bytes] = self._raw
        if path.suffix == ".gz":
            packed = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0, compresslevel=6)
            self._file = io.BufferedWriter(packed, 1 << 20)
        elif path.suffix == ".zst":
            self._file = zstandard.ZstdCompressor(level=3).stream_writer(self._raw, closefd=False)
        self._encoder = msgspec.json.Encoder()

    def write(self, record: dict[str, Any] | bytes) -> None:
        """One line."""
        self._file.write((record if isinstance(record, bytes) else self._encoder.encode(record)) + b"\n")

    def extend(self, records: list[dict[str, Any]]) -> None:
        """Some lines."""
        for record in records:
            self.write(record)

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._raw.close()


class _Parquet:
    """Canonical records in Parquet. Records that are not valid JSON are omitted."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._schema = schema
        self._rows: list[dict[str, Any]] = []

    def write(self, record: dict[str, Any] | bytes) -> None:
        """One row."""
        if isinstance(record, dict):
            self._rows.append(_row(record))
        if len(self._rows) >= _ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []

    def __enter__(self) -> _Parquet:
        return self

    def __exit__(self, *_: object) -> None:
        if self._rows:
            self._flush()
        self._writer.close()


class _ConsentWriter:
    """One Parquet file a snapshot, with every decision made up to then."""

    def __init__(self, folder: Path) -> None:
        self._writers = [
            pq.ParquetWriter(folder / f"snapshot-{at:%Y-%m-%d}.parquet", _CONSENT, compression="zstd")
            for at in SNAPSHOTS
        ]
        self._rows: list[list[dict[str, Any]]] = [[] for _ in SNAPSHOTS]

    def write(self, session: Sample) -> None:
        """The rows of a session's user."""
        for rows, writer, at in zip(self._rows, self._writers, SNAPSHOTS, strict=True):
            for state, decided_at in history_of(session):
                if session.user_id is not None and (decided_at is None or decided_at <= at):
                    row = {
                        "user_id": session.user_id,
                        "state": state,
                        "decided_at": decided_at,
                        "snapshot_at": at,
                    }
                    rows.append(row)
            if len(rows) >= _ROWS_PER_GROUP * 8:
                writer.write_table(pa.Table.from_pylist(rows, schema=_CONSENT))
                rows.clear()

    def __enter__(self) -> _ConsentWriter:
        return self

    def __exit__(self, *_: object) -> None:
        for rows, writer in zip(self._rows, self._writers, strict=True):
            writer.write_table(pa.Table.from_pylist(rows, schema=_CONSENT))
            writer.close()


def _log(directory: Path, number: int, files: int, input_format: InputFormat) -> _Lines | _Parquet:
    path = directory / "logs" / f"part-{number:05d}-of-{files:05d}.{input_format}"
    if input_format == "parquet":
        return _Parquet(path, _SESSION)
    return _Lines(path)


def _row(record: dict[str, Any]) -> dict[str, Any]:
    messages = record.get("messages")
    return {
        **record,
        "messages": messages and [{**m, "content": list(_blocks(m["content"]))} for m in messages],
    }


def _blocks(content: str | list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    if isinstance(content, str):
        yield {"type": "text", "text": content}
        return
    for block in content:
        yield {**block, "input": json.dumps(block["input"])} if "input" in block else block
