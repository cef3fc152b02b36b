"""Fails operations on output files, one at a time, and checks what is left: `make faults`.

    python -m tests.prove.faults --points 200 --commands run,forget --store s3

A command is run once to list its operations. A point is one operation and one fault that can strike it. For
each point the command runs again in a process of its own, on a fresh copy of the same folder. After it:

- the exit code is a documented one and agrees with the state; standard error has at most one line;
- the dataset verifies as the old or as the new version; no planted value is in any byte;
- the same command, run again without a fault, works and leaves nothing that no version needs.

The operations are those of `FileOperations` on local disk, and the requests of `Bucket` on a server of an
object store: see `fault_grounds.py`.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import datetime as dt
import gc
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from pipeline.dataset.committed import version_folder
from tests.cluster.buckets import SERVERS
from tests.prove.fault_grounds import Ground, InBucket, Shim, ground_of
from tests.prove.faulty_operations import Point
from tests.prove.faulty_requests import FaultyRequests
from tests.prove.left_by_faults import faults_of, leftovers_of, state_of
from tests.support.command import read_lines
from transforms.storage.places import arrow_file, store_of

_KILLS = frozenset({"kill", "killed-after"})
#: Faults after which something may be done when the command has ended.
_AFTERWARDS = frozenset({"late", "last"})
#: Planted values that are masked for certain.
_CANARIES = frozenset({"SECRET", "EMAIL_ADDRESS", "CREDIT_CARD", "US_SSN"})
#: How 2,000 points are divided; a run takes ten times as long as the others.
_SHARES = {"run": 110, "second": 110, "audit": 80, "forget": 900, "expire": 500, "gc": 300}


class Ended(NamedTuple):
    """How a command ended; `done` are its operations, none where it was killed."""

    code: int
    stderr: str
    done: list[tuple[str, str]]


class Scene(NamedTuple):
    """A command, the folder it starts from, and planted values that must not be in what it writes."""

    name: str
    template: PurePath
    arguments: tuple[str, ...]
    canaries: list[bytes]


def run_command(
    ground: Ground, arguments: tuple[str, ...], shim: Shim | None = None, temporary: Path | None = None
) -> Ended:
    """Runs a command of the program in a fork of this process, which has imported it already."""
    from pipeline.cli.main import main

    with tempfile.TemporaryFile() as stderr, tempfile.TemporaryFile() as listed:
        process = os.fork()
        if process == 0:
            code: Any = 70
            try:
                os.dup2(stderr.fileno(), 2)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                tempfile.tempdir = None if temporary is None else str(temporary)
                if shim is not None:
                    ground.install(shim)
                sys.argv = ["chatsieve", *arguments]
                main()
            except SystemExit as ended:
                code = ended.code or 0
            finally:
                with contextlib.suppress(BaseException):
                    if isinstance(shim, FaultyRequests):
                        shim.finish()
                    sys.stderr.flush()
                    lines = (f"{name}\t{path}\n" for name, path in (shim.done if shim else ()))
                    listed.write("".join(lines).encode())
                    listed.flush()
                os._exit(code if isinstance(code, int) else 1)
        _, status = os.waitpid(process, 0)
        stderr.seek(0)
        listed.seek(0)
        done = [tuple(line.split("\t")) for line in listed.read().decode().splitlines()]
        return Ended(os.waitstatus_to_exitcode(status), stderr.read().decode(), done)  # type: ignore[arg-type]


def scenes(ground: Ground, root: Path) -> Iterator[Scene]:
    """The commands under test, each with a folder `out` to start from."""
    corpus = root / "corpus"
    _must(ground, "sample", str(corpus), "--conversations", "12", "--seed", "5")
    planted = read_lines(corpus / "truth/planted.jsonl")
    canaries = [row["value"].encode() for row in planted if row["type"] in _CANARIES]
    config, key = str(corpus / "config.yaml"), ("--key-file", str(corpus / "chatsieve.key"))
    settings = ("runner.workers=1", "output.on_exists=new_version", "output.shards=2")
    common = ("--quiet", *(part for each in settings for part in ("--set", each)))
    run = ("run", "-c", config, *common, "--output", "{out}")
    empty, one, two = map(ground.folder, ("empty", "one", "two"))
    _must(ground, *(part.format(out=one / "out") for part in run))
    ground.copy(one, two)
    _must(ground, *(part.format(out=two / "out") for part in run), "--as-of", "2026-03-02T00:00:00Z")
    truth = read_lines(corpus / "truth/decisions.jsonl")
    held = next(row["conversation_id"] for row in truth if row["decision"] == "eligible")
    forget = ("forget", "{out}", "--conversation", held, *key, "--quiet")
    expiry = ground.call(_first_expiry, two / "out")
    expire = ("expire", "{out}", "--as-of", expiry, *key, "--quiet")
    yield Scene("run", empty, run, canaries)
    yield Scene("second", one, (*run, "--as-of", "2026-03-02T00:00:00Z"), canaries)
    yield Scene("audit", empty, ("audit", *run[1:]), canaries)
    yield Scene("forget", two, forget, canaries)
    yield Scene("expire", two, expire, canaries)
    yield Scene("gc", two, ("gc", "{out}", "--keep", "1", "--quiet"), canaries)


def _first_expiry(out: PurePath) -> str:
    """The earliest date on which a row of the dataset is past retention."""
    dates: set[dt.date] = set()
    folder = version_folder(out)[0]
    for name in store_of(folder).names("data/"):
        with arrow_file(folder / name) as file:
            dates.update(pq.read_table(file, columns=["retain_until"])["retain_until"].to_pylist())
    return min(dates).isoformat()


def _must(ground: Ground, *arguments: str) -> None:
    ended = run_command(ground, arguments)
    if ended.code:
        raise SystemExit(f"chatsieve {arguments[0]}: exit {ended.code}: {ended.stderr}")


def points(ground: Ground, scene: Scene) -> list[Point]:
    """Every operation of a command with every fault that can strike it, the operations in order."""
    ended = run_command(ground, _fresh(ground, scene, ground.folder("count")), ground.shim())
    if ended.code or not ended.done:
        raise SystemExit(f"{scene.name}: exit {ended.code}: {ended.stderr}")
    return [
        Point(nth, name, path, fault)
        for nth, (name, path) in enumerate(ended.done, 1)
        for fault in ground.faults(name)
    ]


def _fresh(ground: Ground, scene: Scene, work: PurePath) -> tuple[str, ...]:
    """The command's arguments for a fresh copy of its folder."""
    ground.copy(scene.template, work)
    return tuple(part.format(out=work / "out") for part in scene.arguments)


def try_point(ground: Ground, scene: Scene, work: PurePath, point: Point, temporary: Path) -> list[str]:
    """What is wrong after the fault struck the operation; nothing if all is well."""
    arguments = _fresh(ground, scene, work)
    out = work / "out"
    before = ground.call(state_of, out)
    ended = run_command(ground, arguments, ground.shim(point.nth, point.fault), temporary)
    after = ground.call(state_of, out)
    wrong = []
    killed = point.fault in _KILLS
    if ended.code not in ((-signal.SIGKILL,) if killed else (0, 2, 3, 4)):
        wrong.append(f"exit {ended.code}")
    if ended.code == 0 and after == before:
        wrong.append("exit 0, and nothing was committed")
    if ended.code in (2, 3, 4) and after != before:
        wrong.append(f"exit {ended.code}, and a version was committed")
    if ended.stderr.count("\n") > 1 or "Traceback" in ended.stderr:
        wrong.append(f"standard error: {ended.stderr[:400]!r}")
    if not killed and any(temporary.iterdir()):
        wrong.append("temporary files are left")
    shutil.rmtree(temporary)
    temporary.mkdir()
    wrong += ground.call(faults_of, out, scene.canaries, point.fault in _AFTERWARDS)
    again = run_command(ground, arguments, None, temporary)
    if again.code != 0:
        wrong.append(f"the next command: exit {again.code}: {again.stderr[:200]!r}")
    found = ground.call(faults_of, out, scene.canaries)
    return [*wrong, *(f"after the next command: {fault}" for fault in found), *ground.call(leftovers_of, out)]


def chosen(scene: Scene, found: list[Point], total: int) -> list[Point]:
    """The scene's share of `total` points, drawn from all of them, the same each time; 0: all points."""
    number = len(found) if total == 0 else -(-_SHARES[scene.name] * total // sum(_SHARES.values()))
    kept = random.Random(17).sample(range(len(found)), min(number, len(found)))
    return [found[place] for place in sorted(kept)]


def around_commit(ground: Ground, found: list[Point]) -> list[Point]:
    """The points from the writing of the new catalog to the first operations after it counts."""
    place = ground.commit(found)
    return [point for point in found if -4 <= point.nth - place <= 3]


def _try_all(ground: Ground, scene: Scene, work: str, some: list[Point], report: Path) -> None:
    """Tries points in a fork; the report gets a line per fault found."""
    process = os.fork()
    if process:
        return
    try:
        own = ground.again() if isinstance(ground, InBucket) else ground
        temporary = report.parent / f"{work}-temporary"
        temporary.mkdir(exist_ok=True)
        with report.open("w", encoding="utf-8") as lines:
            for point in some:
                for text in try_point(own, scene, own.folder(work), point, temporary):
                    line = f"{scene.name}: {point.fault} at {point.nth} ({point.operation}): {text}"
                    print(line, flush=True)  # noqa: T201
                    lines.write(line + "\n")
            lines.write("complete\n")
    except BaseException:  # noqa: BLE001 - shown, and the report is not complete
        traceback.print_exc()
    finally:
        os._exit(0)


def main() -> int:
    """Tries the points, prints those that fail, and exits with 1 if there are any."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=2000, help="how many in total; 0: all there are")
    parser.add_argument("--commands", default=",".join(_SHARES), help="comma-separated; all by default")
    parser.add_argument("--store", default="disk", choices=["disk", *SERVERS], help="where datasets are")
    parser.add_argument("--jobs", type=int, default=2, help="processes that try points")
    parser.add_argument("--commit", action="store_true", help="add all points around the commit")
    given = parser.parse_args()
    from tests.support.preloaded import preload

    preload()
    gc.collect()
    gc.freeze()
    failed = 0
    tried: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder, ground_of(given.store, Path(folder)) as ground:
        root = Path(folder)
        for scene in scenes(ground, root):
            if scene.name not in given.commands.split(","):
                continue
            begun = time.monotonic()
            every = points(ground, scene)
            some = chosen(scene, every, given.points)
            if given.commit:
                some = sorted({*around_commit(ground, every), *some})
            reports = [root / f"report-{job}" for job in range(given.jobs)]
            for job, report in enumerate(reports):
                _try_all(ground, scene, f"work-{job}", some[job :: given.jobs], report)
            for _ in reports:
                os.wait()
            lines = [line for report in reports for line in report.read_text("utf-8").splitlines()]
            complete = lines.count("complete") == len(reports)
            bad = {line.split(": ", 2)[1] for line in lines if line != "complete"}
            failed += len(bad) + (not complete)
            faults = collections.Counter(point.fault for point in some)
            tried[scene.name] = len(some)
            listed = ", ".join(f"{name} {number}" for name, number in sorted(faults.items()))
            print(  # noqa: T201
                f"{scene.name}: {len(some)} of {len(every)} points ({listed}), {len(bad)} not survived, "
                f"{time.monotonic() - begun:.0f} s",
                flush=True,
            )
    print(f"{tried.total()} faults tried: {failed} not survived")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
