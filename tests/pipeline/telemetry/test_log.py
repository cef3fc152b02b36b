"""The JSON log: its lines, its events, and that nothing else is on standard error."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.telemetry.events import EVENTS, Event
from tests.support.command import Corpus, chatsieve
from tests.support.night import CANARIES, Night

_ENVELOPE = ["time", "level", "event", "run_id", "command", "version"]
_NAMES = ("run", "verify", "audit", "forget", "expire", "gc", "refused")


@pytest.mark.parametrize("name", _NAMES)
def test_every_line_is_an_event_of_the_registry(night: Night, name: str) -> None:
    """A log pipeline parses by these names and fields: one other line stops it."""
    known = {event.name: event for event in EVENTS}
    lines = night.lines(name)
    for line in lines:
        assert list(line)[: len(_ENVELOPE)] == _ENVELOPE
        assert set(line) - set(_ENVELOPE) <= set(known[line["event"]].__struct_fields__)
        assert line["time"].endswith("Z")
    assert len({line["run_id"] for line in lines}) == 1
    assert lines[0]["event"] == "run.started"
    assert lines[-1]["event"] == "run.finished"
    assert lines[-1]["exit_code"] == night.done[name].returncode == (2 if name == "refused" else 0)


def test_a_run_reports_inputs_stages_commit_and_warnings(night: Night) -> None:
    """These are the milestones that an operator waits for."""
    events = [name for name in night.events("run") if name not in ("warning", "library.logged")]
    stages = [line["stage"] for line in night.lines("run") if line["event"] == "stage.finished"]
    ended = len(stages) * ["stage.finished"]
    assert events == ["run.started", "inputs.found", *ended, "run.committed", "run.finished"]
    assert all(before != after for before, after in itertools.pairwise(stages))
    assert sorted(set(stages)) == [
        "de-identifying",
        "deciding",
        "reading",
        "writing_ledger",
        "writing_shards",
    ]
    committed = next(line for line in night.lines("run") if line["event"] == "run.committed")
    counts = night.counts()
    assert committed["version"] == 1
    assert committed["eligible"] == counts["decisions"]["eligible"] > 5
    assert committed["records"] == counts["records"] > 40
    assert committed["path"].endswith("<NAME> out")
    codes = [line["code"] for line in night.lines("run") if line["event"] == "warning"]
    assert "undecided_after_deadline" in codes


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("verify", "verify.finished"),
        ("audit", "run.committed"),
        ("forget", "erasure.committed"),
        ("expire", "erasure.committed"),
        ("gc", "versions.removed"),
        ("refused", "run.refused"),
    ],
)
def test_every_command_reports_its_result(night: Night, name: str, event: str) -> None:
    """A command without a result in the log has to be looked at by hand."""
    assert event in night.events(name)


def test_counts_of_an_erasure_are_in_the_log(night: Night) -> None:
    """A privacy officer proves from the log that the request was carried out."""
    line = next(line for line in night.lines("forget") if line["event"] == "erasure.committed")
    counts = {name: line[name] for name in ("users", "conversations", "unknown", "training_rows", "pending")}
    assert counts == {"users": 1, "conversations": 1, "unknown": 1, "training_rows": 1, "pending": False}


def test_a_refusal_says_what_to_do_without_the_name(night: Night) -> None:
    """The advice must survive the masking, or the log is of no use at night."""
    line = next(line for line in night.lines("refused") if line["event"] == "run.refused")
    assert line["error"] == "OutputError"
    assert line["message"].endswith(
        "holds a dataset already (version 1); give another path, or output.on_exists: new_version"
    )


def test_no_canary_is_in_any_line_metric_or_request(night: Night, corpus: Corpus) -> None:
    """Logs and metrics go to systems that many people read."""
    ids = {truth[name] for truth in corpus.truth() for name in ("conversation_id", "user_id") if truth[name]}
    written = "\n".join(
        (
            *(done.stderr for done in night.done.values()),
            *(file.read_text() for file in night.metrics.iterdir()),
            night.collector.everything(),
        )
    ).lower()
    assert [word for word in (*CANARIES, *ids) if word.lower() in written] == []


def test_a_usage_error_is_logged_too(tmp_path: Path) -> None:
    """A scheduler with a wrong option must not lose the reason; the wrong word may be a name."""
    done = chatsieve("gc", tmp_path, "--zzofqa", "3", "--log-format=json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 2
    assert [line["event"] for line in lines] == ["run.started", "run.refused", "run.finished"]
    assert "No such option: --<NAME>" in lines[1]["message"]


def test_an_unknown_format_is_refused_in_text(tmp_path: Path) -> None:
    """A spelling mistake must not switch the log off."""
    done = chatsieve("gc", tmp_path, "--keep", "3", CHATSIEVE_LOG_FORMAT="jsn")
    assert done.returncode == 2
    assert done.stderr.startswith("chatsieve: Invalid value for '--log-format'")


def test_other_commands_ignore_the_variable() -> None:
    """The variable is set for a whole machine; people use the other commands there."""
    done = chatsieve("policy", "list", CHATSIEVE_LOG_FORMAT="json")
    assert done.returncode == 0
    assert done.stderr == ""


_NOISE = """
import logging, os, sys, warnings
from pipeline.telemetry.log import JsonLog
from schemas.telemetry.events import VersionsRemoved
log = JsonLog("00", "gc")
for _ in range(2):
    logging.getLogger("some.library").error("zzofqa %s", "qhaslova")
warnings.warn("brzqcki")
print("zzofqa", file=sys.stderr)
os.write(2, b"wyszqinska")
os.system("echo qhaslova >&2")
log.write(VersionsRemoved(versions=[3]))
"""


def test_what_libraries_and_programs_print_is_not_on_standard_error() -> None:
    """Libraries log the record that they fail on; a child of the process prints what it likes."""
    done = subprocess.run([sys.executable, "-c", _NOISE], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["event"], line.get("logger"), line["level"]) for line in lines] == [
        ("library.logged", "some.library", "error"),
        ("library.logged", "py.warnings", "warning"),
        ("versions.removed", None, "info"),
    ]
    assert [word for word in CANARIES if word in done.stderr + done.stdout] == []


def test_a_log_that_cannot_be_written_is_no_failure() -> None:
    """The reader of a pipe may end before the run does."""
    code = _NOISE.replace("log = ", "os.close(2); os.dup2(os.open('/dev/full', os.O_WRONLY), 2); log = ")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_every_event_is_registered_under_its_own_name() -> None:
    """The documentation and the checks go through the registry."""
    assert set(EVENTS) == set(Event.__subclasses__())
    assert len({event.name for event in EVENTS}) == len(EVENTS)
