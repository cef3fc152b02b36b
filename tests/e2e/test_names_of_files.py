"""Names of people in file and folder names are in no byte that a command writes to a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.test_run import every_byte
from tests.support.command import chatsieve
from tests.support.night import NAMES, Night

pytestmark = pytest.mark.e2e


def _left(where: str, text: str) -> list[str]:
    return [f"{canary} in {where}" for canary in NAMES if canary in text.lower()]


def test_names_of_files_and_folders_are_in_no_byte_written(night: Night, tmp_path: Path) -> None:
    """Exports are named after their owner and home folders after their user: every output would name them."""
    for name, done in night.done.items():
        assert done.returncode == (2 if name == "refused" else 0), done.stderr
    page = tmp_path / "page.html"
    diff = chatsieve("diff", night.out, night.audit, "--json", "--html", page)
    assert diff.returncode in (0, 1), diff.stderr
    assert json.loads(diff.stdout)["a"]["path"].split("/")[-2] == "<NAME> out"
    left = [*_left("diff --json", diff.stdout), *_left("diff --html", page.read_text())]
    for folder in (night.out, night.audit):
        left += _left(folder.name.split()[1], every_byte(folder))
        left += [f"{name}: {each}" for name in folder.rglob("*") for each in _left("a name", name.name)]
    assert left == []


def test_a_quarantined_record_is_still_found_by_its_input_and_place(night: Night) -> None:
    """What is left of a name is its extension and its ordinary words."""
    files = sorted(night.audit.glob("latest/quarantine/*.jsonl"))
    found = {(e["input"], e["file"], e["code"]) for file in files for e in map(json.loads, file.open())}
    assert {
        (0, "<NAME> chats.jsonl", "malformed_json"),
        (0, "old-<NAME>.jsonl", "malformed_json"),
        (1, "export-<NAME>.zip", "not_an_object"),
    } <= found
    manifest = json.loads((night.audit / "latest" / "manifest.json").read_text())
    for line in (json.loads(line) for file in files for line in file.open()):
        file = manifest["inputs"][line["manifest_input"]]
        assert (file["input"], file["name"]) == (line["input"], line["file"])
        is_undecoded = line["code"] in ("malformed_json", "not_an_object")
        assert (line["field"] is None) == (line["kind"] is None) == is_undecoded
