"""What a run waits for is named by key, all at once, and looked for again each time."""

from __future__ import annotations

import datetime as dt
import errno
from pathlib import Path
from typing import Any

import pytest

from pipeline.inputs import readiness
from pipeline.inputs.readiness import Readiness
from schemas.errors import ConsentError, InputError
from tests.support.dated_logs import DatedLogs
from tests.support.memory_bucket import URL, memory_bucket

NOW = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
MARKED = {"ready": {"marker": "logs/{date}/_SUCCESS"}}
DAYS = ("2026-02-26", "2026-02-27", "2026-02-28")


def missing(logs: DatedLogs, now: dt.datetime = NOW, **overrides: Any) -> list[str]:
    """What a first look misses."""
    return Readiness().missing(logs.settings(**overrides), now)


def consent_ready(logs: DatedLogs, **ready: str) -> None:
    """Changes `consent.ready`."""
    logs.save(consent={"snapshots": ["consent/*.csv"], "ready": ready})


def test_without_conditions_nothing_is_missing(tmp_path: Path) -> None:
    """Configurations without `ready` start as they did before."""
    assert missing(DatedLogs(tmp_path)) == []


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ((), "no marker logs/2026-02-26/_SUCCESS, logs/2026-02-27/_SUCCESS, logs/2026-02-28/_SUCCESS"),
        (DAYS[:2], "no marker logs/2026-02-28/_SUCCESS"),
        (DAYS[::2], "no marker logs/2026-02-27/_SUCCESS"),
        (DAYS[1:], "no marker logs/2026-02-26/_SUCCESS"),
        (DAYS, None),
    ],
)
def test_each_day_of_the_window_needs_its_marker(
    tmp_path: Path, there: tuple[str, ...], expected: str | None
) -> None:
    """A day in the middle is never skipped; files alone do not replace a marker."""
    logs = DatedLogs(tmp_path, **MARKED)
    for day in DAYS:
        logs.log(day, "one")
    for day in there:
        logs.write(f"logs/{day}/_SUCCESS")
    assert missing(logs) == ([f"inputs[0]: {expected}"] if expected else [])


def test_many_missing_markers_are_counted(tmp_path: Path) -> None:
    """A line stays short; the first names are the earliest days."""
    logs = DatedLogs(tmp_path, **{**MARKED, "since": "P30D"})
    (text,) = missing(logs)
    assert text.endswith("logs/2026-01-30/_SUCCESS, logs/2026-01-31/_SUCCESS, logs/2026-02-01/_SUCCESS"
                         " and 27 more")  # fmt: skip


@pytest.mark.parametrize("kind", ["folder", "dangling link"])
def test_only_a_file_is_a_marker(tmp_path: Path, kind: str) -> None:
    """A folder of this name is made before anything is written into it."""
    logs = DatedLogs(tmp_path, **{**MARKED, "since": "P1D"})
    marker = tmp_path / "logs/2026-02-28/_SUCCESS"
    marker.parent.mkdir(parents=True)
    if kind == "folder":
        marker.mkdir()
    else:
        marker.symlink_to("nothing")
    assert missing(logs) == ["inputs[0]: no marker logs/2026-02-28/_SUCCESS"]


def test_required_files_are_looked_for_by_day(tmp_path: Path) -> None:
    """A file of another suffix is no file of the input."""
    logs = DatedLogs(tmp_path, ready={"files": True})
    for day in DAYS[::2]:
        logs.log(day, "one")
    logs.write("logs/2026-02-27/_SUCCESS")
    assert missing(logs) == ["inputs[0]: no file logs/2026-02-27/*.jsonl"]
    logs.log(DAYS[1], "two")
    assert missing(logs) == []


def test_an_input_without_dates_can_wait_for_its_file(tmp_path: Path) -> None:
    """An export that is delivered each night is later, not wrong."""
    logs = DatedLogs(
        tmp_path, path="export/*.jsonl", since=None, ready={"files": True, "marker": "export/DONE"}
    )
    assert missing(logs) == ["inputs[0]: no marker export/DONE", "inputs[0]: no file export/*.jsonl"]
    logs.write("export/DONE")
    logs.write("export/a.jsonl", "x")
    assert missing(logs) == []


@pytest.mark.parametrize(
    ("snapshots", "max_age", "expected"),
    [
        (["2026-02-28T00:00:00Z"], "P1D", None),
        (
            ["2026-02-27T23:59:59Z"],
            "P1D",
            "the newest snapshot is of 2026-02-27T23:59:59Z; at as_of that exceeds",
        ),
        (["2026-03-01T00:00:00Z"], "PT1S", None),
        # A snapshot after as_of is not known at as_of.
        (["2026-03-01T00:00:01Z"], "P1D", "no snapshot at or before as_of"),
        (["2026-02-28T12:00:00Z", "2026-03-01T00:00:01Z"], "P1D", None),
        (["2026-02-28T12:00:00Z", "2026-01-01T00:00:00Z"], "P1D", None),
        ([], "P1D", "no snapshot at or before as_of"),
    ],
)
def test_a_fresh_snapshot_is_at_most_so_old(
    tmp_path: Path, snapshots: list[str], max_age: str, expected: str | None
) -> None:
    """Both sides of the limit; `snapshot_at` counts, not the time of the file."""
    logs = DatedLogs(tmp_path)
    consent_ready(logs, max_age=max_age)
    for at in snapshots:
        logs.consent(at)
    found = missing(logs)
    assert [text.startswith(f"consent: {expected}") for text in found] == ([True] if expected else [])


def test_the_marker_of_consent_is_of_the_day_of_as_of(tmp_path: Path) -> None:
    """A run of tonight reads yesterday's logs and today's consent; its age is judged once it is whole."""
    logs = DatedLogs(tmp_path)
    consent_ready(logs, max_age="P1D", marker="consent/{date}.done")
    assert missing(logs) == ["consent: no marker consent/2026-03-01.done"]
    logs.write("consent/2026-03-01.done")
    assert missing(logs) == ["consent: no snapshot at or before as_of"]
    logs.consent("2026-02-28T18:00:00Z")
    assert missing(logs) == []


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    """Who repairs a night repairs all of it."""
    logs = DatedLogs(tmp_path, **{**MARKED, "since": "P1D"})
    other = {"path": "api/{date}.jsonl", "since": "P1D", "ready": {"files": True}}
    logs.save(inputs=[*logs.tree["inputs"], other])
    consent_ready(logs, marker="consent/DONE")
    assert missing(logs) == [
        "inputs[0]: no marker logs/2026-02-28/_SUCCESS",
        "inputs[1]: no file api/2026-02-28.jsonl",
        "consent: no marker consent/DONE",
    ]


@pytest.mark.parametrize(("second", "is_due"), [(0, False), (1, True)])
def test_a_day_of_the_future_is_not_due(tmp_path: Path, second: int, is_due: bool) -> None:
    """With as_of ahead of the clock, what is there of the last day is not all of it."""
    logs = DatedLogs(tmp_path, lateness="PT1H")
    logs.save(as_of="2026-03-01T05:00:00Z")
    now = dt.datetime(2026, 3, 1, 0, 59, 59, tzinfo=dt.UTC) + dt.timedelta(seconds=second)
    expected = [] if is_due else ["inputs[0]: 2026-02-28 is not due before 2026-03-01T01:00:00Z"]
    assert missing(logs, now) == expected
    logs.tree["inputs"][0]["until"] = "2026-02-27"
    logs.save()
    assert missing(logs, now) == []


def test_a_window_that_begins_later_is_not_ready(tmp_path: Path) -> None:
    """The first night of a schedule may come before its first day is due."""
    logs = DatedLogs(tmp_path, since="2026-03-01")
    logs.save(as_of=None)
    settings = logs.settings().at(dt.datetime(2026, 3, 1, 2, tzinfo=dt.UTC))
    (text,) = Readiness().missing(settings, NOW)
    assert text == "inputs[0]: since 2026-03-01 is not due yet"


def test_a_marker_that_is_removed_is_missing_again(tmp_path: Path) -> None:
    """Writers remove it while they write a day again."""
    logs = DatedLogs(tmp_path, **{**MARKED, "since": "P1D"})
    look, settings = Readiness(), logs.settings()
    marker = logs.write("logs/2026-02-28/_SUCCESS")
    assert look.missing(settings, NOW) == []
    marker.unlink()
    assert len(look.missing(settings, NOW)) == 1


def test_a_snapshot_is_read_again_only_if_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look a minute must not read years of consent each time."""
    read: list[str] = []

    def counted(path: str, real: Any = readiness.instants_in) -> Any:
        read.append(Path(path).name)
        return real(path)

    monkeypatch.setattr(readiness, "instants_in", counted)
    logs = DatedLogs(tmp_path)
    consent_ready(logs, max_age="P1D")
    old, older = logs.consent("2026-02-20T00:00:00Z"), logs.consent("2026-02-19T00:00:00Z")
    look, settings = Readiness(), logs.settings()
    assert len(look.missing(settings, NOW)) == len(look.missing(settings, NOW)) == 1
    assert read == [old.name, older.name]
    new = logs.consent("2026-02-28T06:00:00Z")
    assert look.missing(settings, NOW) == []
    assert read[2:] == [new.name]


def test_a_snapshot_that_cannot_be_read_ends_the_wait(tmp_path: Path) -> None:
    """A later try would find the same file."""
    logs = DatedLogs(tmp_path)
    consent_ready(logs, max_age="P1D")
    logs.write("consent/x.csv", "user_id,decided_at,snapshot_at\n")
    with pytest.raises(ConsentError, match=r"x\.csv: column state is missing"):
        missing(logs)


def test_markers_in_a_bucket_are_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request a day; a store that denies access is no missing marker."""
    store = memory_bucket(monkeypatch)
    entry = {"path": f"{URL}/logs/{{date}}/*.jsonl", "ready": {"marker": f"{URL}/logs/{{date}}/_SUCCESS"}}
    logs = DatedLogs(tmp_path, **entry)
    for day in DAYS[:2]:
        store.put(f"logs/{day}/_SUCCESS", b"")
    assert missing(logs) == [f"inputs[0]: no marker {URL}/logs/2026-02-28/_SUCCESS"]
    assert sorted(each.key for each in store.requests) == [f"logs/{day}/_SUCCESS" for day in DAYS]
    assert {each.kind for each in store.requests} == {"head"}

    def deny(key: str) -> None:
        raise PermissionError(errno.EACCES, "the store denied access", f"{URL}/{key}")

    monkeypatch.setattr(store, "head", deny)
    with pytest.raises(InputError, match="the store denied access"):
        missing(logs)
