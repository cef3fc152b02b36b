"""One long line of names is read by the spaCy model in windows and batches of bounded size."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import COMMAND, ROOT
from transforms.deid.people.line_signs import LineSigns
from transforms.deid.people.listed_names import _MAX_MERGED, UnlistedNames, find_listed_names, windows_of
from transforms.deid.people.reading import Reading
from transforms.deid.people.spacy_ner import _BATCH, _BATCH_CHARACTERS, _batches
from transforms.deid.spans import Segment
from transforms.deid.text.word_table import WordTable


def _line(names: int) -> tuple[str, list[tuple[int, int]]]:
    words = [f"Xa{n:05d}" for n in range(names)]
    begins = itertools.accumulate((len(word) + 2 for word in words), initial=0)
    return ", ".join(words), [(at, at + len(word)) for at, word in zip(begins, words, strict=False)]


@pytest.mark.parametrize("names", [20, 900, 911, 5_000])
def test_windows_are_merged_up_to_a_limit_and_leave_no_name_out(names: int) -> None:
    """A model needs memory in proportion to its longest window; without a limit that is the whole text."""
    line, runs = _line(names)
    windows = windows_of(line, [UnlistedNames(0, len(line), runs)])
    assert max(end - start for start, end in windows) <= _MAX_MERGED
    assert (len(windows) == 1) == (len(line) <= _MAX_MERGED)
    for place, (start, end) in enumerate(runs):
        low, high = runs[max(0, place - 9)][0], runs[min(names - 1, place + 9)][1]
        assert any(a <= low and high <= b for a, b in windows), (start, end)


def test_a_word_longer_than_any_window_is_left_to_no_model() -> None:
    """spaCy refuses a text of a million characters, and a session must not fail for one word."""
    for parts, left in ((1_000, 1), (2_000, 0)):
        word = "-".join(["Xabcd"] * parts)
        reading = Reading([[Segment(f"please ask {word} then", "user")]], WordTable(b"k" * 32), LineSigns())
        runs = [run for one in find_listed_names(reading).unsure.get(0, []) for run in one.runs]
        assert len(runs) == left


def test_batches_keep_the_order_and_both_limits() -> None:
    """Windows of one batch are held in memory together."""
    windows = ["x" * size for size in [1] * (_BATCH + 1) + [20_000, 12_768, 1, 50_000, 3]]
    batches = [list(batch) for batch in _batches(windows)]
    assert [window for batch in batches for window in batch] == windows
    assert [len(batch) for batch in batches] == [_BATCH, 1 + 1, 2, 1, 1]
    for batch in batches:
        assert len(batch) == 1 or sum(map(len, batch)) <= _BATCH_CHARACTERS


_MEASURED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], capture_output=True)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.e2e
@pytest.mark.faults
def test_half_a_megabyte_of_names_on_one_line_takes_less_than_a_gigabyte(tmp_path: Path) -> None:
    """A worker must not be killed for one message. The whole line as one window took 2.1 GB."""
    random_ = random.Random(5)
    syllables = "ka lo mi re ta vo ne si da ru pe li no ba ze ho fa gi tu".split()
    made: dict[str, None] = {}
    while sum(map(len, made)) + 2 * len(made) < 500_000 and len(made) < 40_000:
        for _ in range(500):
            first, last = ("".join(random_.choices(syllables, k=random_.randint(2, 4))) for _ in range(2))
            made[f"{first.capitalize()} {last.capitalize()}ski"] = None
    text = tmp_path / "names.txt"
    text.write_text(", ".join(made))
    assert text.stat().st_size > 480_000
    deid = tmp_path / "deid.yaml"
    whole = (ROOT / "configs/deid/default.yaml").read_text()
    deid.write_text(whole.replace("max_masked_fraction: 0.6", "max_masked_fraction: 1.0"))
    command = [sys.executable, "-c", _MEASURED, COMMAND, "scrub", text, "--deid", deid]
    measured = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True)
    code, kibibytes = map(int, measured.stdout.split())
    assert code == 0
    assert kibibytes < 1_000_000
