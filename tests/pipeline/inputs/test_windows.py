"""The days that an input covers, and the files that are found for them, on disk and in a bucket."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.inputs.config import overrides_of
from pipeline.inputs.windows import MOST_DAYS, Window, files_of, root_of, window_of
from schemas.errors import ConfigError, InputError, NotReadyError
from schemas.windows import path_of_day
from tests.support.command import ROOT
from tests.support.dated_logs import DatedLogs
from tests.support.memory_bucket import URL, MemoryBucket, memory_bucket
from transforms.output.file_names import display_name, masked_path

DAY = dt.date(2026, 3, 9)


def days(first: str, last: str) -> Window:
    """The window from a day to another, in March 2026 unless a month is given."""
    one, other = (dt.date.fromisoformat(day if len(day) > 2 else f"2026-03-{day}") for day in (first, last))
    return Window(one, other)


@pytest.mark.parametrize(
    ("given", "as_of", "expected"),
    [
        # The last day is the last one that has ended.
        ({}, "2026-03-09T23:59:59Z", days("2026-02-26", "08")),
        ({}, "2026-03-10T00:00:00Z", days("2026-02-26", "09")),
        ({}, "2026-03-10T00:30:00Z", days("2026-02-26", "09")),
        # Days are in UTC, whatever offset as_of is given with.
        ({}, "2026-03-10T00:30:00+01:00", days("2026-02-26", "08")),
        ({}, "2026-03-09T19:30:00-05:00", days("2026-02-26", "09")),
        # A day with a change of summer time in Europe has 24 hours in UTC.
        ({}, "2026-03-29T23:59:59Z", days("2026-02-26", "28")),
        ({}, "2026-03-30T00:00:00Z", days("2026-02-26", "29")),
        # A day is due `lateness` after its end.
        ({"lateness": "PT2H"}, "2026-03-10T01:59:59Z", days("2026-02-26", "08")),
        ({"lateness": "PT2H"}, "2026-03-10T02:00:00Z", days("2026-02-26", "09")),
        ({"lateness": "P2D"}, "2026-03-11T23:59:59Z", days("2026-02-26", "08")),
        ({"lateness": "P2D"}, "2026-03-12T00:00:00Z", days("2026-02-26", "09")),
        # `until` is the last day if it is due.
        ({"until": "2026-03-05"}, "2026-03-10T00:00:00Z", days("2026-02-26", "05")),
        ({"until": "2026-03-09"}, "2026-03-10T00:00:00Z", days("2026-02-26", "09")),
        ({"until": "2026-03-10"}, "2026-03-10T00:00:00Z", days("2026-02-26", "09")),
        ({"until": "2026-12-31"}, "2026-03-10T00:00:00Z", days("2026-02-26", "09")),
        # A duration counts back from the last day, which is in it.
        ({"since": "P1D"}, "2026-03-10T00:00:00Z", days("09", "09")),
        ({"since": "P7D"}, "2026-03-10T00:00:00Z", days("03", "09")),
        ({"since": "P1W", "until": "2026-03-07"}, "2026-03-10T00:00:00Z", days("01", "07")),
        ({"since": "P1M"}, "2026-03-01T00:00:00Z", days("2026-02-01", "2026-02-28")),
        ({"since": "P1Y"}, "2028-03-01T00:00:00Z", days("2027-03-01", "2028-02-29")),
        ({"since": "P2D", "lateness": "PT1H"}, "2026-03-10T00:30:00Z", days("07", "08")),
        # The first day can be the last.
        ({"since": "2026-03-09"}, "2026-03-10T00:00:00Z", days("09", "09")),
    ],
)
def test_a_window_follows_from_as_of_and_configuration(
    tmp_path: Path, given: dict[str, Any], as_of: str, expected: Window
) -> None:
    """Whenever a run with this `as_of` is made again, it reads the same days."""
    settings = DatedLogs(tmp_path, **given).settings(as_of=as_of)
    assert window_of(settings, 0) == expected
    assert settings.at(dt.datetime(2030, 1, 1, tzinfo=dt.UTC)) is settings


def test_without_as_of_the_window_ends_yesterday(tmp_path: Path) -> None:
    """The clock is asked once; a later moment of the same settings is a later window."""
    logs = DatedLogs(tmp_path, since="P1D")
    logs.save(as_of=None)
    settings = logs.settings().at(dt.datetime(2026, 3, 10, 0, 0, 0, 5, dt.UTC))
    assert settings.as_of == dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
    assert window_of(settings, 0) == days("09", "09")
    assert window_of(settings.at(dt.datetime(2026, 3, 11, tzinfo=dt.UTC)), 0) == days("10", "10")


@pytest.mark.parametrize("as_of", ["2026-03-09T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_window_without_a_due_day_is_an_error(tmp_path: Path, as_of: str) -> None:
    """With a fixed as_of no later try can help; without, one does."""
    logs = DatedLogs(tmp_path, since="2026-03-09")
    with pytest.raises(ConfigError, match=r"inputs\[0\]\.since: 2026-03-09 is after .* earlier day, or a l"):
        window_of(logs.settings(as_of=as_of), 0)
    logs.save(as_of=None)
    settings = logs.settings().at(dt.datetime.fromisoformat(as_of))
    with pytest.raises(NotReadyError, match=r"inputs\[0\]\.since: 2026-03-09 is after .*try again later"):
        window_of(settings, 0)


@pytest.mark.parametrize(("since", "is_long"), [(MOST_DAYS, False), (MOST_DAYS + 1, True), (10**8, True)])
def test_a_window_has_a_largest_length(tmp_path: Path, since: int, is_long: bool) -> None:
    """A year with a digit missing would list three quarters of a million days."""
    settings = DatedLogs(tmp_path, since=f"P{since}D").settings()
    if is_long:
        with pytest.raises(ConfigError, match=r"inputs\[0\]\.since: the window from .* at most 4,000"):
            window_of(settings, 0)
    else:
        window = window_of(settings, 0)
        assert window is not None
        assert len(window.days) == MOST_DAYS


NAMES = [
    "logs/2026-02-25/early.jsonl",
    "logs/2026-02-26/a.jsonl",
    "logs/2026-02-26/b.parquet",
    "logs/2026-02-28/a.jsonl",
    "logs/2026-02-28/x/deep.jsonl",
    "logs/2026-02-28-old/a.jsonl",
    "logs/2026-03-01/today.jsonl",
    "logs/2026/02/27/c.jsonl",
    "logs/chats-20260227.jsonl",
    "logs/{date}/literal.jsonl",
    "logs/{day}/literal.jsonl",
    "logs/[eu]/2026-02-27/d.jsonl",
]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryBucket:
    """A bucket behind every URL, with the files of NAMES."""
    made = memory_bucket(monkeypatch)
    for name in NAMES:
        made.put(name, name.encode())
    return made


@pytest.mark.parametrize(
    ("path", "expected", "empty", "root"),
    [
        ("{date}/*.jsonl", ["2026-02-26/a.jsonl", "2026-02-28/a.jsonl"], ["27"], "logs"),
        (
            "{date}/**/*.jsonl",
            ["2026-02-26/a.jsonl", "2026-02-28/a.jsonl", "2026-02-28/x/deep.jsonl"],
            ["27"],
            "logs",
        ),
        ("{date:%Y/%m/%d}/*.jsonl", ["2026/02/27/c.jsonl"], ["26", "28"], "logs"),
        ("chats-{date:%Y%m%d}.jsonl", ["chats-20260227.jsonl"], ["26", "28"], "logs"),
        ("[[]eu]/{date}/*", ["2026-02-27/d.jsonl"], ["26", "28"], "logs"),
        ("{date}/{date}.jsonl", [], ["26", "27", "28"], "logs"),
        ("{date}/a.jsonl", ["2026-02-26/a.jsonl", "2026-02-28/a.jsonl"], ["27"], "logs"),
    ],
)
@pytest.mark.parametrize("place", ["disk", "bucket"])
def test_the_files_of_all_days_are_found(
    tmp_path: Path,
    store: MemoryBucket,
    place: str,
    path: str,
    expected: list[str],
    empty: list[str],
    root: str,
) -> None:
    """The last day before the window, the day of as_of and other names are left out."""
    base = URL if place == "bucket" else str(tmp_path)
    logs = DatedLogs(tmp_path, path=f"{base if place == 'bucket' else ''}/logs/{path}".lstrip("/"))
    for name in NAMES if place == "disk" else ():
        logs.write(name, name)
    settings = logs.settings()
    if not expected:
        with pytest.raises(InputError, match=r"inputs\[0\]: no file from .*2026-02-26.* to .*2026-02-28"):
            files_of(settings, 0)
        return
    found = files_of(settings, 0)
    below = f"{base}/logs/[eu]/" if path.startswith("[") else f"{base}/logs/"
    assert [file.path for file in found.files] == [below + name for name in expected]
    assert [f"{day:%d}" for day in found.empty] == empty
    assert found.window == days("2026-02-26", "2026-02-28")
    roots = [root_of(settings, settings.config.inputs[0])]
    assert roots == [f"{base}/{root}"]
    assert display_name(found.files[0].path, roots, 0).endswith(expected[0].rpartition("/")[2])
    assert all(bool(file.identity) == (place == "bucket") for file in found.files)
    if place == "bucket":
        assert len([each for each in store.requests if each.kind == "list"]) <= 3


def test_literal_braces_still_name_files(tmp_path: Path) -> None:
    """A path without a date is read as before; a folder named {date} is matched by a class."""
    for path, name in (
        ("logs/{day}/*", "logs/{day}/literal.jsonl"),
        ("logs/[{]date}/*", "logs/{date}/literal.jsonl"),
    ):
        logs = DatedLogs(tmp_path, path=path, since=None)
        for each in NAMES:
            logs.write(each, each)
        found = files_of(logs.settings(), 0)
        assert [file.path for file in found.files] == [str(tmp_path / name)]
        assert (found.window, [*found.empty]) == (None, [])


def test_a_configuration_in_a_folder_named_date_is_no_window(tmp_path: Path) -> None:
    """Only the path as it is written in the configuration has dates."""
    logs = DatedLogs(tmp_path / "{date}", path="logs/*.jsonl", since=None)
    logs.write("logs/a.jsonl", "x")
    assert [Path(file.path).name for file in files_of(logs.settings(), 0).files] == ["a.jsonl"]
    dated = DatedLogs(tmp_path / "{date}")
    dated.log("2026-02-27", "one")
    assert [Path(file.path).name for file in files_of(dated.settings(), 0).files] == ["a.jsonl"]
    assert root_of(dated.settings(), dated.settings().config.inputs[0]) == str(tmp_path / "{date}/logs")


def test_folders_of_sessions_are_read_by_day(tmp_path: Path, store: MemoryBucket) -> None:
    """A format that reads folders takes its files in each day's; a day without a folder has none."""
    store.put("cc/2026-02-27/-home/s.jsonl", b"{}")
    local = DatedLogs(tmp_path, path="cc/{date}", format="claude-code")
    local.write("cc/2026-02-27/-home/s.jsonl", "{}")
    remote = DatedLogs(tmp_path / "r", path=f"{URL}/cc/{{date}}", format="claude-code")
    for logs, base in ((local, str(tmp_path)), (remote, URL)):
        found = files_of(logs.settings(), 0)
        assert [file.path for file in found.files] == [f"{base}/cc/2026-02-27/-home/s.jsonl"]
        assert [f"{day:%d}" for day in found.empty] == ["26", "28"]
    wrong = DatedLogs(tmp_path, path="cc/{date}")
    with pytest.raises(InputError, match=r"2026-02-27: is a folder; give a file or a glob"):
        files_of(wrong.settings(), 0)


def test_a_marker_allows_a_window_without_files(tmp_path: Path) -> None:
    """Days on which nobody wrote are complete; without a marker a wrong path looks the same."""
    logs = DatedLogs(tmp_path, ready={"marker": "logs/{date}/_SUCCESS"})
    found = files_of(logs.settings(), 0)
    assert (found.files, len(found.empty)) == ([], 3)


def test_a_file_of_several_days_is_read_once(tmp_path: Path) -> None:
    """A path may lead out of the folder of its day."""
    logs = DatedLogs(tmp_path, path="logs/{date}/../*.jsonl")
    logs.write("logs/all.jsonl", "x")
    found = files_of(logs.settings(), 0)
    assert [Path(file.path).name for file in found.files] == ["all.jsonl"]
    assert [*found.empty] == []


def test_a_day_is_set_on_the_command_line(tmp_path: Path) -> None:
    """How an operator reads up to a day that is complete."""
    logs = DatedLogs(tmp_path)
    given = ["inputs.0.until=2026-02-27", "inputs.0.since=P1D"]
    settings = logs.settings(**overrides_of(None, None, None, None, None, given))
    assert window_of(settings, 0) == days("2026-02-27", "2026-02-27")


def test_a_day_can_be_a_link(tmp_path: Path) -> None:
    """Folders of days are often links to where they are stored."""
    logs = DatedLogs(tmp_path)
    shutil.move(logs.log("2026-02-27", "one").parent, tmp_path / "stored")
    (tmp_path / "logs/2026-02-27").symlink_to(tmp_path / "stored")
    assert len(files_of(logs.settings(), 0).files) == 1


def test_inputs_of_the_command_line_take_the_window_if_they_have_dates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain path is no window, and markers of other folders tell nothing about it."""
    monkeypatch.chdir(tmp_path)
    logs = DatedLogs(tmp_path, lateness="PT1H", ready={"marker": "logs/{date}/_SUCCESS"})
    given = overrides_of(None, ["other/{date}.jsonl", "one.jsonl"], None, None, None, None)
    dated, plain = logs.settings(**given).config.inputs
    assert (dated.path, plain.path) == (str(tmp_path / "other/{date}.jsonl"), str(tmp_path / "one.jsonl"))
    assert (dated.since, dated.lateness) == (dt.date(2026, 2, 26), dt.timedelta(hours=1))
    assert (plain.since, plain.lateness) == (None, dt.timedelta())
    assert dated.ready is plain.ready is None


def test_a_masked_path_keeps_its_dates() -> None:
    """Manifest and report show the placeholder; other words that may be of a name are masked."""
    path = "logs/anna/{date:%Y/%m/%d}/chats-{date}.jsonl"
    assert masked_path(path) == "logs/<NAME>/{date:%Y/%m/%d}/chats-{date}.jsonl"


def test_the_examples_of_the_documentation_work(tmp_path: Path) -> None:
    """The page's YAML loads, its layouts name one day, and its table has the days of the program."""
    page = (ROOT / "docs/how-to/windows.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.S)]
    assert len(blocks) == 2
    for block in blocks:
        logs = DatedLogs(tmp_path)
        logs.save(**block)
        window = window_of(logs.settings(as_of="2026-11-30T02:00:00Z"), 0)
        assert window == days("2026-11-01", "2026-11-29")
    layouts = re.search(r"Other layouts: (.*?)\. Allowed are", page, re.S)
    assert layouts is not None
    found = re.findall("`([^`]+)`", layouts[1])
    assert len(found) == 3
    for layout in found:
        assert "{date" not in path_of_day(
            DatedLogs(tmp_path, path=layout).settings().config.inputs[0].path, DAY
        )
    rows = re.findall(r"^\| (2026-\S+)[^|]*\| (\S+) \| (\S+) \|$", page, re.M)
    assert len(rows) == 5
    for as_of, lateness, last in rows:
        given = {} if lateness == "none" else {"lateness": lateness}
        settings = DatedLogs(tmp_path, since="P1D", **given).settings(as_of=as_of)
        assert window_of(settings, 0) == days(last, last)
