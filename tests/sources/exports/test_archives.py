"""Archives of any size and shape are read in bounded time and memory, or refused with a code of their own."""

from __future__ import annotations

import dataclasses
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Limits
from tests.support.claude_exports import conversation, packed
from tests.support.source_files import CONTEXT, read_all

NAME = "conversations.json"


def _limited(**limits: int) -> Any:
    return dataclasses.replace(CONTEXT, limits=Limits(**limits))


def _members(count: int) -> dict[str, Any]:
    return {f"{n}/{NAME}": [conversation(uuid=f"c{n}")] for n in range(count)}


def test_the_directory_of_an_archive_is_read_once_for_all_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading it for each member takes time quadratic in the members: minutes for 3,000, hours for 30,000."""
    path, opened = packed(tmp_path / "x.zip", _members(300)), []
    read = zipfile.ZipFile._RealGetContents  # type: ignore[attr-defined]
    monkeypatch.setattr(
        zipfile.ZipFile, "_RealGetContents", lambda archive: (opened.append(1), read(archive))
    )
    found = read_all([path], "claude-export")
    assert (len(found.sessions), found.codes) == (300, [])
    assert len(opened) <= 3  # a pass for facts, a pass for texts


@pytest.mark.parametrize(("most", "codes"), [(5, []), (4, ["oversize_file"])])
def test_an_archive_of_too_many_files_is_refused(tmp_path: Path, most: int, codes: list[str]) -> None:
    """Files that hold no conversations count: the directory lists them all."""
    path = packed(tmp_path / "x.zip", {**_members(2), "a": 1, "b": 1, "c": 1})
    assert read_all([path], "claude-export", _limited(max_archive_members=most)).codes == codes


def _swollen(tmp_path: Path) -> tuple[Path, int]:
    """An archive, and the integer ratio that its conversations are just below."""
    path = packed(tmp_path / "x.zip", {NAME: [conversation(name="x" * 1_000_000)]})
    with zipfile.ZipFile(path) as archive:
        return path, archive.getinfo(NAME).file_size // path.stat().st_size


def test_an_archive_that_swells_beyond_the_ratio_is_refused(tmp_path: Path) -> None:
    """A few kilobytes must not become hours of reading."""
    path, ratio = _swollen(tmp_path)
    for given, codes in ((ratio + 1, []), (ratio, ["oversize_file"])):
        limits = _limited(max_record_bytes=100_000, max_decompression_ratio=given)
        assert ("oversize_file" in read_all([path], "claude-export", limits).codes) == bool(codes)


def test_the_ratio_does_not_apply_to_what_a_single_record_may_have(tmp_path: Path) -> None:
    """Small exports of repeated text are ordinary."""
    path, _ = _swollen(tmp_path)
    found = read_all([path], "claude-export", _limited(max_record_bytes=2_000_000, max_decompression_ratio=1))
    assert (len(found.sessions), found.codes) == (1, [])


@pytest.mark.parametrize(("names", "codes"), [(("a", "b"), []), (("a", "a"), ["duplicate_member"])])
def test_two_files_of_one_name_are_ambiguous(
    tmp_path: Path, names: tuple[str, str], codes: list[str]
) -> None:
    """Programs differ in which of them they extract, so neither is used."""
    path = tmp_path / "x.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        for number, name in enumerate(names):
            archive.writestr(f"{name}/{NAME}", json.dumps([conversation(uuid=f"c{number}")]))
    found = read_all([path], "claude-export")
    assert (len(found.sessions), found.codes) == (0 if codes else 2, codes)


@pytest.mark.parametrize("folder", ["../../../etc/", "/", "a/" * 500, "C:\\", "./", "Anna Kowalska/"])
def test_the_folder_of_a_member_has_no_effect(tmp_path: Path, folder: str) -> None:
    """Members are read in place and never extracted, and their names may be of people."""
    path = packed(tmp_path / "x.zip", {f"{folder}{NAME}": [conversation(), 3], f"b/{NAME}": []})
    found = read_all([path], "claude-export")
    assert (len(found.sessions), found.codes) == (1, ["not_an_object"])
    assert {entry.locator for entry in found.quarantined} <= {"member 1 item 1", "member 2 item 1"}
    assert [each.name for each in tmp_path.iterdir()] == ["x.zip"]
