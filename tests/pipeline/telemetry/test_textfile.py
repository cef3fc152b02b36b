"""The metrics file: valid, complete, replaced at once, and merged over commands."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from pipeline.telemetry import textfile
from schemas.telemetry import metrics
from schemas.telemetry.metrics import METRICS, VERSION_METRICS, Metric, Sample
from tests.support.night import Night


def _values(path: Path) -> dict[tuple[str, ...], float]:
    return {(each.metric.name, *each.labels): each.value for each in textfile.read(path)}


@pytest.mark.parametrize("parse", [prometheus, openmetrics])
@pytest.mark.parametrize("name", ["chat.prom", "audit.prom", "after-run.prom"])
def test_both_parsers_read_what_was_written(night: Night, name: str, parse: object) -> None:
    """A collector drops the whole file for one line that it cannot read."""
    text = (night.metrics / name).read_text()
    known = {metric.name: metric for metric in METRICS}
    families = list(parse(text))  # type: ignore[operator]
    assert families
    for family in families:
        assert family.type == "gauge"
        assert family.documentation == known[family.name].help
        for sample in family.samples:
            assert set(sample.labels) == {"dataset", *known[family.name].labels}
            assert sample.labels["dataset"] == ("audit" if name == "audit.prom" else "chat")


def test_every_metric_is_written_by_some_command(night: Night) -> None:
    """A metric that nothing writes is an alert that never fires."""
    written = {each.metric for file in night.metrics.iterdir() for each in textfile.read(file)}
    assert {metric for metric in METRICS if metric not in written} == {metrics.NEWEST_DAY}


def test_counts_are_those_of_the_run(night: Night) -> None:
    """The dashboard must show what the report shows."""
    found, counts = _values(night.metrics / "after-run.prom"), night.counts()
    assert found["chatsieve_sessions", "eligible", "eligible"] == counts["decisions"]["eligible"] > 5
    assert found["chatsieve_sessions", "excluded", "residual_pii"] == 0
    assert found["chatsieve_records",] == counts["records"] > 40
    assert found["chatsieve_quarantined_records",] == counts["quarantined_records"] > 2
    assert 0 < found["chatsieve_quarantined_ratio",] < found["chatsieve_quarantined_limit_ratio",] == 0.5
    assert found["chatsieve_refused_eligible_sessions", "nothing"] == 0
    assert found["chatsieve_warnings", "undecided_after_deadline"] == 1
    assert found["chatsieve_consent_snapshot_age_seconds",] == 6 * 3600


def test_a_refused_run_keeps_counts_and_the_last_success(night: Night) -> None:
    """The time since the last success is measured while runs fail."""
    before, after = (_values(night.metrics / name) for name in ("after-run.prom", "chat.prom"))
    assert after["chatsieve_last_exit_code", "run"] == 2
    for key in before:
        if key[0] not in {metrics.LAST_EXIT_CODE.name, metrics.LAST_RUN.name, metrics.RUN_DURATION.name}:
            assert after[key] == before[key]
    assert (
        after["chatsieve_last_run_timestamp_seconds", "run"]
        > after["chatsieve_last_success_timestamp_seconds", "run"]
    )


def test_each_command_keeps_the_samples_of_the_others(night: Night) -> None:
    """One file a dataset: a run must not delete what `forget` counted."""
    found = _values(night.metrics / "chat.prom")
    codes = {key[1]: value for key, value in found.items() if key[0] == "chatsieve_last_exit_code"}
    assert codes == {"run": 2, "verify": 0, "forget": 0, "expire": 0, "gc": 0}
    assert found["chatsieve_erased_conversations", "forget"] == 1
    assert found["chatsieve_erasure_unknown_ids",] == 1
    assert found["chatsieve_verify_findings", "residual"] == 0


def test_a_commit_replaces_counts_that_it_does_not_have(tmp_path: Path) -> None:
    """A reason or entity type of an older version must not stay for ever."""
    file = tmp_path / "chat.prom"
    textfile.update(file, [Sample(metrics.MASKED_SPANS, ("PERSON",), 5), Sample(metrics.RECORDS, (), 9)])
    textfile.update(file, [Sample(metrics.RECORDS, (), 7)], VERSION_METRICS)
    assert _values(file) == {("chatsieve_records",): 7}


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    """A file that somebody edited must not stop the metrics of every later night."""
    file = tmp_path / "chat.prom"
    kept = 'chatsieve_records{dataset="chat"} 3'
    file.write_bytes(
        f'nothing\n{kept}\nchatsieve_gone{{dataset="x"}} 1\nchatsieve_users{{a="b"}} x\n'.encode()
    )
    textfile.update(file, [Sample(metrics.LAST_EXIT_CODE, ("run",), 3)])
    assert _values(file) == {("chatsieve_records",): 3, ("chatsieve_last_exit_code", "run"): 3}
    file.write_bytes(b"\xff\xfe")
    textfile.update(file, [Sample(metrics.RECORDS, (), 1)])
    assert _values(file) == {("chatsieve_records",): 1}


def test_a_pipe_or_device_is_not_replaced(tmp_path: Path) -> None:
    """A command of root with /dev/null as its metrics file would leave a machine without it."""
    pipe = tmp_path / "chat.prom"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="no regular file"):
        textfile.update(pipe, [Sample(metrics.RECORDS, (), 1)])
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_the_file_appears_whole_and_others_can_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector runs as another user, and may read at any moment."""
    file = tmp_path / "chat.prom"
    textfile.update(file, [Sample(metrics.RECORDS, (), 1)])
    assert stat.S_IMODE(file.stat().st_mode) == 0o644

    def fail(*_: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(textfile.os, "fsync", fail)
    with pytest.raises(OSError, match="full"):
        textfile.update(file, [Sample(metrics.RECORDS, (), 2)])
    assert _values(file) == {("chatsieve_records",): 1}
    assert [each.name for each in tmp_path.iterdir()] == ["chat.prom"]


def test_no_label_can_end_its_line(tmp_path: Path) -> None:
    """Names of custom entity types come from a configuration."""
    file = tmp_path / 'a"b\n{x}.prom'
    textfile.update(file, [Sample(metrics.MASKED_SPANS, ('EMP"} 1\nx\\',), 2)])
    (family,) = openmetrics(file.read_text())
    assert [each.value for each in family.samples] == [2]


def test_names_are_unique_and_end_with_their_unit() -> None:
    """OpenMetrics requires it, and two metrics of one name would be one."""
    assert len({metric.name for metric in METRICS}) == len({metric.otel_name for metric in METRICS})
    assert all(metric.unit is None or metric.name.endswith(f"_{metric.unit}") for metric in METRICS)
    declared = {value for value in vars(metrics).values() if isinstance(value, Metric)}
    assert set(METRICS) == declared
    assert len(METRICS) == len(declared)
