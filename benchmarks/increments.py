"""The cost of a day: 30 days of logs, 29 of them run together, the last one as an increment and as a rebuild.

    python -m benchmarks.increments --sessions 2000000

Each day has its part of the sessions. A share of them (`--resumed`) are sessions of days before with two more
messages: the record is given again with the whole session. Texts consist of sentences of `chatsieve sample`,
are all different and have personal values. Each command is a process of its own with one worker, in which all
that is read of the logs is counted. Prints, for each command, CPU seconds, peak memory and bytes read, and
for the day what is new: the bytes of its files, and the texts of its sessions.
"""

from __future__ import annotations

import argparse
import builtins
import datetime as dt
import gzip
import io
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.commands.sample import write_sample

DAYS = 30
_FIRST = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
_SESSIONS_A_FILE = 10_000
_EXCHANGES = (1, 5)
_SENTENCES = (1, 6)


class Logs:
    """Logs of days below a folder, the same for the same numbers."""

    def __init__(self, folder: Path, sessions: int, users: int, resumed: float, ending: str) -> None:
        self.folder, self.users, self.resumed, self.ending = folder, users, resumed, ending
        self.per_day = sessions // DAYS
        self._rng = random.Random(5)
        self._sentences = _sentences(folder / "sample")
        self.seeds: list[int] = []
        #: Bytes of the texts of sessions that the last day resumed or began.
        self.changed = 0

    def write_day(self, day: int) -> int:
        """Writes the files of a day; their bytes."""
        old = self._rng.sample(range(len(self.seeds)), min(len(self.seeds), int(self.per_day * self.resumed)))
        new = range(len(self.seeds), len(self.seeds) + self.per_day - len(old))
        self.seeds += [day] * len(new)
        self.changed = size = 0
        numbers = [*old, *new]
        for part, start in enumerate(range(0, len(numbers), _SESSIONS_A_FILE)):
            records = (self._record(number, day) for number in numbers[start : start + _SESSIONS_A_FILE])
            path = (
                self.folder / f"logs/{_FIRST + dt.timedelta(days=day):%Y-%m-%d}/part-{part:03d}.{self.ending}"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            data = b"".join(records)
            path.write_bytes(gzip.compress(data, 6) if self.ending.endswith("gz") else data)
            size += path.stat().st_size
        return size

    def _record(self, number: int, day: int) -> bytes:
        """A session as it was on its first day, and two messages more if this is a later day."""
        rng = random.Random(number)
        moment = _FIRST + dt.timedelta(days=self.seeds[number], seconds=rng.randrange(80_000))
        created = moment
        texts = [self._text(rng, number) for _ in range(2 * rng.randint(*_EXCHANGES))]
        times = []
        for _ in texts:
            moment += dt.timedelta(seconds=rng.randrange(5, 300))
            times.append(moment)
        if day != self.seeds[number]:
            moment = _FIRST + dt.timedelta(days=day, seconds=rng.randrange(80_000))
            texts += [self._text(rng, number) for _ in range(2)]
            times += [moment, moment + dt.timedelta(seconds=20)]
        self.changed += sum(map(len, texts))
        messages = [
            {
                "message_id": f"{number:09d}-{place}",
                "parent_id": f"{number:09d}-{place - 1}" if place else None,
                "role": ("user", "assistant")[place % 2],
                "sent_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "content": text,
            }
            for place, (text, at) in enumerate(zip(texts, times, strict=True))
        ]
        record = {
            "conversation_id": f"conversation-{number:09d}",
            "user_id": f"user-{number % self.users:09d}",
            "tier": "pro",
            "surface": "chat",
            "created_at": f"{created:%Y-%m-%dT%H:%M:%SZ}",
            "messages": messages,
        }
        return json.dumps(record).encode() + b"\n"

    def _text(self, rng: random.Random, number: int) -> str:
        some = rng.choices(self._sentences, k=rng.randint(*_SENTENCES))
        return " ".join([*some, f"That is number {rng.randrange(10**7)} of {number}."])

    def write_consent(self, day: int) -> None:
        """A snapshot of all users at the end of a day; one in twenty refuses."""
        at = f"{_FIRST + dt.timedelta(days=day + 1):%Y-%m-%dT%H:%M:%SZ}"
        path = self.folder / f"consent/{at[:10]}.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w") as file:
            file.write("user_id,state,decided_at,snapshot_at\n")
            for user in range(self.users):
                state = "refused" if user % 20 == 7 else "granted"
                file.write(f"user-{user:09d},{state},2026-01-10T00:00:00Z,{at}\n")

    def run(self, day: int, out: str) -> dict[str, Any]:
        """Runs on the logs until a day; what `_measured` prints."""
        as_of = f"{_FIRST + dt.timedelta(days=day + 1, hours=1):%Y-%m-%dT%H:%M:%SZ}"
        config = self.folder / "config.yaml"
        config.write_text(_CONFIG.replace("ENDING", self.ending))
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "benchmarks.increments",
            "--measured",
            str(self.folder),
        ]
        arguments = [
            "run",
            "-c",
            str(config),
            "--as-of",
            as_of,
            "--output",
            str(self.folder / out),
            "--quiet",
        ]
        done = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, check=True)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found


_CONFIG = """\
inputs: [{path: "logs/*/*.ENDING"}]
consent: {snapshots: ["consent/*.csv"]}
policy: consumer-terms-2025-09-28
deid: default
key_file: key
create_key: true
output: {path: out, target_shard_bytes: 64MiB, on_exists: new_version}
runner: {workers: 1}
"""


def _sentences(folder: Path) -> list[str]:
    """Sentences of the texts of a sample, some with personal values."""
    write_sample(folder, conversations=2000, seed=3, input_format="jsonl")
    found: set[str] = set()
    for path in sorted((folder / "logs").iterdir()):
        for text in re.findall(rb'"(?:content|text)":("(?:[^"\\]|\\.)*")', path.read_bytes()):
            found.update(each for each in re.split(r"(?<=[.?!])\s", json.loads(text)) if 20 < len(each) < 300)
    return sorted(found)


class _Counted(io.FileIO):
    """A file whose bytes read are added to `total`."""

    total = 0

    def readinto(self, buffer: Any) -> int | None:  # type: ignore[override]
        size = super().readinto(buffer)
        _Counted.total += size or 0
        return size

    def read(self, size: int | None = -1, /) -> bytes | None:  # type: ignore[override]
        data = super().read(size)
        _Counted.total += len(data or b"")
        return data


def _measured(folder: str, arguments: list[str]) -> None:
    """Runs a command in this process and prints what it cost."""
    from pipeline.cli.main import main as command
    from transforms.sources import files

    logs, plain, opener = f"{folder}/logs/", io.FileIO, builtins.open

    def counted(path: Any, *rest: Any, **named: Any) -> Any:
        inside = isinstance(path, str) and path.startswith(logs)
        return (_Counted if inside else plain)(path, *rest, **named)

    def opened(path: Any, mode: str = "r", buffering: int = -1) -> Any:
        if not (isinstance(path, str) and path.startswith(logs)):
            return opener(path, mode, buffering)
        return io.BufferedReader(_Counted(path)) if buffering else _Counted(path)

    class Names:
        """`io`, with files that are counted."""

        FileIO = staticmethod(counted)

        def __getattr__(self, name: str) -> Any:
            return getattr(io, name)

    files.io = Names()  # type: ignore[assignment]
    files.open = opened  # type: ignore[attr-defined]
    sys.argv = ["chatsieve", *arguments]
    try:
        command()
    except SystemExit as ended:
        if ended.code:
            raise
    used = resource.getrusage(resource.RUSAGE_SELF)
    moved = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    print(
        json.dumps(
            {
                "cpu": used.ru_utime + used.ru_stime,
                "peak": used.ru_maxrss * 1024,
                "logs": _Counted.total,
                "all": int(moved["rchar"]),
            }
        ),
        flush=True,
    )


def _state_of(out: Path) -> Iterator[Path]:
    folder = out / json.loads((out / "CURRENT").read_bytes())["folder"]
    yield from (folder / "restricted/state").glob("*")


def main() -> None:
    """Makes the logs, runs, and prints the table."""
    if sys.argv[1:2] == ["--measured"]:
        _measured(sys.argv[2], sys.argv[3:])
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=2_000_000)
    parser.add_argument("--users", type=int, default=0, help="a fifth of the sessions by default")
    parser.add_argument("--resumed", type=float, default=0.05, help="part of a day's records that resume")
    parser.add_argument("--ending", default="jsonl.gz", choices=["jsonl", "jsonl.gz"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base)
        users = given.users or max(10, given.sessions // 5)
        logs = Logs(folder, given.sessions, users, given.resumed, given.ending)
        before = sum(logs.write_day(day) for day in range(DAYS - 1))
        logs.write_consent(DAYS - 2)
        first = logs.run(DAYS - 2, "out")
        print(f"29 days: {before / 1e6:.1f} MB of logs, {_words(first)}", flush=True)
        new = logs.write_day(DAYS - 1)
        logs.write_consent(DAYS - 1)
        day = logs.run(DAYS - 1, "out")
        print(f"the day: {new / 1e6:.1f} MB new, {logs.changed / 1e6:.1f} MB of its texts, {_words(day)}")
        rebuild = logs.run(DAYS - 1, "rebuilt")
        print(f"rebuild: {_words(rebuild)}")
        state = sum(path.stat().st_size for path in _state_of(folder / "out"))
        plain = sum(map(_plain_bytes, (folder / "logs").rglob("*.jsonl*")))
        most = new + logs.changed
        print(f"bytes of logs read: {day['logs'] / most:.2f} times new bytes and texts that changed")
        print(f"CPU: 1/{rebuild['cpu'] / day['cpu']:.1f} of the rebuild's")
        print(f"peak memory: {day['peak'] / rebuild['peak']:.2f} of the rebuild's")
        print(f"state: {state / 1e6:.2f} MB, {state / plain:.1%} of {plain / 1e6:.1f} MB of JSON")
        for path in sorted(_state_of(folder / "out")):
            print(f"  {path.name}: {path.stat().st_size}")


def _words(cost: dict[str, Any]) -> str:
    return (
        f"{cost['cpu']:.1f} s of CPU, {cost['peak'] / 2**20:.0f} MiB at most, "
        f"{cost['logs'] / 1e6:.1f} MB of logs read, {cost['all'] / 1e6:.0f} MB in all"
    )


def _plain_bytes(path: Path) -> int:
    if not path.name.endswith("gz"):
        return path.stat().st_size
    with gzip.open(path) as file:
        return sum(map(len, iter(lambda: file.read(1 << 20), b"")))


if __name__ == "__main__":
    main()
