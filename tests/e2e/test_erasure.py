"""`chatsieve forget` and `chatsieve expire` as a user runs them: every version, certificate, later runs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands import run
from pipeline.inputs.config import load_settings
from pipeline.runners.progress import Progress
from schemas.errors import BusyError
from tests.support.command import Corpus, chatsieve, current, table_of
from tests.support.forging import linked_copy

pytestmark = pytest.mark.e2e
Finished = tuple[Path, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def two_versions(corpus: Corpus, finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with two versions of the same sessions."""
    out = linked_copy(finished[0], tmp_path_factory.mktemp("two") / "out")
    done = chatsieve("run", "-c", corpus.config, "--output", out, "--quiet", "--rebuild", *AGAIN)
    assert done.returncode == 0, done.stderr
    return out


AGAIN = ("--set", "output.on_exists=new_version")


@pytest.fixture
def dataset(two_versions: Path, tmp_path: Path) -> Path:
    """A copy to erase from."""
    return linked_copy(two_versions, tmp_path / "out")


def eligible(corpus: Corpus) -> list[dict[str, Any]]:
    """The truth of all eligible sessions that have a user."""
    return [row for row in corpus.truth() if row["decision"] == "eligible" and row["user_id"]]


def erase(corpus: Corpus, dataset: Path, *arguments: object, command: str = "forget") -> dict[str, Any]:
    """The certificate of a `forget` or `expire` that succeeds."""
    key = ("--key-file", corpus.path / "chatsieve.key")
    done = chatsieve(command, dataset, *arguments, *key, "--json", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    certificate: dict[str, Any] = json.loads(done.stdout)["certificate"]
    return certificate


def versions(dataset: Path) -> list[dict[str, Any]]:
    """The versions that the catalog names."""
    listed: list[dict[str, Any]] = json.loads((dataset / "CURRENT").read_bytes())["versions"]
    return listed


def places_of(dataset: Path, key: str) -> list[str]:
    """The files with this key; Parquet is searched in all columns. Erasures are left out."""
    import pyarrow.parquet as pq

    found = []
    for path in dataset.rglob("*"):
        name = str(path.relative_to(dataset))
        if not path.is_file() or name.startswith(("erasures/", "latest/")):
            continue
        data = str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else path.read_text()
        if key in data:
            found.append(name)
    return found


def verified(corpus: Corpus, dataset: Path) -> bool:
    """Whether every version verifies under the key."""
    key = ("--key-file", corpus.path / "chatsieve.key")
    return all(
        chatsieve("verify", f"{dataset}@{one['version']}", *key).returncode == 0 for one in versions(dataset)
    )


def test_a_user_is_erased_from_every_version(corpus: Corpus, dataset: Path) -> None:
    """An erasure request reaches old versions too; other files stay the same files."""
    user = eligible(corpus)[0]["user_id"]
    keys = {corpus.key_of(row["conversation_id"]) for row in corpus.truth() if row["user_id"] == user}
    assert all(places_of(dataset, key) for key in keys)
    before = {path.name: path.stat().st_ino for path in (current(dataset) / "data").iterdir()}
    certificate = erase(corpus, dataset, "--user", user)
    assert [places_of(dataset, key) for key in keys] == [[]] * len(keys)
    assert certificate["asked"] == {"users": 1, "conversations": 0}
    assert certificate["found"] == {"users": 1, "conversations": len(keys)}
    assert (certificate["unknown"], certificate["scan"]["found"]) == (0, 0)
    assert certificate["scan"]["files"] > 10
    assert [one["version"] for one in certificate["versions"]] == [1, 2]
    after = {path.name: path.stat().st_ino for path in (current(dataset) / "data").iterdir()}
    rewritten = {Path(name).name for name in certificate["versions"][1]["files"] if name.startswith("data/")}
    assert rewritten
    assert {name for name in after if after[name] != before[name]} == rewritten != set(after)
    assert user.encode() not in b"".join(path.read_bytes() for path in (dataset / "erasures").iterdir())
    assert verified(corpus, dataset)


def test_an_erased_person_never_comes_back(corpus: Corpus, dataset: Path) -> None:
    """The logs still have the session: a later run drops it with reason `deleted`, an audit too."""
    row = eligible(corpus)[0]
    key = corpus.key_of(row["conversation_id"])
    erase(corpus, dataset, "--user", row["user_id"])
    done = chatsieve("run", "-c", corpus.config, "--output", dataset, "--quiet", *AGAIN)
    assert done.returncode == 0, done.stderr
    assert key not in {one["conversation_key"] for one in table_of(dataset, "data")}
    reasons = {one["reason"] for one in table_of(dataset, "ledger") if one["conversation_key"] == key}
    assert reasons == {"deleted"}
    audit = dataset.parent / "audit"
    options = ("--set", f"output.path={dataset}", "--set", f"audit.path={audit}", "--quiet")
    assert chatsieve("audit", "-c", corpus.config, *options).returncode == 0
    reasons = {one["reason"] for one in table_of(audit, "ledger") if one["conversation_key"] == key}
    assert reasons == {"deleted"}
    assert verified(corpus, dataset)


def test_a_list_of_ids_and_keys_is_erased_and_unknown_ids_are_counted(
    corpus: Corpus, dataset: Path, tmp_path: Path
) -> None:
    """Requests come as lists; some people are not in the dataset, which is no error."""
    one, two, three, *_ = eligible(corpus)
    listed = tmp_path / "erase.csv"
    listed.write_text(
        f"kind,id\nconversation,{one['conversation_id']}\n"
        f"conversation,{corpus.key_of(two['conversation_id'])}\nuser,nobody-here\n"
    )
    rows = len(table_of(dataset, "data"))
    certificate = erase(corpus, dataset, "--list", listed, "--conversation", three["conversation_id"])
    assert certificate["found"]["conversations"] == 3
    assert certificate["unknown"] == 1
    gone = {corpus.key_of(row["conversation_id"]) for row in (one, two, three)}
    left = table_of(dataset, "data")
    assert not gone & {row["conversation_key"] for row in left}
    assert rows - len(left) == certificate["versions"][-1]["training_rows"] >= 3


def test_ids_that_nobody_has_change_no_file_and_leave_a_tombstone(corpus: Corpus, dataset: Path) -> None:
    """A request may arrive before the logs do."""
    before = {path: path.stat().st_ino for path in dataset.glob("v*/**/*") if path.is_file()}
    certificate = erase(corpus, dataset, "--user", "someone-of-tomorrow")
    assert (certificate["unknown"], certificate["versions"]) == (1, [])
    assert {path: path.stat().st_ino for path in dataset.glob("v*/**/*") if path.is_file()} == before
    assert verified(corpus, dataset)


def test_expire_removes_rows_whose_retention_has_ended(corpus: Corpus, dataset: Path) -> None:
    """The date itself is past retention, the day after it is not."""
    ends = sorted({row["retain_until"] for row in table_of(dataset, "data")})
    middle = ends[0]
    certificate = erase(corpus, dataset, "--as-of", middle.isoformat(), command="expire")
    left = [row["retain_until"] for row in table_of(dataset, "data")]
    assert min(left) == ends[1]
    assert [one["version"] for one in certificate["versions"]] == [1, 2]
    assert certificate["kind"] == "expire"
    assert verified(corpus, dataset)
    catalog = (dataset / "CURRENT").read_bytes()
    key = ("--key-file", corpus.path / "chatsieve.key")
    again = chatsieve("expire", dataset, "--as-of", middle.isoformat(), *key)
    assert (again.returncode, (dataset / "CURRENT").read_bytes()) == (0, catalog)
    assert "nothing to remove" in again.stderr


def test_a_dataset_without_rows_verifies(corpus: Corpus, dataset: Path) -> None:
    """Every row may expire; the ledger is left, without an eligible session."""
    erase(corpus, dataset, "--as-of", "2999-01-01T00:00:00Z", command="expire")
    assert table_of(dataset, "data") == []
    assert verified(corpus, dataset)


def test_the_lines_of_forget_and_expire_count_in_singular_and_plural(corpus: Corpus, dataset: Path) -> None:
    """The line is kept with the request, as the answer to it."""
    key = ("--key-file", corpus.path / "chatsieve.key")
    one = eligible(corpus)[0]["conversation_id"]
    asked = ("--conversation", one, "--conversation", "c-of-nobody")
    assert "forget: 1 conversation found, 1 id unknown; " in chatsieve("forget", dataset, *asked, *key).stderr
    none = chatsieve("forget", dataset, "--conversation", "c-of-nobody", *key).stderr
    assert "forget: 0 conversations found, 1 id unknown; 0 training rows removed; rewritten: none;" in none
    last = max(row["retain_until"] for row in table_of(dataset, "data"))
    removed = sum(version["rows"] for version in versions(dataset))
    done = chatsieve("expire", dataset, "--as-of", last.isoformat(), *key)
    assert f"expire: {removed} rows past their retention removed; rewritten: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("forget", "DATASET"), "at least one id"),
        (("forget", "DATASET", "--user", " "), "blank"),
        (("forget", "DATASET", "--user", " u1"), "white space"),
        (("forget", "DATASET", "--list", "/nowhere.csv"), "/nowhere.csv"),
        (("forget", "DATASET/latest", "--user", "u1"), "CURRENT"),
        (("forget", "DATASET@1", "--user", "u1"), "names a version"),
        (("expire", "DATASET", "--as-of", "soon"), "--as-of"),
        (("expire", "DATASET", "--as-of", "2026-01-01T00:00:00"), "offset"),
    ],
)
def test_a_faulty_request_is_one_line_and_changes_nothing(
    corpus: Corpus, dataset: Path, arguments: tuple[str, ...], words: str
) -> None:
    """Exit 2, before anything is written."""
    catalog = (dataset / "CURRENT").read_bytes()
    given = [argument.replace("DATASET", str(dataset)) for argument in arguments]
    done = chatsieve(*given, "--key-file", corpus.path / "chatsieve.key")
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (dataset / "CURRENT").read_bytes() == catalog
    assert not (dataset / "erasures").exists()


def test_another_key_is_refused(dataset: Path, tmp_path: Path) -> None:
    """With another key every id would be unknown, and the request would seem to be fulfilled."""
    key = tmp_path / "other.key"
    key.write_text("a7" * 32 + "\n")
    done = chatsieve("forget", dataset, "--user", "u1", "--key-file", key)
    assert done.returncode == 2
    assert "is not the key" in done.stderr


def test_a_run_with_another_key_is_refused(corpus: Corpus, dataset: Path, tmp_path: Path) -> None:
    """Its keys differ from those of the tombstones: an erased person would come back. An audit too."""
    other = tmp_path / "other.key"
    other.write_text("a7" * 32 + "\n")
    options = ("--set", f"key_file={other}", "--set", f"output.path={dataset}", "--quiet", *AGAIN)
    before = {*dataset.rglob("*")}
    done = chatsieve("run", "-c", corpus.config, *options)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert f"{dataset}@1: was made with another key" in done.stderr
    assert {*dataset.rglob("*")} == before
    erase(corpus, dataset, "--user", eligible(corpus)[0]["user_id"])
    done = chatsieve("audit", "-c", corpus.config, *options, "--set", f"audit.path={tmp_path / 'audit'}")
    assert (done.returncode, "another key" in done.stderr) == (2, True)
    assert not (tmp_path / "audit").exists()


def test_a_person_who_is_erased_while_a_run_begins_stays_erased(
    corpus: Corpus, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run read the tombstones before it claimed the dataset; `forget` ended in between."""
    row = eligible(corpus)[0]
    options = {"output.path": str(dataset), "output.on_exists": "new_version"}
    settings = load_settings(corpus.config, options)
    found = run.find_inputs

    def erased_meanwhile(*arguments: Any) -> Any:
        erase(corpus, dataset, "--user", row["user_id"])
        return found(*arguments)

    monkeypatch.setattr(run, "find_inputs", erased_meanwhile)
    with pytest.raises(BusyError, match="run again"):
        run.execute(settings, "run", [], Progress(False))
    assert [one["version"] for one in versions(dataset)] == [1, 2]
    assert verified(corpus, dataset)
