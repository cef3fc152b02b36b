"""Names of people in file and folder names are in no byte that a command writes to a file."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.test_run import every_byte
from tests.support.claude_exports import conversation, packed
from tests.support.command import Corpus, chatsieve

pytestmark = pytest.mark.e2e

#: No list of names has these, so nothing but leaving them out can hide them.
CANARIES = ("zzofqa", "wyszqinska", "qhaslova", "brzqcki")


def _named(corpus: Corpus, root: Path) -> Path:
    """A configuration whose every file and folder has the name of a person; some records are unreadable."""
    home = root / "zzofqa"
    logs = home / "Zzofqa Wyszqinska"
    logs.mkdir(parents=True)
    whole = b"".join(gzip.decompress(file.read_bytes()) for file in sorted((corpus.path / "logs").iterdir()))
    (logs / "Qhaslova chats.jsonl").write_bytes(whole + b"no json\n{}\n")
    (logs / "old-brzqcki.jsonl").write_bytes(bytes(range(256)) * 4096)
    packed(
        home / "export-wyszqinska.zip",
        {f"{name}/conversations.json": [conversation(uuid=name), 3] for name in ("Brzqcki", "Qhaslova")},
    )
    shutil.copytree(corpus.path / "consent", home / "Brzqcki consent")
    for name in ("deletions", "authorizations"):
        shutil.copy(corpus.path / f"{name}.csv", home / f"{name} of Qhaslova.csv")
    for name, kept in (("policies", "Wyszqinska"), ("deid", "Zzofqa")):
        shutil.copy(next((corpus.path / name).iterdir()), home / f"{kept}.yaml")
    (home / "brzqcki.key").write_text("5a" * 32 + "\n")
    (home / "map of Brzqcki.csv").write_text("path,user_id\nBrzqcki/*,user-1\n")
    config = {
        "inputs": [
            {
                "path": str(logs / "*.jsonl"),
                "mapping": "map of Brzqcki.csv",
                "defaults_by_path": [{"path": "Qhaslova*", "tier": "free"}],
            },
            {"path": "export-wyszqinska.zip", "format": "claude-export"},
        ],
        "consent": {"snapshots": ["Brzqcki consent/*.parquet"]},
        "deletions": "deletions of Qhaslova.csv",
        "authorizations": "authorizations of Qhaslova.csv",
        "policy": "./Wyszqinska.yaml",
        "deid": "./Zzofqa.yaml",
        "as_of": "2026-03-01T00:00:00Z",
        "key_file": "brzqcki.key",
        "output": {"path": "Qhaslova out", "shards": 2},
        "audit": {"path": "Wyszqinska audit"},
        "limits": {"max_quarantined_fraction": 0.5},
        "runner": {"workers": 1},
    }
    (home / "Zzofqa.config.yaml").write_text(json.dumps(config))
    return home


def _left(where: str, text: str) -> list[str]:
    return [f"{canary} in {where}" for canary in CANARIES if canary in text.lower()]


def test_names_of_files_and_folders_are_in_no_byte_written(corpus: Corpus, tmp_path: Path) -> None:
    """Exports are named after their owner and home folders after their user: every output would name them."""
    home = _named(corpus, tmp_path)
    config, out, audit = home / "Zzofqa.config.yaml", home / "Qhaslova out", home / "Wyszqinska audit"
    users = (truth["user_id"] for truth in corpus.truth())
    for arguments in (
        ("run", "-c", config),
        ("audit", "-c", config, "--compare", out),
        ("forget", out, "--key-file", home / "brzqcki.key", "--user", next(filter(None, users))),
    ):
        done = chatsieve(*arguments)
        assert done.returncode in (0, 1), done.stderr
    assert chatsieve("verify", out).returncode == 0
    page = tmp_path / "page.html"
    diff = chatsieve("diff", out, audit, "--json", "--html", page)
    assert diff.returncode in (0, 1), diff.stderr
    assert json.loads(diff.stdout)["a"]["path"].split("/")[-2] == "<NAME> out"
    left = [*_left("diff --json", diff.stdout), *_left("diff --html", page.read_text())]
    for folder in (out, audit):
        left += _left(folder.name.split()[1], every_byte(folder))
        left += [f"{name}: {each}" for name in folder.rglob("*") for each in _left("a name", name.name)]
    assert left == []


def test_a_quarantined_record_is_still_found_by_its_input_and_place(corpus: Corpus, tmp_path: Path) -> None:
    """What is left of a name is its extension and its ordinary words."""
    home = _named(corpus, tmp_path)
    done = chatsieve("audit", "-c", home / "Zzofqa.config.yaml", "--output", tmp_path / "audit")
    assert done.returncode in (0, 1), done.stderr
    files = sorted((tmp_path / "audit").glob("latest/quarantine/*.jsonl"))
    found = {(e["input"], e["file"], e["code"]) for file in files for e in map(json.loads, file.open())}
    assert {
        (0, "<NAME> chats.jsonl", "malformed_json"),
        (0, "old-<NAME>.jsonl", "malformed_json"),
        (1, "export-<NAME>.zip", "not_an_object"),
    } <= found
    manifest = json.loads((tmp_path / "audit" / "latest" / "manifest.json").read_text())
    for line in (json.loads(line) for file in files for line in file.open()):
        file = manifest["inputs"][line["manifest_input"]]
        assert (file["input"], file["name"]) == (line["input"], line["file"])
        is_undecoded = line["code"] in ("malformed_json", "not_an_object")
        assert (line["field"] is None) == (line["kind"] is None) == is_undecoded
