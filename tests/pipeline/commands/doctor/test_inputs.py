"""Checks of logs, consent and lists: what a run would refuse is found, and nothing else."""

from __future__ import annotations

import datetime as dt
import errno
import os
from typing import Any

import pytest

from tests.support.examined import Examined
from tests.support.memory_bucket import URL, memory_bucket

CHECKS = ("inputs", "readiness", "consent", "deletions", "authorizations")


@pytest.mark.parametrize("check", CHECKS)
def test_a_configuration_without_faults_has_no_finding(world: Examined, check: str) -> None:
    """A false alarm stops a run that would be fine."""
    world.write("gone.csv", "kind,id,deleted_at\nuser,u9,2026-01-01T00:00:00Z\n")
    world.write(
        "terms.csv", "organization_id,surface,valid_from,valid_to,reference\no,,2020-01-01T00:00:00Z,,a\n"
    )
    world.save(deletions="gone.csv", authorizations="terms.csv")
    assert world.found(check) == []


def test_every_missing_input_is_named(world: Examined) -> None:
    """The next fault must not appear only when the first is corrected."""
    world.save(inputs=[{"path": "a/*.jsonl"}, {"path": "logs/*.jsonl"}, {"path": "logs"}])
    no_file, folder = world.found("inputs")
    assert no_file == "fault: a/*.jsonl: no such input; give an existing file or a glob that matches a file"
    assert folder == "fault: logs: is a folder; give a file or a glob such as logs/*.jsonl"


def test_a_file_that_cannot_be_read_is_named(world: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of another user are found before hours of reading; their number shows whether it is one file."""
    world.write("logs/b.jsonl", "{}\n")
    monkeypatch.setattr(os, "access", lambda path, _: not str(path).endswith(".jsonl"))
    (told,) = (line for line in world.found("inputs") if line.startswith("fault"))
    assert told.startswith(
        "fault: inputs[0]: logs/b.jsonl and 1 more: cannot be read; give this user the right"
    )


def test_an_object_that_cannot_be_read_is_named(world: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    """To list a bucket and to read its objects are two rights."""
    bucket = memory_bucket(monkeypatch)
    bucket.add(world.folder / "logs/day.jsonl", "logs/day.jsonl")
    world.save(inputs=[{"path": f"{URL}/logs/*.jsonl"}])
    assert world.found("inputs") == []
    bucket.fail = PermissionError(errno.EACCES, "Permission denied", f"{URL}/logs/day.jsonl")
    assert world.found("inputs") == [f"fault: {URL}/logs/day.jsonl: cannot be read (Permission denied)"]


def test_files_of_another_format_are_told(world: Examined) -> None:
    """A run would quarantine every record; it is a warning, since a format may be recognised too late."""
    world.save(inputs=[{"path": "logs/*.jsonl", "format": "sharegpt"}])
    assert world.found("inputs") == [
        "warning: inputs[0]: format sharegpt is not recognised in the first files (they look like "
        "canonical); `chatsieve inspect PATH` shows what they have"
    ]


def test_a_mapping_table_is_checked(world: Examined) -> None:
    """It assigns users to logs, so a fault in it refuses the run."""
    world.save(inputs=[{"path": "logs/*.jsonl", "mapping": "users.csv"}])
    assert any("users.csv" in line and line.startswith("fault") for line in world.found("inputs"))
    world.write("users.csv", "path,user_id\n*.jsonl,u1\n")
    assert world.found("inputs") == []


def test_what_is_not_ready_may_be_there_later(world: Examined) -> None:
    """A missing marker is no fault of the configuration: the scheduler repeats the command."""
    world.save(inputs=[{"path": "logs/*.jsonl", "ready": {"marker": "logs/_DONE"}}])
    assert world.found("readiness") == [
        "later: inputs[0]: no marker logs/_DONE; try again later, or give wait"
    ]
    world.write("logs/_DONE", "")
    assert world.found("readiness") == []


def _consent(rows: str) -> str:
    return f"user_id,state,decided_at,snapshot_at\n{rows}"


@pytest.mark.parametrize(
    ("keys", "text", "expected"),
    [
        ({"consent": {"snapshots": ["gone/*.csv"]}}, None, "gone/*.csv: no consent snapshot found; "),
        ({}, _consent("u1,maybe,2026-01-01T00:00:00Z,2026-03-01T00:00:00Z\n"), "agreed.csv"),
        ({}, _consent(""), "consent.snapshots: no snapshot at or before as_of"),
        ({"as_of": "2026-03-02T11:59:59Z"}, None, None),
        ({"as_of": "2026-03-02T12:00:00Z"}, None, None),
        ({"as_of": "2026-03-02T12:00:01Z"}, None, "consent.snapshots: stale: the newest snapshot is of"),
        ({"as_of": "2026-02-28T00:00:00Z"}, None, "consent.snapshots: no snapshot at or before as_of"),
    ],
)
def test_consent_is_read_and_its_age_is_checked(
    world: Examined, keys: dict[str, Any], text: str | None, expected: str | None
) -> None:
    """Both sides of the age that the policy allows; an invalid row refuses a run."""
    world.save(**keys)
    if text is not None:
        world.write("agreed.csv", text)
    found = world.found("consent")
    assert len(found) == (expected is not None), found
    assert not expected or found[0].startswith(f"fault: {expected}"), found


def test_rows_of_lists_are_checked(world: Examined) -> None:
    """A list with a fault would let deleted conversations through, so a run refuses it."""
    world.save(deletions="gone.csv", authorizations="terms.csv")
    assert [line for line in world.found("deletions") if line.startswith("fault: gone.csv")]
    assert [line for line in world.found("authorizations") if line.startswith("fault: terms.csv")]
    world.write("gone.csv", "kind,id,deleted_at\nplace,u9,2026-01-01T00:00:00Z\n")
    world.write("terms.csv", "organization_id,surface,valid_from,valid_to,reference\no,,soon,,a\n")
    assert len(world.found("deletions")) == len(world.found("authorizations")) == 1


def test_a_day_that_is_not_due_is_not_a_fault(world: Examined) -> None:
    """The window of the first day is empty until it is over."""
    today = dt.datetime.now(dt.UTC).date()
    world.save(inputs=[{"path": "logs/{date}/*.jsonl", "since": today.isoformat()}], as_of=None)
    assert [line.split(":")[0] for line in world.found("inputs")] == ["later"]
    assert [line.split(":")[0] for line in world.found("readiness")] == ["later"]
