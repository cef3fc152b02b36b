"""`policy new` and `policy check`: a pack of your own begins as a copy, and all faults are listed at once."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pipeline.commands.policy_files import new_policy
from schemas.policy import canonical, load_pack
from tests.support.command import chatsieve

SOURCE = "consumer-terms-2025-09-28-strict"


def test_a_new_policy_differs_from_its_source_in_the_id_alone(tmp_path: Path) -> None:
    """The copy decides as its source until somebody edits it, and no ledger takes it for its source."""
    own = tmp_path / "acme.yaml"
    done = chatsieve("policy", "new", own, "--from", SOURCE)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"policy check {own}" in done.stderr
    written, source = load_pack(own).policy, load_pack(Path(f"configs/policies/{SOURCE}.yaml")).policy
    assert written.id == "acme"
    assert {**canonical(written), "id": SOURCE} == canonical(source)
    assert "# Consumer terms as published" not in own.read_text()
    again = chatsieve("policy", "new", tmp_path / "second.yaml", "--from", own, "--id", "0123")
    assert (again.returncode, load_pack(tmp_path / "second.yaml").policy.id) == (0, "0123")


@pytest.mark.parametrize("name", ["", "two words", "a: b", "-a", "a" * 101, "a\nid: b", "\x1b[0m"])
def test_an_id_that_no_ledger_can_have_is_refused_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    """The id is written into YAML, ledgers and pages."""
    done = chatsieve("policy", "new", tmp_path / "own.yaml", "--id", name)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--id: expected" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    """Somebody may have edited it for days."""
    own = tmp_path / "own.yaml"
    own.write_text("edited")
    done = chatsieve("policy", "new", own)
    assert (done.returncode, own.read_text()) == (2, "edited")
    assert "exists already" in done.stderr


@pytest.mark.parametrize("source", ["no-such-policy", "configs/demo.yaml"])
def test_only_a_policy_can_be_copied(tmp_path: Path, source: str) -> None:
    """A copy of another file would be refused by the first run."""
    done = chatsieve("policy", "new", tmp_path / "own.yaml", "--from", source)
    assert done.returncode == 2
    assert not list(tmp_path.iterdir())


def test_a_check_lists_the_faults_of_all_policies(tmp_path: Path) -> None:
    """Faults that come one at a time cost an hour."""
    for name, (old, new) in {
        "tiers": ("included: [free, pro, max]", "included: []"),
        "time": ("effective_at: 2025-08-28T00:00:00Z", "effective_at: yesterday"),
    }.items():
        new_policy(tmp_path / f"{name}.yaml", SOURCE, None)
        text = (tmp_path / f"{name}.yaml").read_text()
        (tmp_path / f"{name}.yaml").write_text(text.replace(old, new))
    done = chatsieve("policy", "check", tmp_path / "tiers.yaml", SOURCE, tmp_path / "time.yaml", "gone")
    assert (done.returncode, done.stdout) == (2, "")
    for words in ("tiers.yaml:", "tiers.included", "time.yaml:", "effective_at", "gone"):
        assert words in done.stderr
    assert SOURCE + ": valid" not in done.stderr


def test_valid_policies_are_named_with_their_digests(tmp_path: Path) -> None:
    """A pack is released by its digest."""
    new_policy(tmp_path / "own.yaml", SOURCE, None)
    done = chatsieve("policy", "check", tmp_path / "own.yaml", SOURCE, "--json")
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout)
    assert [each["id"] for each in found] == ["own", SOURCE]
    assert found[0]["canonical_sha256"] == load_pack(tmp_path / "own.yaml").canonical_sha256
    lines = chatsieve("policy", "check", SOURCE).stdout
    assert lines == f"{SOURCE}: valid; id {SOURCE}, canonical sha256 {found[1]['canonical_sha256']}\n"
