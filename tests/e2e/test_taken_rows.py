"""Days of a small dataset: what is masked on each, and that each leaves what a rebuild leaves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.forget import forget
from pipeline.commands.verify import verify
from pipeline.dataset.erasures import Asked
from schemas.errors import PipelineError
from schemas.keys import KeyedHasher
from schemas.manifest import decode, encode
from tests.support.forging import Dataset
from tests.support.small_days import GRANTED, KEY, Days, begun, differing, message, session, usual
from transforms.deid import masked_batch

pytestmark = pytest.mark.e2e
HASHER = KeyedHasher(KEY)
FIRST, SECOND, THIRD = "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", "2026-02-03T00:00:00Z"
_FOREIGN = "これは日本語の文章です。日本語で答えてください。"


class Masked(set[bytes]):
    """The keys of the sessions that were masked since it was asked last."""

    may_repeat = False

    def numbers(self) -> list[int]:
        """The numbers of these sessions, which are forgotten then."""
        names = {HASHER.conversation(f"c{number}"): number for number in range(60)}
        found = sorted(names[key] for key in self)
        self.clear()
        return found


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> Masked:
    """Notes every session that an engine gets."""
    found, mask = Masked(), masked_batch.mask_sessions

    def noting(spec: Any, texts: Any) -> Any:
        keys = [text.key for text in texts]
        assert found.may_repeat or found.isdisjoint(keys), "a session was masked twice"
        found.update(keys)
        return mask(spec, texts)

    monkeypatch.setattr(masked_batch, "mask_sessions", noting)
    return found


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Days:
    """A dataset with a first version: twelve sessions, and one that is refused for its language."""
    days = begun(tmp_path_factory.mktemp("days") / "world")
    days.logs["a.jsonl"].append(session(20, _FOREIGN * 20, _FOREIGN * 20, user="u1"))
    outcome = days.run(FIRST)
    assert outcome.manifest.counts["reasons"] == {"eligible": 12, "language_unsupported": 1}
    return days


@pytest.fixture
def days(first: Days, tmp_path: Path) -> Days:
    """A copy of it to go on with."""
    shutil.copytree(first.folder, tmp_path / "world", symlinks=True)
    logs = {name: json.loads(json.dumps(records)) for name, records in first.logs.items()}
    return Days(tmp_path / "world", logs, [*first.consent])


def test_a_day_masks_what_is_new_and_leaves_what_a_rebuild_leaves(days: Days, masked: Masked) -> None:
    """One session went on and one is new. Others moved, changed their tier, opted out or were deleted."""
    records = days.logs["a.jsonl"]
    records[0]["messages"].append(message(0, "And to jo@example.org.", 2))
    records[1]["tier"] = "max"
    days.logs["b.jsonl"] = [records.pop(3), usual(29)]
    days.consent[2] = ("u2", "refused", "2026-01-15T00:00:00Z")
    days.consent[1] = ("u1", "granted", "2025-12-31T00:00:00Z")
    days.deletions = [("conversation", "c7")]
    days.shards = 3
    second = days.run(SECOND)
    # A record is digested as it was read: its tier is part of it.
    assert masked.numbers() == [0, 1, 29]
    assert second.manifest.increment is not None
    figures = {"from": 1, "sessions_masked": 3, "sessions_taken": 7, "sessions_checked": 0, "damaged": []}
    assert second.manifest.increment | figures == second.manifest.increment
    rebuilt = days.rebuilt(SECOND)
    assert differing(second, rebuilt) == []
    assert second.report["deid"] == rebuilt.report["deid"]
    assert second.report["residual"] == rebuilt.report["residual"]
    assert second.manifest.counts == rebuilt.manifest.counts
    assert [str(each) for each in verify(days.dataset, KEY).findings] == []


@pytest.mark.faults
def test_who_comes_back_is_masked_again(days: Days, masked: Masked) -> None:
    """An opt-out leaves nothing behind that an opt-in could take over."""
    days.consent[2] = ("u2", "refused", "2026-01-15T00:00:00Z")
    without = days.run(SECOND)
    assert masked.numbers() == []
    days.consent[2] = ("u2", "granted", GRANTED)
    back = days.run(THIRD)
    assert masked.numbers() == [2, 6, 10]
    assert without.manifest.counts["training_rows"] == back.manifest.counts["training_rows"] - 3
    assert differing(back, days.rebuilt(THIRD)) == []


@pytest.mark.faults
@pytest.mark.parametrize("fault", ["shard", "missing shard", "state", "both"])
def test_sessions_of_a_damaged_file_are_masked_again(days: Days, masked: Masked, fault: str) -> None:
    """Never a row of a file that the manifest does not list; the run says which file it was."""
    before = Dataset(days.dataset)
    shard, state = before.part("data/"), before.part("restricted/state/rows-", 1)
    damaged = {"state": [state], "both": [shard, state]}.get(fault, [shard])
    for name in damaged:
        data = bytearray((before.folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        before.put_in(name, bytes(data))
    if fault == "missing shard":
        (before.folder / shard).unlink()
    days.consent[1] = ("u1", "granted", "2025-12-31T00:00:00Z")
    second = days.run(SECOND)
    count = len(masked.numbers())
    assert second.manifest.increment is not None
    assert second.manifest.increment["damaged"] == damaged
    assert 0 < count == second.manifest.increment["sessions_masked"]
    assert count + second.manifest.increment["sessions_taken"] == 13
    assert differing(second, days.rebuilt(SECOND)) == []


def sign(dataset: Dataset) -> None:
    """Gives the manifest the HMAC of the key, as only its owner can."""
    data = encode(decode((dataset.folder / "manifest.json").read_bytes()), KEY)
    dataset.put_manifest(data)


@pytest.mark.faults
@pytest.mark.parametrize("changed", ["text", "nothing", "figure", "refusal"])
def test_a_check_finds_rows_that_masking_does_not_give(days: Days, changed: str) -> None:
    """Also where somebody with the key signed them: nothing is committed, and the line says what to do."""
    dataset = Dataset(days.dataset)
    shard, state = dataset.part("data/"), dataset.part("restricted/state/rows-")
    refused = dataset.part("restricted/state/rows-", 1)
    refused = next(name for name in (state, refused) if any(row["refusal"] for row in dataset.rows(name)))
    if changed == "text":
        dataset.set_rows(shard, lambda rows: rows[0]["messages"][1].update(content="Kim said so."))
    elif changed == "figure":
        dataset.set_rows(state, lambda rows: rows[0].update(characters=1))
    elif changed == "refusal":
        dataset.set_rows(
            refused, lambda rows: [row.update(refusal="oversize") for row in rows if row["refusal"]] and None
        )
    sign(dataset)
    days.consent[1] = ("u1", "granted", "2025-12-31T00:00:00Z")
    if changed == "nothing":
        checked = days.run(SECOND, checked_share=1.0)
        assert checked.manifest.increment is not None
        assert checked.manifest.increment["sessions_checked"] == 13
        assert checked.manifest.increment["sessions_masked"] == 0
        assert differing(checked, days.rebuilt(SECOND)) == []
        return
    with pytest.raises(PipelineError) as raised:
        days.run(SECOND, checked_share=1.0)
    key = str(raised.value).split("conversation keys ")[1][:32]
    assert str(raised.value) == (
        "--check-rebuild: 1 of 13 sessions taken over differ from what masking gives "
        f"(conversation keys {key}); nothing was committed; run again with --rebuild"
    )
    assert len(bytes.fromhex(key)) == 16
    assert len(dataset.current["versions"]) == 1
    assert list((days.dataset / "claims").glob("*")) == []


@pytest.mark.faults
def test_a_check_runs_though_nothing_is_new(days: Days, masked: Masked) -> None:
    """The rows of a version can be checked on any day; without a difference no version is added."""
    assert days.run(FIRST).nothing_new is None  # the inputs are copies in another folder
    assert days.run(FIRST).nothing_new is not None
    assert masked.numbers() == []
    checked = days.run(FIRST, checked_share=1.0)
    assert str(checked.nothing_new).endswith("as_of are the same; checked 13 sessions: equal")
    assert len(masked.numbers()) == 13
    dataset = Dataset(days.dataset)
    assert len(dataset.current["versions"]) == 2
    shard = dataset.part("data/")
    dataset.put_in(shard, (dataset.folder / shard).read_bytes()[:-1])
    masked.may_repeat = True  # to be compared, and then in place of the damaged rows
    repaired = days.run(FIRST, checked_share=1.0)
    assert repaired.nothing_new is None
    assert repaired.manifest.increment is not None
    assert repaired.manifest.increment["damaged"] == [shard]
    assert differing(repaired, days.rebuilt(FIRST)) == []


def test_what_was_erased_is_in_no_state_and_comes_back_by_no_run(days: Days, masked: Masked) -> None:
    """Keys of the state are bytes, not digits; the scan of the certificate finds those too."""
    user, conversation = HASHER.user("u3"), HASHER.conversation("c5")
    asked = Asked(frozenset([frozenset([user])]), frozenset([frozenset([conversation])]))
    done = forget(days.dataset, asked, KEY)
    assert done.certificate is not None
    assert done.certificate.scan is not None
    assert done.certificate.scan["found"] == 0
    gone = [HASHER.conversation(f"c{number}") for number in (3, 5, 7, 11)]
    version = Dataset(days.dataset)
    held = [
        row["conversation_key"]
        for n in (0, 1)
        for row in version.rows(version.part("restricted/state/rows-", n))
    ]
    assert len(held) == 9
    assert not set(gone) & set(held)
    assert [str(each) for each in verify(days.dataset, KEY).findings] == []
    second = days.run(SECOND)
    assert masked.numbers() == []
    assert second.manifest.increment is not None
    assert second.manifest.increment["sessions_taken"] == 9
    assert [str(each) for each in verify(days.dataset, KEY).findings] == []
