"""Consent and deletion lists that change between their digest and their reading."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.inputs.watched import watch
from schemas.errors import PipelineError
from tests.support.consent_systems import source_of
from tests.support.source_files import HASHER, RUN_KEY
from transforms.consent.authorizations import read_authorizations
from transforms.consent.snapshots import inspect_snapshot, read_deletions
from transforms.consent.spilled import temporary_spill
from transforms.consent.stage import _ReadDeletions, _ReadSnapshot
from transforms.consent.systems.read import read_consent_records
from transforms.shuffle.buckets import Buckets
from transforms.shuffle.spill import Spill
from transforms.sources.file_state import FileState, state_of

AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
SPILL = Spill(None, RUN_KEY)
SNAPSHOT = "user_id,state,decided_at,snapshot_at\nu1,{},2026-01-01T00:00:00Z,2026-02-01T00:00:00Z\n"
DELETIONS = "kind,id,deleted_at\nuser,u{},2026-01-01T00:00:00Z\n"


@pytest.mark.parametrize(
    ("reader", "text", "values"),
    [(_ReadSnapshot, SNAPSHOT, ("refused", "granted")), (_ReadDeletions, DELETIONS, ("1", "2"))],
)
def test_a_folder_exchanged_while_a_run_reads_and_put_back_is_found(
    tmp_path: Path, reader: Callable[..., object], text: str, values: tuple[str, str]
) -> None:
    """The digested files are in place again at commit, with their times: only the reader sees the other."""
    for name, value in zip(("lists", "other"), values, strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.csv").write_text(text.format(value))
    path = str(tmp_path / "lists/x.csv")
    states = {path: state_of(path)}
    read = reader(RUN_KEY, AS_OF, Buckets(4, SPILL), states)
    assert list(read.process(RUN_KEY.seal(path)))  # type: ignore[attr-defined]
    (tmp_path / "lists").rename(tmp_path / "kept")
    (tmp_path / "other").rename(tmp_path / "lists")
    with pytest.raises(PipelineError, match="changed while it was read"):
        list(read.process(RUN_KEY.seal(path)))  # type: ignore[attr-defined]
    (tmp_path / "lists").rename(tmp_path / "other")
    (tmp_path / "kept").rename(tmp_path / "lists")
    assert state_of(path) == states[path]


States = dict[str, FileState]
_ROW = {"user_id": "u1", "decided_at": "2026-01-01T00:00:00Z", "snapshot_at": "2026-02-01T00:00:00Z"}
_EVENT = (
    '{{"type":"track","event":"Segment Consent Preference Updated","userId":"u1","receivedAt":'
    '"2026-01-01T00:00:00Z","timestamp":"2026-01-01T00:00:00Z","context":{{"consent":'
    '{{"categoryPreferences":{{"model_training":{}}}}}}}}}\n'
)
_GRANT = "organization_id,surface,valid_from,valid_to,reference\no{},api,2026-01-01T00:00:00Z,,r\n"


def _exchanged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], contextlib.AbstractContextManager[None]]:
    """The folder of the path is another one whenever the path is opened, and is put back at once."""
    real = os.open

    def open_other(name: Any, *rest: Any, **more: Any) -> int:
        if str(name) != str(path):
            return real(name, *rest, **more)
        path.parent.rename(path.parent.with_name("kept"))
        path.parent.with_name("other").rename(path.parent)
        try:
            return real(name, *rest, **more)
        finally:
            path.parent.rename(path.parent.with_name("other"))
            path.parent.with_name("kept").rename(path.parent)

    @contextlib.contextmanager
    def exchanged() -> Iterator[None]:
        with monkeypatch.context() as patched:
            patched.setattr(os, "open", open_other)
            yield

    return exchanged


def _of_systems(path: str, states: States) -> None:
    source = source_of(format="segment", category="model_training")
    with temporary_spill(RUN_KEY) as spill:
        read_consent_records([path], source, HASHER, AS_OF, spill, states)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir()
    if path.suffix == ".parquet":
        pq.write_table(pa.table({name: [value] for name, value in {**_ROW, "state": text}.items()}), path)
    else:
        path.write_text(text)


_JSON = '{{"user_id":"u1","state":"{}","decided_at":null,"snapshot_at":"2026-02-01T00:00:00Z"}}\n'


@pytest.mark.parametrize(
    ("name", "text", "values", "read"),
    [
        ("x.csv", SNAPSHOT, ("refused", "granted"), "worker"),
        ("x.jsonl", _JSON, ("refused", "granted"), "worker"),
        ("x.parquet", "{}", ("refused", "granted"), "worker"),
        ("x.csv", SNAPSHOT, ("refused", "granted"), inspect_snapshot),
        ("x.parquet", "{}", ("refused", "granted"), inspect_snapshot),
        ("x.csv", DELETIONS, ("1", "2"), "deletions"),
        ("x.csv", _GRANT, ("1", "2"), "authorizations"),
        ("x.jsonl", _EVENT, ("false", "true"), "systems"),
    ],
)
def test_what_is_read_is_what_was_digested_although_the_path_was_exchanged_and_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, values: tuple[str, str], read: Any
) -> None:
    """Two looks at the path find the digested file; only the open file itself shows which one is read."""
    path = tmp_path / "lists" / name
    _write(path, text.format(values[0]))
    _write(tmp_path / "other" / name, text.format(values[1]))
    states = {str(path): watch(str(path)).state}
    readers: dict[Any, Callable[[], object]] = {
        "worker": lambda: list(
            _ReadSnapshot(RUN_KEY, AS_OF, Buckets(4, SPILL), states).process(RUN_KEY.seal(str(path)))
        ),
        "deletions": lambda: list(read_deletions(str(path), HASHER, AS_OF, states)),
        "authorizations": lambda: read_authorizations(path, HASHER, {"api"}, states),
        "systems": lambda: _of_systems(str(path), states),
        inspect_snapshot: lambda: inspect_snapshot(str(path), AS_OF, states),
    }
    exchanged = _exchanged(path, monkeypatch)
    readers[read]()
    with exchanged(), pytest.raises(PipelineError, match="changed while it was read"):
        readers[read]()
    with exchanged(), pytest.raises(PipelineError, match="changed while it was read"):
        watch(str(path))
    assert state_of(str(path)) == states[str(path)]


def test_a_file_written_to_while_it_is_read_is_found(tmp_path: Path) -> None:
    """The state of the open file is compared again at its end."""
    path = tmp_path / "x.csv"
    path.write_text(SNAPSHOT.format("refused"))
    states = {str(path): state_of(str(path))}
    tables = _ReadSnapshot(RUN_KEY, AS_OF, Buckets(4, SPILL), states).process(RUN_KEY.seal(str(path)))
    next(tables)
    path.write_text(SNAPSHOT.format("granted"))
    with pytest.raises(PipelineError, match="changed while it was read"):
        list(tables)
