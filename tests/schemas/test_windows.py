"""Keys of windows and readiness: what is accepted, and the line that names key and cure otherwise."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.config import RunConfig
from schemas.errors import ConfigError
from schemas.strict_yaml import load_model
from schemas.windows import has_date, path_of_day, split_dates, undated_folder

DAY = dt.date(2026, 3, 9)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("logs/{date}/*.jsonl", "logs/2026-03-09/*.jsonl"),
        ("logs/{date:%Y/%m/%d}/*.jsonl", "logs/2026/03/09/*.jsonl"),
        ("logs/{date:%Y%m%d}.jsonl", "logs/20260309.jsonl"),
        ("logs/{date:%Y}/{date:%j}.jsonl", "logs/2026/068.jsonl"),
        ("year={date:%Y}/month={date:%m}/day={date:%d}/*", "year=2026/month=03/day=09/*"),
        ("logs/{date}/chats-{date}.jsonl", "logs/2026-03-09/chats-2026-03-09.jsonl"),
        ("s3://bucket/{date}/*", "s3://bucket/2026-03-09/*"),
        ("{a}/{date}/{}/{{date}}", "{a}/2026-03-09/{}/{2026-03-09}"),
        ("logs/{day}/{Date}/{date_x}/{date", "logs/{day}/{Date}/{date_x}/{date"),
        ("logs/[{]date}/x.jsonl", "logs/[{]date}/x.jsonl"),
    ],
)
def test_only_dates_in_braces_are_replaced(path: str, expected: str) -> None:
    """Other braces are part of a name, as they were before."""
    assert path_of_day(path, DAY) == expected
    assert has_date(path) == (path != expected)
    assert "".join(split_dates(path)) == path


def test_a_year_has_four_digits() -> None:
    """The C library pads no year, on some systems."""
    assert path_of_day("{date:%Y%m%d}", dt.date(98, 1, 2)) == "00980102"


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("logs/{date}/*", "logs/"),
        ("logs/a-{date}/{date}", "logs/"),
        ("{date}/x", ""),
        ("/{date}/x", "/"),
        ("s3://bucket/a/{date}", "s3://bucket/a/"),
    ],
)
def test_the_folder_of_an_input_has_no_date(path: str, folder: str) -> None:
    """Names below it must not depend on the window."""
    assert undated_folder(path) == folder


def config(tmp_path: Path, *inputs: dict[str, Any], **more: Any) -> Path:
    """A configuration with these inputs; those begin at line 2."""
    path = tmp_path / "run.yaml"
    rest = {
        "consent": {"snapshots": ["consent/*.csv"]},
        "policy": "consumer-terms-2025-09-28",
        "deid": "default",
        "output": {"path": "out"},
        **more,
    }
    path.write_text(yaml.safe_dump({"inputs": list(inputs)}) + yaml.safe_dump(rest, sort_keys=False))
    return path


DATED = {"path": "logs/{date}/*.jsonl", "since": "P30D"}


@pytest.mark.parametrize(
    ("given", "since", "until", "lateness"),
    [
        ({"since": "2026-03-01"}, dt.date(2026, 3, 1), None, 0),
        ({"since": "2026-03-01", "until": "2026-03-01"}, dt.date(2026, 3, 1), DAY.replace(day=1), 0),
        ({"since": "P1D", "lateness": "PT6H"}, dt.timedelta(days=1), None, 6),
        ({"since": "P2W", "lateness": "P2D"}, dt.timedelta(days=14), None, 48),
        ({"since": "P48D", "until": "2026-03-09"}, dt.timedelta(days=48), DAY, 0),
    ],
)
def test_windows_are_given_by_dates_or_durations(
    tmp_path: Path, given: dict[str, str], since: Any, until: dt.date | None, lateness: int
) -> None:
    """Dates are in UTC; a duration counts back from the last day."""
    (found,) = load_model(config(tmp_path, {**DATED, **given}), RunConfig).inputs
    assert (found.since, found.until) == (since, until)
    assert found.lateness == dt.timedelta(hours=lateness)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"since": None}, "inputs[0]: a path with {date} needs since; give the first day, or a duration"),
        ({"path": "logs/*"}, "inputs[0]: since needs a path with {date}, such as logs/{date}/*.jsonl.gz"),
        ({"path": "logs/{day}/*"}, "inputs[0]: since needs a path with {date}"),
        ({"since": "2026-02-30"}, "inputs[0].since: expected a date such as 2026-11-01, or a duration"),
        ({"since": "20260301"}, "inputs[0].since: expected a date"),
        ({"since": "2026-W10-1"}, "inputs[0].since: expected a date"),
        ({"since": "2026-03-01T00:00:00Z"}, "inputs[0].since: expected a date"),
        ({"since": 30}, "inputs[0].since: expected a date"),
        ({"since": True}, "inputs[0].since: expected a date"),
        ({"since": "yesterday"}, "inputs[0].since: expected a date"),
        ({"since": "PT36H"}, "inputs[0].since: expected a duration of whole days above zero, such as P30D"),
        ({"since": "P0D"}, "inputs[0].since: expected a duration of whole days above zero"),
        ({"since": "P-3D"}, "inputs[0].since: expected a"),
        ({"since": "-P3D"}, "inputs[0].since: expected a date"),
        ({"since": "2026-03-10", "until": "2026-03-09"}, "inputs[0]: since 2026-03-10 is after until"),
        ({"until": "P1D"}, "inputs[0].until: expected a date such as 2026-11-29"),
        ({"lateness": "P1M"}, "inputs[0].lateness: expected a duration of days or hours"),
        ({"lateness": "-PT1H"}, "inputs[0].lateness: expected a duration of days or hours"),
        ({"lateness": 2}, "inputs[0].lateness: expected an ISO 8601 duration"),
        ({"path": "logs/{date:%Y-%m}/*"}, "inputs[0].path: the dates in the path name no single day"),
        ({"path": "logs/{date:%m/%d}/*"}, "inputs[0].path: the dates in the path name no single day"),
        ({"path": "logs/{date:%Y%m%d%H}"}, "inputs[0].path: {date:%Y%m%d%H}: expected %Y, %m, %d, %j and"),
        ({"path": "logs/{date:}/*"}, "inputs[0].path: {date:}: expected %Y"),
        ({"path": "logs/{date:day=%d}"}, "write other text outside of the braces"),
        ({"path": "s3://logs-{date}/*"}, "inputs[0].path: a bucket cannot be named by a date"),
        ({"ready": {}}, "inputs[0].ready: expected marker, files: true, or both"),
        ({"ready": {"files": False}}, "inputs[0].ready: expected marker, files: true, or both"),
        ({"ready": {"marker": "logs/DONE"}}, "inputs[0]: ready.marker and path must both have {date}"),
        ({"ready": {"marker": "{date}/*"}}, "inputs[0].ready.marker: a marker is one file"),
        ({"ready": {"marker": "{date:%Y}"}}, "inputs[0].ready.marker: the dates in the path name no single"),
        ({"ready": {"markers": "{date}"}}, "inputs[0].ready.markers: unknown key"),
    ],
)
def test_a_window_that_cannot_be_meant_is_refused(tmp_path: Path, given: dict[str, Any], fault: str) -> None:
    """One line with file, line, key and cure."""
    entry = {key: value for key, value in {**DATED, **given}.items() if value is not None}
    path = config(tmp_path, entry)
    with pytest.raises(ConfigError) as refused:
        load_model(path, RunConfig)
    text = str(refused.value)
    assert fault in text
    assert text.startswith(f"{path}:")
    assert int(text.removeprefix(f"{path}:").partition(":")[0]) > 1


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"wait": "P1M"}, "wait: expected a duration of days or hours"),
        ({"wait": 60}, "wait: expected an ISO 8601 duration"),
        ({"consent": {"snapshots": ["x"], "ready": {}}}, "consent.ready: expected max_age, marker or both"),
        (
            {"consent": {"snapshots": ["x"], "ready": {"max_age": 1}}},
            "consent.ready.max_age: expected an ISO",
        ),
        (
            {
                "consent": {
                    "sources": [{"format": "segment", "path": "x", "category": "y"}],
                    "ready": {"max_age": "P1D"},
                }
            },
            "consent: ready.max_age is the age of snapshots; for sources alone, give ready.marker",
        ),
    ],
)
def test_readiness_that_cannot_be_meant_is_refused(tmp_path: Path, more: dict[str, Any], fault: str) -> None:
    """Otherwise a run would wait for nothing, or for ever."""
    with pytest.raises(ConfigError) as refused:
        load_model(config(tmp_path, {"path": "logs/*"}, **more), RunConfig)
    assert fault in str(refused.value)


def test_an_input_without_a_date_can_have_a_marker(tmp_path: Path) -> None:
    """An export that is replaced each night has one marker."""
    given = {"path": "logs/*", "ready": {"marker": "logs/[1]/DONE", "files": True}}
    (found,) = load_model(config(tmp_path, given), RunConfig).inputs
    assert found.ready is not None
    assert found.ready.marker == "logs/[1]/DONE"
