"""`run` and `audit`, and their result."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from chatsieve.paths import Path, location_of
from chatsieve.process import contained, writing
from chatsieve.settings import Config, settings_for

if TYPE_CHECKING:
    from pipeline.commands.commit import Outcome
    from pipeline.inputs.config import Settings


@dataclasses.dataclass(frozen=True)
class Result:
    """A committed run or audit, in figures.

    `dataset`: the folder or URL of the dataset, for `open_dataset` and `verify`. `version`: the number of the
    version, `folder` its folder, `report` the page of its report. `sessions`: all that were decided; of them
    `eligible`, and `by_decision` and `by_reason` all others. `records`: read; `quarantined_records`: of them
    unreadable. `rows`: training rows, 0 for an audit. `entities`: replaced spans by entity type.

    `thresholds_crossed`: a sentence for each threshold of the configuration that was crossed; the version
    counts all the same, and the command would exit with 1. `nothing_new`: why a run added no version; the
    figures are then those of the current one.
    """

    kind: Literal["run", "audit"]
    dataset: str
    version: int
    folder: str
    report: str
    as_of: dt.datetime
    records: int
    quarantined_records: int
    sessions: int
    eligible: int
    by_decision: Mapping[str, int]
    by_reason: Mapping[str, int]
    rows: int
    entities: Mapping[str, int]
    thresholds_crossed: tuple[str, ...] = ()
    nothing_new: str | None = None

    @property
    def exit_code(self) -> int:
        """What the command exits with: 1 if a threshold was crossed, else 0."""
        return 1 if self.thresholds_crossed else 0


@contained
def run(
    config: Config,
    *,
    as_of: dt.datetime | str | None = None,
    output: Path | None = None,
    policy: Path | None = None,
    set: Mapping[str, Any] | None = None,  # noqa: A002 - as the option of the command
    wait: dt.timedelta | str | None = None,
    compare: Path | None = None,
    shareable: bool = False,
    rebuild: bool = False,
    beam_options: Sequence[str] = (),
) -> Result:
    """Writes a dataset of eligible, de-identified sessions, as `chatsieve run` does, and gives its figures.

    `config`: the path of a YAML file, or a mapping with the same keys (docs/reference/configuration.md).
    Paths in a file are relative to it; paths in a mapping, and `output`, `policy` and `compare`, to the
    working folder.
    `as_of`, `output`, `policy` and `wait` take precedence over the configuration; `set` does the same for any
    key, such as `{"output.shards": 8}`. `compare`: the dataset that the report compares with. `shareable`:
    suppress small counts in the report. `rebuild`: take nothing over from the version before.
    `beam_options`: such as `["--parallelism=8"]`.

    Raises ConfigError, PolicyError, InputError, ConsentError or OutputError before anything is written
    (`exit_code` 2), NotReadyError or BusyError where a later call may succeed (4), and PipelineError or
    DeidError if the run failed and was rolled back (3). KeyboardInterrupt arrives after everything that was
    written is removed. Nothing is printed or logged. Runs of one process wait for each other.
    """
    settings = settings_for(config, as_of=as_of, output=output, policy=policy, wait=wait, more=set)
    return _execute(settings, "run", beam_options, 0, compare, shareable, rebuild)


@contained
def audit(
    config: Config,
    *,
    as_of: dt.datetime | str | None = None,
    output: Path | None = None,
    policy: Path | None = None,
    set: Mapping[str, Any] | None = None,  # noqa: A002 - as the option of the command
    wait: dt.timedelta | str | None = None,
    compare: Path | None = None,
    shareable: bool = False,
    sample: int = 0,
    beam_options: Sequence[str] = (),
) -> Result:
    """Decides on every session but writes no text, as `chatsieve audit` does: a ledger and a report.

    `output`: the folder of audits, by default `audit.path`, else the output of runs with `.audit`. `sample`:
    the number of eligible sessions in which personal data is counted. All else is as for `run`.
    """
    settings = settings_for(
        config,
        as_of=as_of,
        output=output,
        output_key="audit.path",
        policy=policy,
        wait=wait,
        more=set,
    )
    return _execute(settings, "audit", beam_options, sample, compare, shareable, rebuild=False)


def _execute(
    settings: Settings,
    kind: Literal["run", "audit"],
    beam_options: Sequence[str],
    sample: int,
    compare: Path | None,
    shareable: bool,
    rebuild: bool,
) -> Result:
    from pipeline.commands.readiness import when_ready

    compared = None if compare is None else location_of("compare", compare)
    settings = when_ready(settings, [settings.output_path(kind)], lambda _: None)
    with writing():
        # Beam takes seconds to import: a refusal comes before.
        from pipeline.commands.run import execute
        from pipeline.runners.progress import Progress

        outcome = execute(
            settings,
            kind,
            list(beam_options),
            Progress(enabled=False),
            sample,
            compared,
            shareable,
            0.0,
            rebuild,
        )
        return _result(outcome, kind)


def _result(outcome: Outcome, kind: Literal["run", "audit"]) -> Result:
    from pipeline.report.thresholds import crossed_line

    manifest = outcome.manifest
    counts = manifest.counts
    return Result(
        kind=kind,
        dataset=str(outcome.path),
        version=manifest.dataset_version,
        folder=str(outcome.folder),
        report=str(outcome.folder / "report/report.html"),
        as_of=dt.datetime.fromisoformat(manifest.as_of),
        records=counts["records"],
        quarantined_records=counts["quarantined_records"],
        sessions=counts["sessions"],
        eligible=counts["decisions"].get("eligible", 0),
        by_decision=dict(counts["decisions"]),
        by_reason=dict(counts["reasons"]),
        rows=counts["training_rows"],
        entities=dict(manifest.entities),
        thresholds_crossed=tuple(crossed_line(each, kind) for each in outcome.failed),
        nothing_new=outcome.nothing_new,
    )
