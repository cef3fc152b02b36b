"""`chatsieve verify` catches every forgery, in the class that is meant for it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from msgspec import convert

from pipeline.commands.verify import verify
from pipeline.dataset.erasures import Certificate, encode_certificate
from pipeline.verify.findings import KINDS
from tests.pipeline.verify.forgeries import FORGERIES, SEALED, Forgery
from tests.support.forging import Dataset, linked_copy


@pytest.fixture
def forged(request: pytest.FixtureRequest) -> Dataset:
    """The dataset after the forgery."""
    forgery: Forgery = request.param
    dataset: Dataset = request.getfixturevalue("aged" if forgery.aged else "dataset")
    forgery.forge(dataset)
    return dataset


@pytest.mark.parametrize(
    ("forged", "forgery"),
    [(one, one) for one in FORGERIES],
    ids=[one.id for one in FORGERIES],
    indirect=["forged"],
)
def test_a_forgery_is_caught_without_the_key(forged: Dataset, forgery: Forgery) -> None:
    """A forger who recomputes every digest still leaves a contradiction."""
    kinds = {finding.kind for finding in verify(forged.root).findings}
    assert forgery.kind in kinds


@pytest.mark.parametrize(
    ("forged", "forgery"), [(one, one) for one in SEALED], ids=[one.id for one in SEALED], indirect=["forged"]
)
def test_what_contradicts_nothing_is_caught_with_the_key(
    forged: Dataset, forgery: Forgery, key: bytes
) -> None:
    """Without the key such a forgery passes, and `not_checked` says why; with it, the HMAC fails."""
    forged.renew_page()
    without = verify(forged.root)
    assert without.findings == []
    assert "hmac" in {one.what for one in without.not_checked}
    outcome = verify(forged.root, key)
    assert forgery.kind in {finding.kind for finding in outcome.findings}
    assert "hmac" in outcome.checked


def test_every_class_has_forgeries() -> None:
    """The table is the measure of the command."""
    assert Counter(one.kind for one in FORGERIES).keys() == set(KINDS)
    assert len(FORGERIES) >= 60


def test_a_finished_dataset_passes(dataset: Dataset, key: bytes) -> None:
    """No finding where nothing is wrong, and every class was checked."""
    outcome = verify(dataset.root, key)
    assert outcome.findings == []
    assert set(outcome.checked) == {*KINDS, "hmac"}
    assert outcome.not_checked == []


def test_versions_and_erasures_pass(aged: Dataset, key: bytes) -> None:
    """A second version, `forget` and `expire` leave datasets that verify, each version by its number too."""
    assert verify(aged.root, key).findings == []
    assert verify(Path(f"{aged.root}@1"), key).findings == []
    assert verify(aged.folder, key).findings == []


def test_the_wrong_key_is_a_finding(dataset: Dataset) -> None:
    """Whoever verifies with another key than the run's learns that nothing was proved."""
    assert {finding.kind for finding in verify(dataset.root, bytes(32)).findings} == {"manifest"}


def test_findings_hold_no_text(dataset: Dataset) -> None:
    """What a forger writes into keys, codes and names is not printed."""
    for forgery in FORGERIES:
        if forgery.id in (
            "a-key-that-is-none",
            "sessions-have-an-id",
            "a-further-id-is-no-key",
            "a-tier-that-no-policy-has",
        ):
            forgery.forge(dataset)
    dataset.put("ann@example.com.txt", b"")
    assert "@example" not in str(verify(dataset.root).findings)


def test_a_killed_command_leaves_notes_and_no_findings(dataset: Dataset, tmp_path: Path) -> None:
    """The version that counts is whole; what the dead command left is said and is no fault of it."""
    held = (
        b'{"run":"ab","folder":"v0002-abcdef","host":"gone","process":"1@1","until":"2020-01-01T00:00:00Z"}'
    )
    for folder in ("claims", "v0002-abcdef"):
        (dataset.root / folder).mkdir()
        (dataset.root / folder).chmod(0o750)
    dataset.put("claims/0002", held)
    dataset.put("v0002-abcdef/.tmp-x", b"")
    outcome = verify(dataset.root)
    assert outcome.findings == []
    assert outcome.notes != []
    assert linked_copy(dataset.root, tmp_path / "again").is_dir()


def test_an_erasure_without_a_scan_is_a_note_only_beside_a_claim(aged: Dataset) -> None:
    """Killed before its scan, an erasure is finished by the next command; without a claim none will come."""
    (name, *_) = sorted((aged.root / "erasures").glob("*.json"))
    certificate = json.loads(name.read_bytes())
    aged.put(f"erasures/{name.name}", encode_certificate(convert({**certificate, "scan": None}, Certificate)))
    assert [finding.kind for finding in verify(aged.root).findings] == ["catalog"]
    (aged.root / "claims").mkdir()
    (aged.root / "claims").chmod(0o750)
    aged.put("claims/0003", _CLAIM)
    outcome = verify(aged.root)
    assert outcome.findings == []
    assert any(name.stem in note for note in outcome.notes)


def test_an_erasure_that_is_not_listed_proves_nothing(aged: Dataset) -> None:
    """Certificate and keys are copied under another name: without a claim a finding, with one a leftover."""
    (name, *_) = sorted((aged.root / "erasures").glob("*.json"))
    for suffix in (".json", ".keys"):
        aged.put(f"erasures/0009-abcdef{suffix}", name.with_suffix(suffix).read_bytes())
    assert {finding.kind for finding in verify(aged.root).findings} == {"files"}


def test_a_file_added_to_a_version_is_a_finding_beside_a_claim_too(dataset: Dataset) -> None:
    """No command adds files to a committed version, not even one that was killed."""
    (dataset.root / "claims").mkdir()
    (dataset.root / "claims").chmod(0o750)
    dataset.put("claims/0002", _CLAIM)
    dataset.put(f"{dataset.folder.name}/data/train-00099-of-00100.parquet", b"x")
    assert {finding.kind for finding in verify(dataset.root).findings} == {"files"}


_CLAIM = b'{"run":"ab","folder":"v0002-abcdef","host":"gone","process":"1@1","until":"2020-01-01T00:00:00Z"}'
