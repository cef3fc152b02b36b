"""What a command reports of itself while it runs, and what is made of that at its end."""

from __future__ import annotations

import datetime as dt
import functools
import importlib.metadata
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Concatenate

from pipeline.telemetry import otlp, textfile
from pipeline.telemetry.failures import FAILURES, class_of, failure_of
from pipeline.telemetry.figures import number, samples_of, unchanged_samples
from pipeline.telemetry.log import JsonLog
from pipeline.telemetry.wording import masked_message
from schemas.errors import ConfigError
from schemas.manifest import Manifest
from schemas.reports.document import Failure, Report
from schemas.strict_yaml import parse_instant
from schemas.telemetry import metrics
from schemas.telemetry.events import (
    ErasureCommitted,
    Event,
    InputsFound,
    RunCommitted,
    RunFinished,
    RunStarted,
    RunUnchanged,
    RunWaiting,
    StageFinished,
    ThresholdCrossed,
    VerifyFinished,
    VerifyFound,
    VersionsRemoved,
    Warned,
)
from schemas.telemetry.metrics import Sample
from transforms.output.file_names import masked_name
from transforms.shuffle.guard import describe

#: Commands whose exit code 1 is a success: the version is committed.
_COMMIT_WITH_1 = ("run", "audit")


def _harmless[**P](method: Callable[Concatenate[Watch, P], None]) -> Callable[Concatenate[Watch, P], None]:
    """The method, with a warning in place of an error."""

    @functools.wraps(method)
    def tried(self: Watch, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - class and place only
            self.warn("telemetry_failed", describe("telemetry is incomplete", error))

    return tried


class Watch:
    """One execution of a command. Without a log, a metrics file and a collector, it does nothing.

    `log`: the JSON log. `metrics_file`: the text file for Prometheus. `environment`: where the variables of
    OpenTelemetry are. Only `started` raises.
    """

    def __init__(
        self,
        command: str = "",
        run_id: str = "",
        log: JsonLog | None = None,
        metrics_file: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command, self._log, self._metrics_file = command, log, metrics_file
        self._run_id = run_id
        self._environment = environment or {}
        self._begun = time.time_ns()
        self._version: int | None = None
        self._stages: list[otlp.Stretch] = []
        self._samples: list[Sample] = []
        self._replaced: tuple[metrics.Metric, ...] = ()
        self._newest_input: str | None = None
        self._counts: dict[str, int] = {}
        self._warnings: list[str] = []

    @property
    def is_on(self) -> bool:
        """True if anything is logged, written or sent."""
        return bool(self._log or self._metrics_file or otlp.signals(self._environment))

    def started(self) -> None:
        """Logs the start. ConfigError if the metrics file cannot be in its folder."""
        self._emit(RunStarted(program=importlib.metadata.version("chatsieve")))
        if self._metrics_file is not None and not os.access(self._metrics_file.parent, os.W_OK | os.X_OK):
            folder = self._metrics_file.parent
            raise ConfigError(f"--metrics-file: {folder} is not a folder that can be written to")

    @_harmless
    def waiting(self, message: str) -> None:
        """Something is not ready, or everything is ready now."""
        if self._log is not None:
            self._emit(RunWaiting(message=masked_message(message)))

    @_harmless
    def inputs_found(self, found: InputsFound, version: int) -> None:
        """Inputs are checked and `version` is claimed."""
        self._version, self._newest_input = version, found.newest_input
        self._emit(found)

    @_harmless
    def stage_finished(self, stage: str, seconds: float, sessions: int | None) -> None:
        """A stage ended now, after so many seconds."""
        end = time.time_ns()
        attributes: dict[str, str | int | float] = {"chatsieve.stage": stage}
        if sessions is not None:
            attributes["chatsieve.sessions"] = sessions
        self._stages.append(otlp.Stretch(f"stage {stage}", end - int(seconds * 1e9), end, attributes))
        self._emit(StageFinished(stage=stage, seconds=round(seconds, 3), sessions=sessions))

    @_harmless
    def committed(
        self, path: PurePath, report: Report | None, manifest: Manifest, failed: Sequence[Failure]
    ) -> None:
        """A version of the dataset `path` counts. `report` has all counts, none is suppressed.

        Without a report, nothing was new: the version counted before, and its other metrics stay.
        `failed`: the crossed thresholds.
        """
        self._version = manifest.dataset_version
        if report is None:
            self._emit(RunUnchanged(path=masked_name(str(path)), seconds=self._seconds()))
            self._crossed(failed)
            self._samples += unchanged_samples(manifest, failed)
            return
        decisions = {name: number(count) for name, count in report.counts.decisions.items()}
        counts = {
            "records": number(report.counts.records),
            "sessions": number(report.counts.sessions),
            **{name: decisions.get(name, 0) for name in ("eligible", "excluded", "deferred", "quarantined")},
            "training_rows": number(report.counts.training_rows),
        }
        event = RunCommitted(
            path=masked_name(str(path)),
            policy=report.policy.id,
            as_of=report.as_of,
            known_until=report.known_until,
            seconds=self._seconds(),
            **counts,
        )
        self._emit(event)
        for warning in report.warnings:
            self._emit(
                Warned(
                    code=warning.code,
                    subject=warning.subject,
                    count=number(warning.count),
                    share=warning.share,
                    message=warning.text,
                )
            )
        self._crossed(failed)
        if not self._replaced:  # of several policies, the first one's
            self._counts = counts
            self._replaced = metrics.VERSION_METRICS
            self._samples += samples_of(report, manifest, dt.datetime.now(dt.UTC))

    def _crossed(self, failed: Sequence[Failure]) -> None:
        for each in failed:
            self._emit(
                ThresholdCrossed(
                    threshold=each.threshold, limit=each.limit, actual=each.actual, message=each.text
                )
            )

    @_harmless
    def erased(self, done: ErasureCommitted, version: int) -> None:
        """An erasure counts; `version` is the current one."""
        self._version = version
        self._emit(done)
        label = (self._command,)
        self._samples += [
            Sample(metrics.ERASED_CONVERSATIONS, label, done.conversations),
            Sample(metrics.ERASED_ROWS, label, done.training_rows),
            Sample(metrics.ERASURE_PENDING, label, done.pending),
        ]
        if self._command == "forget":
            self._samples.append(Sample(metrics.ERASURE_UNKNOWN, (), done.unknown))

    @_harmless
    def removed(self, versions: Sequence[int]) -> None:
        """`gc` removed these versions."""
        self._emit(VersionsRemoved(versions=list(versions)))

    @_harmless
    def verified(
        self,
        version: int | None,
        findings: Sequence[tuple[str, str, str]],
        checked: Sequence[str],
        not_checked: Sequence[str],
    ) -> None:
        """`verify` ended. `findings`: class, place and fault of each. `not_checked`: what was left out."""
        self._version = version
        for kind, where, what in findings:
            self._emit(VerifyFound(kind=kind, where=masked_message(where), message=masked_message(what)))
        left_out = [masked_message(what) for what in not_checked]
        self._emit(VerifyFinished(findings=len(findings), checked=list(checked), not_checked=left_out))
        kinds = [kind for kind, _, _ in findings]
        for each in sorted({*checked, *kinds}):
            self._samples.append(Sample(metrics.VERIFY_FINDINGS, (each,), kinds.count(each)))

    def ended(self, code: int, message: str, error: BaseException | None, debug: bool) -> list[str]:
        """Logs the end, writes the metrics file, sends to the collector. A line for each own warning."""
        if self.is_on:
            self._end(code, message, error, debug)
            self._emit(RunFinished(exit_code=code, seconds=self._seconds()))
        return self._warnings

    @_harmless
    def _end(self, code: int, message: str, error: BaseException | None, debug: bool) -> None:
        if self._log is not None and (failure := failure_of(code, message, error, debug)) is not None:
            self._emit(failure)
        self._samples += self._of_command(code)
        self._write_file()
        self._send(code, error)

    def _of_command(self, code: int) -> list[Sample]:
        label, now = (self._command,), time.time()
        samples = [
            Sample(metrics.LAST_RUN, label, now),
            Sample(metrics.LAST_EXIT_CODE, label, code),
            Sample(metrics.RUN_DURATION, label, self._seconds()),
        ]
        if code == 0 or (code == 1 and self._command in _COMMIT_WITH_1):
            samples.append(Sample(metrics.LAST_SUCCESS, label, now))
        if self._replaced:
            if self._newest_input:
                samples.append(
                    Sample(metrics.NEWEST_INPUT, (), parse_instant(self._newest_input).timestamp())
                )
            seconds: dict[str, float] = {}
            for each in self._stages:
                stage = str(each.attributes["chatsieve.stage"])
                seconds[stage] = seconds.get(stage, 0) + (each.end - each.begin) / 1e9
            samples += [Sample(metrics.STAGE_DURATION, (name,), spent) for name, spent in seconds.items()]
        return samples

    def _write_file(self) -> None:
        if self._metrics_file is None:
            return
        try:
            textfile.update(self._metrics_file, self._samples, self._replaced)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self.warn("metrics_not_written", f"the metrics file was not written ({reason})")

    def _send(self, code: int, error: BaseException | None) -> None:
        attributes: dict[str, str | int | float] = {
            "chatsieve.command": self._command,
            "chatsieve.run_id": self._run_id,
            "chatsieve.exit_code": code,
            **{f"chatsieve.{name}": count for name, count in self._counts.items()},
        }
        if self._version is not None:
            attributes["chatsieve.version"] = self._version
        failed = class_of(error) if code in FAILURES else None
        whole = otlp.Stretch(f"chatsieve {self._command}", self._begun, time.time_ns(), attributes, failed)
        reason = otlp.send(self._environment, self._run_id, [whole, *self._stages], self._samples)
        if reason:
            self.warn("telemetry_not_sent", f"telemetry was not sent: {reason}")

    def warn(self, code: str, message: str) -> None:
        """A warning of the program itself: in the log at once, and a line of `ended`."""
        self._warnings.append(message)
        self._emit(Warned(code=code, message=message))

    def _emit(self, event: Event) -> None:
        if self._log is not None:
            self._log.version = self._version
            self._log.write(event)

    def _seconds(self) -> float:
        return round((time.time_ns() - self._begun) / 1e9, 3)


def new_run_id() -> str:
    """32 random hex digits: the id of a run in logs, and the id of its trace."""
    return secrets.token_hex(16)
