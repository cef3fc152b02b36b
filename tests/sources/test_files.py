"""Opening files and splitting lines: nothing lost at a cut, read twice, or held that is too long."""

from __future__ import annotations

import gzip
import io
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import zstandard

from transforms.sources import files
from transforms.sources.decompress import Truncated
from transforms.sources.files import Line, is_binary, lines, open_stream, read_at

TEXT = b"alpha\r\n\n  \nbeta\n" + "gämma ☕".encode() + b"\n" + b"d" * 50 + b"\nlast"
WHOLE = [b"alpha", b"beta", "gämma ☕".encode(), b"d" * 50, b"last"]


def bodies(data: bytes, start: int = 0, end: int | None = None, max_bytes: int = 1000) -> list[bytes | None]:
    return [line.data for line in lines(io.BytesIO(data), start, end, max_bytes)]


def test_blank_lines_and_line_ends_are_no_part_of_a_record() -> None:
    """A file edited on Windows must give the same records and digests."""
    assert bodies(TEXT) == WHOLE


@pytest.mark.parametrize("cut", range(len(TEXT) + 1))
def test_wherever_a_file_is_cut_each_line_is_read_once(cut: int) -> None:
    """Units are byte ranges: a line on the border belongs to one of them, never to none or both."""
    assert bodies(TEXT, 0, cut) + bodies(TEXT, cut, len(TEXT)) == WHOLE


def test_a_line_has_its_offset() -> None:
    """The text pass seeks to this offset and must find the same bytes."""
    for line in lines(io.BytesIO(TEXT), 0, None, 1000):
        assert TEXT[line.offset : line.offset + line.length].rstrip(b"\r\n") == line.data


def test_a_byte_order_mark_is_taken_off_the_first_line_only() -> None:
    """Exports from spreadsheets begin with one; elsewhere it would be a fault of the record."""
    mark = b"\xef\xbb\xbf"
    assert bodies(mark + b"a\n" + mark + b"b\n") == [b"a", mark + b"b"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_line_of_just_the_limit_is_kept_and_one_byte_more_is_not(end: bytes) -> None:
    """The limit is on the record, not on its line end."""
    assert bodies(b"x" * 10 + end, max_bytes=10) == [b"x" * 10]
    assert bodies(b"x" * 11 + end + b"y" * bool(end), max_bytes=10) == [None, b"y"][: 1 + bool(end)]


def test_a_line_that_is_too_long_is_counted_whole_and_the_next_is_read() -> None:
    """One hostile line must neither fill the memory nor hide its neighbours."""
    data = b"a\n" + b"x" * 5000 + b"\nb\n"
    found = list(lines(io.BytesIO(data), 0, None, 100))
    assert found == [Line(1, 0, 2, b"a"), Line(2, 2, 5001, None), Line(3, 5003, 2, b"b")]


def test_no_more_than_the_limit_and_a_chunk_of_a_long_line_is_held_at_once() -> None:
    """Memory is bounded by the limit, whatever the input."""
    file = io.BytesIO(b"x" * (64 << 20))
    tracemalloc.start()
    try:
        assert [line.data for line in lines(file, 0, None, 1000)] == [None]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def noise(count: int) -> list[bytes]:
    source = random.Random(7)
    return [source.randbytes(60).hex().encode() for _ in range(count)]


def packed(kind: str, data: bytes) -> bytes:
    return gzip.compress(data) if kind == "gzip" else zstandard.compress(data)


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_members_one_after_the_other_are_one_stream(tmp_path: Path, kind: str) -> None:
    """Log shippers append members; a reader that stops after the first loses the rest in silence."""
    path = tmp_path / "log"
    path.write_bytes(packed(kind, b"a\n") + packed(kind, b"b\n"))
    with open_stream(str(path)) as file:
        assert file.read() == b"a\nb\n"


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_lines_before_a_truncation_are_read_and_the_truncation_is_reported(tmp_path: Path, kind: str) -> None:
    """If a truncated file passed as a short one, a partial run would look complete."""
    all_lines = noise(30_000)
    whole = packed(kind, b"\n".join(all_lines))
    path = tmp_path / "log"
    path.write_bytes(whole[: len(whole) // 2])
    got: list[bytes | None] = []
    with pytest.raises(Truncated), open_stream(str(path)) as file:
        got.extend(line.data for line in lines(file, 0, None, 1000))
    assert got == all_lines[: len(got)]
    assert len(got) > 14_000


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_truncation_at_the_end_of_a_line_is_reported_too(tmp_path: Path, kind: str) -> None:
    """If the last line is complete, only the missing trailer shows the truncation."""
    whole = packed(kind, b"a\nb\n")
    path = tmp_path / "log"
    path.write_bytes(whole[:-4])
    with pytest.raises(Truncated), open_stream(str(path)) as file:
        file.read()


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_damage_and_trailing_garbage_are_reported_after_the_valid_lines(tmp_path: Path, kind: str) -> None:
    """Garbage after a valid member must not be ignored."""
    path = tmp_path / "log"
    path.write_bytes(packed(kind, b"a\n") + b"garbage that is no member")
    got: list[bytes | None] = []
    with pytest.raises(Truncated), open_stream(str(path)) as file:
        got.extend(line.data for line in lines(file, 0, None, 1000))
    assert got == [b"a"]


def test_zeros_after_the_last_member_are_padding(tmp_path: Path) -> None:
    """gzip itself ignores them."""
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(b"a\n") + bytes(512))
    with open_stream(str(path)) as file:
        assert file.read() == b"a\n"


@pytest.mark.parametrize(
    ("head", "binary"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(100), True),
        (random.Random(1).randbytes(2000), True),
        (b'{"a": 1}\n' + bytes(400) + b"\n", False),
        (bytes(400) + b"\n" + bytes(300) + b'{"a": 1}\n', False),
        (bytes(400) + b'{"text": "' + b"x" * 70_000 + b'"}\n', False),
        (b"a plain log\nof words\n", False),
        (b'{"text": "' + b"x" * 70_000 + b'"}\n', False),
        ("é".encode() * 40_000, False),
        (b"", False),
    ],
    ids=[
        "image",
        "noise",
        "padding-between-lines",
        "padding-before-a-line",
        "padding-before-a-long-line",
        "text",
        "long-first-line",
        "cut-in-a-character",
        "empty",
    ],
)
def test_a_binary_file_is_known_by_its_head(tmp_path: Path, head: bytes, binary: bool) -> None:
    """One entry for an image under a wrong name, not one for each newline; and no log taken for one."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(head)
    assert is_binary(str(path)) is binary


def test_a_file_that_shrank_since_it_was_planned_is_an_error_without_its_text(tmp_path: Path) -> None:
    """A run over files that still change would mix two states; the message must quote neither."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"secret words")
    with pytest.raises(EOFError) as caught:
        list(read_at(str(path), [(5, 100)]))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("packed", [False, True])
def test_the_beginning_of_a_file_is_all_that_shows_whether_it_is_binary(
    packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planning opens every new file: reading half a megabyte of each would be reading small ones twice."""
    data = random.Random(3).randbytes(300_000).hex().encode()
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(data) if packed else data)
    counted: list[int] = []

    class Counted(io.FileIO):
        def readinto(self, buffer: Any) -> int | None:  # type: ignore[override]
            counted.append(super().readinto(buffer) or 0)
            return counted[-1]

    monkeypatch.setattr(files.io, "FileIO", Counted)
    assert not is_binary(str(path))
    assert 0 < sum(counted) <= 64 << 10
