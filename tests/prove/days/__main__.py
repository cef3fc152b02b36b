"""Simulates histories of days: `python -m tests.prove.days --days 30 --seed 1`."""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from tests.prove.days import logs, people, planned
from tests.prove.days.history import days_of
from tests.prove.days.mutants import MUTANTS
from tests.prove.days.simulation import DayError, Simulation
from tests.prove.days.world import FRENCH, World


def main() -> int:
    """Prints what happened on each day; 1 if a day failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=4, help="events a day, on average")
    parser.add_argument("--verify", type=int, default=10, help="verify the dataset every so many days")
    parser.add_argument("--keep", action="store_true", help="keep the folder if a day fails")
    parser.add_argument("--small", action="store_true", help="divide state, files and rows into many parts")
    parser.add_argument("--mutant", choices=MUTANTS, help="put this fault into the program")
    given = parser.parse_args()
    _prepare()
    if given.small:
        _divide()
    if given.mutant:
        fault = MUTANTS[given.mutant]
        setattr(fault.module, fault.name, fault.replacement)
    root = Path(tempfile.mkdtemp(prefix="days-"))
    simulation = Simulation(root)
    events = {**logs.EVENTS, **people.EVENTS}
    days = list(days_of(given.seed, given.days, given.events, events, planned.DAYS))
    failed = False
    for day in days:
        print(f"day {day.number}: {', '.join(day.names) or 'nothing'}", flush=True)  # noqa: T201
        try:
            simulation.live(day, verified=day.number % given.verify == given.verify - 1)
            if not day.names:
                simulation.again(day)
        except Exception as error:  # noqa: BLE001 - shown with the way to repeat it
            failed = True
            what = str(error) if isinstance(error, DayError) else traceback.format_exc()
            print(f"day {day.number} failed:\n{what}", flush=True)  # noqa: T201
            repeat = f"--days {given.days} --seed {given.seed} --events {given.events}"
            repeat += " --small" if given.small else ""
            repeat += f" --mutant {given.mutant}" if given.mutant else ""
            print(f"repeat it by: python -m tests.prove.days {repeat} --keep", flush=True)  # noqa: T201
            break
    for name, number in sorted(simulation.tally.items()):
        print(f"  {name}: {number}")  # noqa: T201
    used = os.times()
    seconds = used.user + used.system + used.children_user + used.children_system
    print(f"{given.days} days, {'failed' if failed else 'equal'}, {seconds:.0f} s of processor time")  # noqa: T201
    if failed and given.keep:
        print(f"kept: {root}")  # noqa: T201
    else:
        shutil.rmtree(root)
    return 1 if failed else 0


def _prepare() -> None:
    """Imports and loads what the forked commands need, so that each finds it in memory."""
    from tests.support.preloaded import preload

    preload()
    from pipeline.inputs.config import DEFAULT_DEID
    from schemas.deid import DeidConfig
    from schemas.strict_yaml import load_model
    from transforms.deid.engine import DeidEngine
    from transforms.deid.spans import Segment, SessionText

    engine = DeidEngine(load_model(DEFAULT_DEID, DeidConfig), bytes(32))
    world = World(0)
    texts = [*(world.text() for _ in range(100)), FRENCH * 3]
    engine.mask_sessions([SessionText(bytes(16), [Segment(text, "user")]) for text in texts])
    gc.collect()
    gc.freeze()


def _divide() -> None:
    """Makes sizes so small that the few logs of a history have many parts; their number grows by the day."""
    from transforms.read import stage as reading
    from transforms.read.state import files, keys
    from transforms.reuse import old_rows
    from transforms.reuse import stage as taking

    keys._PART_BYTES, keys._UNIT_BYTES, keys._BLOCK_ROWS = 4 << 10, (1 << 10, 32 << 20), 2
    files._ROW_GROUP_ROWS = old_rows._BATCH_ROWS = 3
    reading._FLUSH_BYTES = taking._FLUSH_BYTES = 1 << 10


if __name__ == "__main__":
    sys.exit(main())
