"""`chatsieve verify` as a user runs it: exit codes, what it prints, audits, a second version."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.command import Corpus, chatsieve
from tests.support.forging import Dataset, linked_copy

pytestmark = pytest.mark.e2e
Finished = tuple[Path, subprocess.CompletedProcess[str]]
CLASSES = ["catalog", "manifest", "files", "schema", "ledger", "rows", "index", "report", "residual"]


@pytest.fixture
def copy(finished: Finished, tmp_path: Path) -> Dataset:
    """A dataset to damage."""
    return Dataset(linked_copy(finished[0], tmp_path / "copy"))


def test_a_finished_dataset_passes_and_the_command_names_what_it_checked(
    copy: Dataset, corpus: Corpus
) -> None:
    """With the key from a file or from the environment nothing is left unchecked."""
    key = corpus.path / "chatsieve.key"
    done = chatsieve("verify", copy.root, "--json", "--key-file", key)
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["findings"]) == (0, True, [])
    assert [kind for kind in document["checked"] if kind != "hmac"] == CLASSES
    assert document["not_checked"] == []
    again = chatsieve("verify", copy.root, "--quiet", CHATSIEVE_KEY=key.read_text().strip())
    assert (again.returncode, again.stderr) == (0, "")


def test_without_the_key_it_says_that_the_hmac_was_not_checked(copy: Dataset) -> None:
    """Digests alone can be made by whoever can write the files."""
    done = chatsieve("verify", copy.root, CHATSIEVE_KEY="")
    assert done.returncode == 0
    assert "not checked: hmac" in done.stderr


def test_all_findings_are_listed_class_by_class(copy: Dataset) -> None:
    """Exit 1; the order is that of the classes, whatever was found first."""
    copy.put_in("notes", b"")
    copy.set_current(lambda tree: tree["versions"][0].update(rows=1))
    copy.set_rows(copy.part("ledger/"), lambda rows: rows[0].update(policy_id="other"))
    copy.set_report(lambda tree: tree["counts"].update(records=1))
    done = chatsieve("verify", copy.root, "--json")
    kinds = [finding["kind"] for finding in json.loads(done.stdout)["findings"]]
    assert done.returncode == 1
    assert set(kinds) >= {"catalog", "files", "ledger", "report"}
    assert kinds == sorted(kinds, key=CLASSES.index)
    assert "internal error" not in done.stderr


def test_a_catalog_that_cannot_be_read_is_a_finding(copy: Dataset) -> None:
    """Nothing else can be checked then, and the command says so."""
    copy.put("CURRENT", b"\0\xff")
    done = chatsieve("verify", copy.root)
    assert done.returncode == 1
    assert "catalog: CURRENT" in done.stderr
    assert done.stderr.endswith(": 1 finding\n")
    assert "not checked: ledger" in done.stderr


@pytest.mark.parametrize("text", ["", "no key", "00"])
def test_a_key_file_without_a_key_is_refused(copy: Dataset, tmp_path: Path, text: str) -> None:
    """Exit 2: a verification with half a key proves nothing."""
    (tmp_path / "key").write_text(text)
    done = chatsieve("verify", copy.root, "--key-file", tmp_path / "key")
    assert done.returncode == 2
    assert "hex digits" in done.stderr


def test_a_folder_without_a_catalog_is_no_dataset(tmp_path: Path) -> None:
    """Exit 2 and one line: there is nothing to verify."""
    done = chatsieve("verify", tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "no CURRENT" in done.stderr


def test_a_version_that_is_not_there_is_refused(copy: Dataset) -> None:
    """Exit 2, and the versions that are."""
    done = chatsieve("verify", f"{copy.root}@7")
    assert done.returncode == 2
    assert "it holds 1" in done.stderr


def test_audits_pass(corpus: Corpus, tmp_path: Path) -> None:
    """In full and shareable: small counts that the report suppresses are no contradiction."""
    for options in ([], ["--shareable", "--set", "output.on_exists=new_version"]):
        done = chatsieve("audit", "-c", corpus.config, "--output", tmp_path / "audit", "--quiet", *options)
        assert done.returncode == 0, done.stderr
        done = chatsieve("verify", tmp_path / "audit", "--json")
        assert json.loads(done.stdout)["findings"] == []
