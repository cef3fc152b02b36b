"""The memory of the de-identification while it masks new texts: resident set size by messages masked.

    python -m benchmarks.deid_memory --messages 10000000

Every message has new words and names, so that every cache of words fills as fast as possible. Every tenth
message has an e-mail address. The engine gets sixty-four sessions at a time, as in a worker.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.inputs.config import DEFAULT_DEID
from pipeline.runners.process import prepare_process
from schemas.deid import load_deid
from transforms.deid.engine import DeidEngine
from transforms.deid.spans import Segment, SessionText

_MESSAGES_A_SESSION = 20
_SESSIONS_A_CALL = 64
_REPORTS = 20
_SYLLABLES = (
    "ba be bi bo ka ke ki ko la le li lo ma me mi mo na ne ni no ra re ri ro sa se si so ta te ti to".split()
)


def main() -> None:
    """Prints twenty lines: messages masked, resident MiB, and messages per CPU second."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=1_000_000)
    given = parser.parse_args()
    prepare_process()
    engine = DeidEngine(load_deid(DEFAULT_DEID)[0], bytes(32))
    made = _sessions()
    masked, due = 0, 0
    while masked < given.messages:
        engine.mask_sessions([next(made) for _ in range(_SESSIONS_A_CALL)])
        masked += _SESSIONS_A_CALL * _MESSAGES_A_SESSION
        if masked >= due:
            print(
                f"{masked:>12,} {_resident():>8.0f} MiB {masked / time.process_time():>9.0f} a s", flush=True
            )
            due += given.messages // _REPORTS


def _sessions() -> Iterator[SessionText]:
    rng, number = random.Random(1), 0
    while True:
        segments = [
            Segment(_message(rng, n), "user" if n % 2 else "assistant") for n in range(_MESSAGES_A_SESSION)
        ]
        number += 1
        yield SessionText(number.to_bytes(16, "big"), segments)


def _message(rng: random.Random, number: int) -> str:
    name, other = (_word(rng).capitalize() for _ in range(2))
    address = f" Mail {name.lower()}@example.com." if number % 10 == 0 else ""
    return f"Did {name} {other} see the {_word(rng)} of {_word(rng)}, or was it only for the others?{address}"


def _word(rng: random.Random) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 5)))


def _resident() -> float:
    """The current resident set size of this process in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell the resident set in /proc/self/status")


if __name__ == "__main__":
    main()
