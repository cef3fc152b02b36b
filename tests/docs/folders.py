"""The folders in which the blocks of pages run: what a reader of the page has before the first block."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.docs.blocks import ROOT
from tests.support.command import Corpus, chatsieve, table_of

#: The names in capitals that pages use for an id, by what they stand for.
Names = dict[str, str]


def _empty(_folder: Path, _corpus: Corpus) -> None:
    """Nothing."""


def _clone(folder: Path, _corpus: Corpus) -> None:
    """`configs`, `examples` and the packages of the program, as in a clone."""
    for name in ("configs", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("Makefile", "benchmarks", "chatsieve", "docs", "pipeline", "schemas", "tests", "transforms"):
        (folder / name).symlink_to(ROOT / name)


def _logs(folder: Path, corpus: Corpus) -> None:
    """A sample: `logs`, `consent`, `policies`, `deid`, two lists, and `run.yaml`; no key, no dataset."""
    shutil.copytree(corpus.path, folder, dirs_exist_ok=True)
    (folder / "chatsieve.key").unlink(missing_ok=True)
    text = (folder / "config.yaml").read_text().replace("  path: out\n", "  path: out/dataset\n")
    (folder / "config.yaml").unlink()
    (folder / "run.yaml").write_text(text)


def _dataset(folder: Path, corpus: Corpus) -> None:
    """The same with `chatsieve.key` and the versions 1 and 2 of `out/dataset`; a further run adds one."""
    _logs(folder, corpus)
    config = folder / "run.yaml"
    config.write_text(config.read_text().replace("  shards: 4\n", "  shards: 4\n  on_exists: new_version\n"))
    for more in ((), ("--policy", "consumer-terms-2025-09-28-strict")):
        done = chatsieve("run", "-c", config, "--quiet", *more)
        assert done.returncode == 0, done.stderr


FOLDERS: dict[str, Callable[[Path, Corpus], None]] = {
    "empty": _empty,
    "clone": _clone,
    "logs": _logs,
    "dataset": _dataset,
}


def names_in(folder: Path, corpus: Corpus) -> Names:
    """The ids that the names in capitals stand for: of an eligible session, and of further users."""
    eligible = [row for row in corpus.truth() if row["decision"] == "eligible" and row["user_id"]]
    users = list(dict.fromkeys(row["user_id"] for row in eligible))
    names = {
        "CONVERSATION_ID": eligible[0]["conversation_id"],
        "USER_ID": users[0],
        "OTHER_USER_ID": users[1],
    }
    dataset = folder / "out/dataset"
    if (dataset / "CURRENT").exists():
        names["CONVERSATION_KEY"] = table_of(dataset, "ledger")[0]["conversation_key"]
    return names
