"""Consent and deletion lists that change between their digest and their reading."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import PipelineError
from tests.support.source_files import HASHER
from transforms.consent.stage import _ReadDeletions, _ReadSnapshot
from transforms.shuffle.buckets import Buckets
from transforms.sources.file_state import state_of

AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
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
    read = reader(HASHER, AS_OF, Buckets(4), states)
    assert list(read.process(path))  # type: ignore[attr-defined]
    (tmp_path / "lists").rename(tmp_path / "kept")
    (tmp_path / "other").rename(tmp_path / "lists")
    with pytest.raises(PipelineError, match="changed while it was read"):
        list(read.process(path))  # type: ignore[attr-defined]
    (tmp_path / "lists").rename(tmp_path / "other")
    (tmp_path / "kept").rename(tmp_path / "lists")
    assert state_of(path) == states[path]
