"""A `Watch` by itself: failed commands, and what is logged of the error."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from unittest import mock

import pytest

from pipeline.telemetry import textfile
from pipeline.telemetry import watch as module
from pipeline.telemetry.watch import Watch
from schemas.errors import BusyError, ChatsieveError, ConfigError, InputError, PipelineError
from schemas.manifest import Manifest
from schemas.reports.document import Failure
from schemas.telemetry import metrics
from schemas.telemetry.events import Event
from schemas.telemetry.metrics import Sample


class Lines:
    """A log that keeps its events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    version: int | None = None

    def write(self, event: Event) -> None:
        self.events.append(event)


def _raised(error: ChatsieveError) -> ChatsieveError:
    try:
        raise error
    except ChatsieveError as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (InputError("logs/zzofqa.jsonl: cannot be read"), "run.refused"),
        (PipelineError("logs/zzofqa.jsonl: cannot be read"), "run.failed"),
        (BusyError("logs/zzofqa.jsonl: cannot be read"), "run.later"),
    ],
)
def test_each_exit_code_has_an_event_of_its_own(error: ChatsieveError, event: str) -> None:
    """A scheduler's log must tell retry from stop."""
    lines = Lines()
    watch = Watch("run", "0" * 32, lines)  # type: ignore[arg-type]  # only `write` is used
    watch.ended(error.exit_code, str(error), error, debug=False)
    ended = lines.events[0]
    assert ended.name == event
    assert ended.message == "logs/<NAME>.jsonl: cannot be read"
    assert ended.places is None


def test_places_are_logged_with_debug_without_code_or_message() -> None:
    """A traceback has messages, which can have data."""
    lines = Lines()
    error = _raised(PipelineError("zzofqa"))
    Watch("run", "0" * 32, lines).ended(3, str(error), error, debug=True)  # type: ignore[arg-type]
    (place,) = lines.events[0].places
    assert place.startswith("test_watch.py:")


def test_a_metrics_file_without_a_folder_is_refused_at_the_start(tmp_path: Path) -> None:
    """Found at the end of the run, a wrong path would cost a night of metrics."""
    with pytest.raises(ConfigError, match="--metrics-file"):
        Watch("run", "0" * 32, None, tmp_path / "gone" / "chat.prom").started()


def test_a_metrics_file_that_cannot_be_written_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dataset is committed by then: the run must not fail."""

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(module.textfile, "update", full)
    watch = Watch("run", "0" * 32, None, tmp_path / "chat.prom")
    assert watch.ended(0, "", None, debug=False) == [
        "the metrics file was not written (No space left on device)"
    ]


def test_a_run_with_nothing_new_keeps_the_metrics_of_its_version(tmp_path: Path) -> None:
    """Nights without logs are successes, and the counts are still those of the current version."""
    file = tmp_path / "chat.prom"
    textfile.update(file, [Sample(metrics.RECORDS, (), 7)])
    lines = Lines()
    watch = Watch("run", "0" * 32, lines, file)  # type: ignore[arg-type]  # only `write` is used
    manifest = mock.Mock(spec=Manifest, dataset_version=3, known_until="2026-11-29T00:00:00Z")
    crossed = Failure("audit.fail_if.min_eligible_share", 0.5, 0.25, "the share is low")
    watch.committed(Path("/srv/zzofqa/out"), None, manifest, [crossed])
    assert watch.ended(1, "", None, debug=False) == []
    assert [event.name for event in lines.events] == ["run.unchanged", "threshold.crossed", "run.finished"]
    assert lines.events[0].path == "/srv/<NAME>/out"
    assert lines.version == 3
    found = {sample.metric: sample.value for sample in textfile.read(file)}
    assert found[metrics.RECORDS] == 7
    assert metrics.LAST_SUCCESS in found
    assert (found[metrics.DATASET_VERSION], found[metrics.THRESHOLDS_CROSSED]) == (3, 1)
    assert found[metrics.SNAPSHOT_TIME] == dt.datetime(2026, 11, 29, tzinfo=dt.UTC).timestamp()


def test_a_fault_of_the_watch_is_a_warning_without_data() -> None:
    """The version is committed by then: the command must not report a failure."""
    lines = Lines()
    watch = Watch("run", "0" * 32, lines)  # type: ignore[arg-type]  # only `write` is used
    watch.committed(Path("zzofqa"), None, None, [])  # type: ignore[arg-type]  # the fault
    (line,) = watch.ended(0, "", None, debug=False)
    assert line.startswith("telemetry is incomplete: AttributeError at watch.py:")
    assert [event.name for event in lines.events] == ["warning", "run.finished"]


def test_a_watch_that_nobody_asked_for_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off by default: no file, no request."""
    monkeypatch.chdir(tmp_path)
    watch = Watch("run", "0" * 32, None, None, {})
    watch.stage_finished("reading", 1.0, 5)
    assert not watch.is_on
    assert watch.ended(0, "", None, debug=False) == []
    assert json.dumps(os.listdir(tmp_path)) == "[]"  # noqa: PTH208 - names alone
