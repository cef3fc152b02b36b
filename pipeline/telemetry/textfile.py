"""The metrics file, for the textfile collector of Prometheus' node_exporter: read, merged, replaced at once.

A command replaces the metrics that it knows and keeps the others: `forget` keeps the counts of the last run,
and a run that fails keeps the time of the last success.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from schemas.telemetry.metrics import METRICS, Metric, Sample

#: Anybody may read it: the collector runs as another user, and it holds counts alone.
_MODE = 0o644
_LINE = re.compile(r"(chatsieve_[a-z_]+)\{(.*)\} (\S+)")
_LABEL = re.compile(r'([a-z_]+)="([^"\\]*)"')
_LOCK_TRIES, _LOCK_SECONDS = 50, 0.1
_UNSAFE = re.compile(r"[^A-Za-z0-9_.*/<> -]")


def update(path: Path, samples: Iterable[Sample], replaced: Iterable[Metric] = ()) -> None:
    """Replaces the file by one with these samples and those kept of the file before. OSError if it cannot.

    A device, pipe or folder in its place is not replaced: that is an OSError too.

    `replaced`: metrics of which nothing is kept, even if no sample is given. Of a metric with the label
    `command`, the samples of other commands are kept. Two commands that end at the same time wait for each
    other.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no regular file")
    with _locked(path.parent):
        text = render(merged(read(path), samples, replaced), path.stem)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with unfinished.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            unfinished.chmod(_MODE)
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise


def merged(before: Iterable[Sample], now: Iterable[Sample], replaced: Iterable[Metric] = ()) -> list[Sample]:
    """The samples of now, and those of before that they do not replace."""
    now, gone = list(now), set(replaced)
    given = {_part(sample) for sample in now}
    kept = (each for each in before if each.metric not in gone and _part(each) not in given)
    return [*now, *kept]


def _part(sample: Sample) -> tuple[str, str]:
    """What a command replaces as a whole: a metric, or its part of one."""
    first = sample.labels[0] if sample.metric.labels[:1] == ("command",) else ""
    return sample.metric.name, first


def read(path: Path) -> list[Sample]:
    """The samples of a file that `update` wrote; lines that it would not write are dropped."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    known = {metric.name: metric for metric in METRICS}
    samples = []
    for name, written, value in _LINE.findall(text):
        metric, labels = known.get(name), dict(_LABEL.findall(written))
        if metric is not None and set(labels) == {"dataset", *metric.labels}:
            with contextlib.suppress(ValueError):
                samples.append(Sample(metric, tuple(labels[each] for each in metric.labels), float(value)))
    return samples


def render(samples: Iterable[Sample], dataset: str) -> str:
    """The text of the file, metrics in the order of the registry: valid for Prometheus and as OpenMetrics."""
    by_metric: dict[str, list[Sample]] = {}
    for sample in samples:
        by_metric.setdefault(sample.metric.name, []).append(sample)
    lines: list[str] = []
    for metric in METRICS:
        if found := by_metric.get(metric.name):
            lines += _head(metric)
            lines += (_line(sample, dataset) for sample in sorted(found, key=lambda each: each.labels))
    return "\n".join((*lines, "# EOF", ""))


def _head(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} gauge"
    if metric.unit:
        yield f"# UNIT {metric.name} {metric.unit}"


def _line(sample: Sample, dataset: str) -> str:
    pairs = (("dataset", dataset), *zip(sample.metric.labels, sample.labels, strict=True))
    labels = ",".join(f'{name}="{_UNSAFE.sub("_", value)}"' for name, value in pairs)
    return f"{sample.metric.name}{{{labels}}} {sample.value:.17g}"


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """A lock on the folder, so that no file for it is left; after five seconds without it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                time.sleep(_LOCK_SECONDS)
        yield
    finally:
        os.close(descriptor)
