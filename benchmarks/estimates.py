"""The arithmetic of `benchmarks.plan`: from rates per unit to bytes, hours, requests and money of a run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from benchmarks.files_costs import FileCosts
from benchmarks.skew import schedule, uneven
from benchmarks.stage_costs import UNIT_OF, Costs

MIB, HOUR = 1 << 20, 3600.0
#: Passes over the input: facts, digests, texts.
PASSES = 3
#: Tables that a worker buffers at most before it gives them on: facts, and rows.
BUFFERS = 2 * 64 * MIB
#: Units a worker that are simulated at most.
_SIMULATED = 1000


@dataclasses.dataclass(frozen=True)
class Line:
    """A cost as a function of units: `fixed` is paid once by each worker."""

    fixed: float
    each: float

    def of(self, units: float, workers: int = 1) -> float:
        return self.fixed * workers + self.each * units


def line(small: tuple[float, float], large: tuple[float, float]) -> Line:
    """The line through two (units, cost) points, neither part below zero."""
    each = max(0.0, (large[1] - small[1]) / (large[0] - small[0]))
    return Line(max(0.0, large[1] - each * large[0]), each)


@dataclasses.dataclass(frozen=True)
class Rates:
    """What a plan is computed from. `seconds`, `given`: CPU and bytes for the next stage, by stage."""

    seconds: Mapping[str, Line]
    given: Mapping[str, float]
    per_session: Mapping[str, float]
    written: float
    peak: float


def rates(small: Costs, large: Costs) -> Rates:
    """Rates from two runs of different size."""
    unit = UNIT_OF
    return Rates(
        seconds={
            stage: line((small.units[of], small.seconds[stage]), (large.units[of], large.seconds[stage]))
            for stage, of in unit.items()
        },
        given={stage: large.given[stage] / large.units[of] for stage, of in unit.items()},
        per_session={
            name: large.units[name] / large.units["sessions"] for name in ("input_bytes", "characters")
        },
        written=large.written / large.units["characters"],
        peak=large.peak,
    )


def adjusted(known: Rates, session_kb: float | None, text_rate: float | None) -> Rates:
    """The rates with sessions of another size, and with another speed of masking in KB of text a second."""
    if session_kb is not None:
        factor = session_kb * 1000 / known.per_session["input_bytes"]
        per_session = {name: each * factor for name, each in known.per_session.items()}
        known = dataclasses.replace(known, per_session=per_session)
    if text_rate is not None:
        text = dataclasses.replace(known.seconds["Text"], each=1 / (text_rate * 1000))
        known = dataclasses.replace(known, seconds={**known.seconds, "Text": text})
    return known


@dataclasses.dataclass(frozen=True)
class Scale:
    """The run to plan. `read_bytes`: bytes of one ranged read, and of one part of an upload."""

    sessions: float
    users: int
    snapshots: int
    file_bytes: float
    shard_bytes: float
    workers: int
    read_bytes: float = 8 * MIB


@dataclasses.dataclass(frozen=True)
class Prices:
    """Prices, in any currency: a CPU hour, a GiB of memory for an hour, 1,000 reads, 1,000 writes."""

    cpu_hour: float
    memory_hour: float
    reads: float
    writes: float


@dataclasses.dataclass(frozen=True)
class Plan:
    """The figures of a plan. Bytes are of the whole run; `cpu_hours` and `shuffled` by stage."""

    units: Mapping[str, float]
    read: float
    shuffled: Mapping[str, float]
    cpu_hours: Mapping[str, float]
    written: float
    reads: float
    writes: float


def plan_of(scale: Scale, known: Rates, files: FileCosts) -> Plan:
    """The plan of a run by the measured rates."""
    units = {
        "sessions": scale.sessions,
        "consent_rows": float(scale.users * scale.snapshots),
        **{name: each * scale.sessions for name, each in known.per_session.items()},
    }
    count = math.ceil(units["input_bytes"] / scale.file_bytes)
    hours = {stage: known.seconds[stage].of(units[of], scale.workers) / HOUR for stage, of in UNIT_OF.items()}
    hours["Files"] = PASSES * files.seconds * count / HOUR
    written = known.written * units["characters"]
    shards = math.ceil(units["characters"] / scale.shard_bytes)
    return Plan(
        units=units,
        read=PASSES * units["input_bytes"],
        shuffled={stage: known.given[stage] * units[of] for stage, of in UNIT_OF.items()},
        cpu_hours=hours,
        written=written,
        # Of each file the size, and its footer or first block; then its ranges.
        reads=PASSES * count * (2 + math.ceil(scale.file_bytes / scale.read_bytes)) + count / 1000,
        # Of each shard the begin, the parts and the end of an upload; and an index beside it.
        writes=shards * (3 + math.ceil(written / shards / scale.read_bytes)),
    )


def money(plan: Plan, memory: float, prices: Prices) -> dict[str, float]:
    """Costs by kind. `memory`: bytes of one worker with one CPU."""
    hours = sum(plan.cpu_hours.values())
    return {
        "CPU": hours * prices.cpu_hour,
        "memory": hours * memory / 2**30 * prices.memory_hour,
        "reads": plan.reads / 1000 * prices.reads,
        "writes": plan.writes / 1000 * prices.writes,
    }


def worker_memory(known: Rates, max_bucket_bytes: float, decoded: float, largest: float) -> float:
    """Bytes of one worker: the measured peak, full buffers, the largest bucket, and a share of a bucket.

    The bucket is held as shuffled, for runners whose workers share no disk. The share is decoded, and copied
    in the merge.
    """
    return known.peak + BUFFERS + largest + 2 * decoded * min(max_bucket_bytes, largest)


def buckets_that_fit(bucket_bytes: Mapping[int, float], max_bucket_bytes: float, workers: int) -> int:
    """The least number whose mean bucket is decided at once, with four for each worker; else the greatest."""
    fitting = [
        number
        for number, mean in sorted(bucket_bytes.items())
        if mean <= max_bucket_bytes and number >= 4 * workers
    ]
    return fitting[0] if fitting else max(bucket_bytes)


def stretched(total: float, unit: float, overhead: float, workers: int, sigma: float, slow: float) -> float:
    """Makespan / ideal of `total` seconds cut into units of `unit` seconds, each with `overhead`.

    The ideal has no overhead, and workers of equal speed. One worker has the speed 1 / `slow`. At most
    `_SIMULATED` units a worker are simulated: with more, the end is nearer to the ideal.
    """
    count = max(1, min(round(total / unit), _SIMULATED * workers))
    some = min(total, unit * count)
    costs = uneven(some, count, sigma) + overhead
    speeds = [1 / slow, *[1.0] * (workers - 1)]
    return schedule(costs.tolist(), speeds).makespan / (some / workers)
