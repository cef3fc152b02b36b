"""What a run too big for one machine needs: bytes, CPU hours, buckets, memory, requests, money.

    python -m benchmarks.plan --sessions 1e10 --users 3e8 --workers 500

Costs per unit are measured in this call, in two runs of the program on synthetic sessions: the difference
gives the cost of a unit, the rest is paid once by each worker. Everything else is arithmetic on the arguments
and a simulation of users in buckets and of units on workers. docs/explanation/scale.md explains the lines.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

import numpy as np

from benchmarks.estimates import (
    HOUR,
    MIB,
    PASSES,
    Line,
    Plan,
    Prices,
    Rates,
    Scale,
    adjusted,
    buckets_that_fit,
    money,
    plan_of,
    rates,
    stretched,
    worker_memory,
)
from benchmarks.files_costs import FileCosts, file_costs
from benchmarks.skew import bucket_loads, heavy_tailed
from benchmarks.stage_costs import UNIT_OF, Costs, measured


def main() -> None:
    """Measures, and prints the plan."""
    arguments = _arguments()
    small, large = (measured(count) for count in (arguments.small, arguments.large))
    known = adjusted(rates(small, large), arguments.session_kb, arguments.text_rate)
    files = file_costs(arguments.small)
    scale = Scale(
        arguments.sessions,
        int(arguments.users),
        arguments.snapshots,
        arguments.file_mib * MIB,
        arguments.shard_mib * MIB,
        arguments.workers,
    )
    plan = plan_of(scale, known, files)
    share = arguments.max_bucket_mib * MIB
    _print_measured(known, files, small, large)
    _print_stages(plan, known)
    largest = _print_buckets(scale, plan, share, arguments)
    memory = worker_memory(known, share, files.decoded, largest)
    _print_units(scale, plan, files)
    prices = Prices(arguments.cpu_hour, arguments.memory_hour, arguments.reads, arguments.writes)
    costs = money(plan, memory, prices)
    hours = sum(plan.cpu_hours.values())
    print(f"\nmemory of a worker with one CPU: {memory / 2**30:.1f} GiB")
    print(f"requests: {plan.reads / 1e6:,.1f} million reads, {plan.writes / 1e6:,.2f} million writes")
    print(f"{scale.workers} workers: {hours / scale.workers:,.1f} hours, without stragglers")
    listed = ", ".join(f"{name} {value:,.0f}" for name, value in costs.items())
    print(f"money by the given prices: {listed}; in all {sum(costs.values()):,.0f}")


def _print_measured(known: Rates, files: FileCosts, small: Costs, large: Costs) -> None:
    runs = " and ".join(f"{costs.units['sessions']:,.0f}" for costs in (small, large))
    print(f"measured on {runs} sessions; {known.per_session['input_bytes']:,.0f} bytes of JSON Lines each,")
    print(f"{known.per_session['characters']:,.0f} characters to mask; {files.sizes}:")
    print(
        f"{files.seconds * 1e3:.2f} CPU ms a file; facts in memory have {files.decoded:.1f} times their bytes"
    )


def _print_stages(plan: Plan, known: Rates) -> None:
    print(f"\nbytes read {plan.read / 1e12:,.1f} TB ({PASSES} passes), written {plan.written / 1e12:,.2f} TB")
    print(
        f"{'stage':<14} {'unit':<13} {'once, s':>8} {'s per million':>14} {'CPU hours':>10} {'gives, TB':>10}"
    )
    for stage, hours in plan.cpu_hours.items():
        cost = known.seconds.get(stage, Line(0.0, 0.0))
        print(
            f"{stage:<14} {UNIT_OF.get(stage, 'files'):<13} {cost.fixed:>8.2f} {cost.each * 1e6:>14.4f} "
            f"{hours:>10,.0f} {plan.shuffled.get(stage, 0.0) / 1e12:>10.2f}"
        )
    print(f"{'sum':<14} {'':<13} {'':>8} {'':>14} {sum(plan.cpu_hours.values()):>10,.0f}")


def _print_buckets(scale: Scale, plan: Plan, share: float, arguments: argparse.Namespace) -> float:
    """Prints the buckets, and gives the bytes of the largest one of the number to choose."""
    law = heavy_tailed(scale.users, scale.sessions, arguments.heaviest, arguments.exponent)
    a_session = plan.shuffled["Facts"] / scale.sessions
    consent = plan.shuffled["Consent"]
    print(f"\nsessions of users: heaviest {law.of_ranks(np.array([1.0]))[0]:,.0f}, "
          f"millionth {law.of_ranks(np.array([min(1e6, scale.users)]))[0]:,.0f}, "
          f"median {law.of_ranks(np.array([scale.users / 2]))[0]:,.1f}")  # fmt: skip
    print(f"{'buckets':>8} {'mean MiB':>9} {'largest':>9} {'largest/mean':>13} {'shares of it':>13}")
    means: dict[int, float] = {}
    greatest: dict[int, float] = {}
    for number in (256, 1024, 4096, 16_384, 65_536):
        size = bucket_loads(law, number) * a_session + consent / number
        means[number], greatest[number] = float(size.mean()), float(size.max())
        print(
            f"{number:>8} {size.mean() / MIB:>9,.1f} {size.max() / MIB:>9,.1f} "
            f"{size.max() / size.mean():>13.2f} {math.ceil(size.max() / share):>13,}"
        )
    chosen = buckets_that_fit(means, share, scale.workers)
    print(f"choose {chosen:,}: {'' if means[chosen] <= share else 'most are decided in shares; '}"
          f"{chosen / scale.workers:,.0f} for each worker")  # fmt: skip
    return greatest[chosen]


def _print_units(scale: Scale, plan: Plan, files: FileCosts) -> None:
    total = sum(plan.cpu_hours[stage] for stage in ("Facts", "Text")) * HOUR
    print("\nhours of Facts and Text / ideal, by size of unit; uneven: log-normal, sigma 1")
    print(f"{'unit MiB':>9} {'equal':>7} {'uneven':>7} {'one worker 4 times slower':>26}")
    for size in (1, 8, 32, 128, 1024):
        unit = total * size * MIB / plan.units["input_bytes"]
        cases: Sequence[tuple[float, float]] = ((0, 1), (1, 1), (1, 4))
        found = [stretched(total, unit, files.seconds, scale.workers, sigma, slow) for sigma, slow in cases]
        print(f"{size:>9} {found[0]:>7.3f} {found[1]:>7.3f} {found[2]:>26.3f}")


def _arguments() -> argparse.Namespace:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--sessions", type=float, default=1e10)
    parser.add_argument("--users", type=float, default=3e8)
    parser.add_argument("--workers", type=int, default=500, help="of one CPU each")
    parser.add_argument("--snapshots", type=int, default=1, help="consent snapshots that list every user")
    parser.add_argument("--heaviest", type=float, default=1e6, help="sessions of the heaviest user")
    parser.add_argument("--exponent", type=float, default=1.1, help="of the law of sessions by user")
    parser.add_argument("--session-kb", type=float, help="of JSON Lines; default: as in the sample")
    parser.add_argument("--text-rate", type=float, help="KB/s of masking; default: as measured")
    parser.add_argument("--file-mib", type=float, default=256, help="size of an input file")
    parser.add_argument("--shard-mib", type=float, default=1024, help="text of a shard")
    parser.add_argument("--max-bucket-mib", type=float, default=16, help="runner.max_bucket_bytes")
    parser.add_argument("--small", type=int, default=500, help="sessions of the smaller measured run")
    parser.add_argument("--large", type=int, default=6000, help="sessions of the larger measured run")
    # Round numbers near public list prices of November 2026, in dollars. Replace them by yours.
    parser.add_argument("--cpu-hour", type=float, default=0.04)
    parser.add_argument("--memory-hour", type=float, default=0.005, help="a GiB for an hour")
    parser.add_argument("--reads", type=float, default=0.0004, help="1,000 reads")
    parser.add_argument("--writes", type=float, default=0.005, help="1,000 writes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
