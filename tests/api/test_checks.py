"""`explain` and `verify` give what the commands print."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import chatsieve
from tests.api.conftest import state_of_process
from tests.support.command import Corpus
from tests.support.command import chatsieve as command


@pytest.fixture
def conversation(logs: Corpus) -> str:
    """The id of an eligible conversation."""
    return str(next(each["conversation_id"] for each in logs.truth() if each["decision"] == "eligible"))


def test_an_explanation_is_that_of_the_command(logs: Corpus, by_command: Path, conversation: str) -> None:
    """The same document, and the process is left as it was, although a model masked the session."""
    done = command("explain", conversation, "-c", logs.config, "--run", by_command, "--json")
    before = state_of_process()
    found = chatsieve.explain(conversation, logs.config, run=by_command)
    assert state_of_process() == before
    assert found.document == json.loads(done.stdout)
    assert (found.decision, found.reason, found.ledger_agrees) == ("eligible", "eligible", True)
    assert found.conversation_key == logs.key_of(conversation)
    from_ledger = chatsieve.explain(found.conversation_key, run=by_command)
    assert (from_ledger.decision, from_ledger.ledger_agrees) == ("eligible", None)


def test_an_unknown_conversation_is_refused_without_its_id(logs: Corpus, by_command: Path) -> None:
    """The id is a raw one."""
    with pytest.raises(chatsieve.InputError) as caught:
        chatsieve.explain("CANARY", logs.config)
    assert "CANARY" not in str(caught.value)
    with pytest.raises(chatsieve.ConfigError, match="expected a configuration, or run"):
        chatsieve.explain("CANARY")
    with pytest.raises(chatsieve.ConfigError, match="run excludes as_of and policy"):
        chatsieve.explain("CANARY", logs.config, run=by_command, as_of="2026-03-01T00:00:00Z")


def test_a_version_is_verified_with_its_key(logs: Corpus, by_command: Path) -> None:
    """Everything is checked, HMACs too; without a key, the result has what was not."""
    key = (logs.path / "chatsieve.key").read_text().strip()
    before = state_of_process()
    found = [
        chatsieve.verify(by_command, key=key),
        chatsieve.verify(f"{by_command}@1", key=bytes.fromhex(key)),
        chatsieve.verify(by_command, key_file=logs.path / "chatsieve.key"),
    ]
    assert state_of_process() == before
    assert found[0] == found[1] == found[2]
    assert (found[0].ok, found[0].exit_code, found[0].not_checked) == (True, 0, {})
    assert found[0].name == f"{by_command}@1"
    assert "hmac" in chatsieve.verify(by_command).not_checked
    assert key not in repr(found)


def test_findings_are_those_of_the_command(by_command: Path, tmp_path: Path) -> None:
    """A damaged file and a wrong key are findings, and no exception."""
    shutil.copytree(by_command, tmp_path / "data", symlinks=True)
    shard = Path(chatsieve.open_dataset(tmp_path / "data").files[0])
    shard.write_bytes(shard.read_bytes()[:-9] + b"CANARY" * 2)
    done = command("verify", tmp_path / "data", "--json")
    found = chatsieve.verify(tmp_path / "data")
    findings = [{"kind": one.kind, "where": one.where, "what": one.what} for one in found.findings]
    assert findings == json.loads(done.stdout)["findings"] != []
    assert (found.ok, found.exit_code, done.returncode) == (False, 1, 1)
    assert "CANARY" not in repr(found)
    assert any("HMAC" in one.what for one in chatsieve.verify(by_command, key="0f" * 32).findings)


def test_what_cannot_be_verified_is_refused(by_command: Path) -> None:
    """No dataset, no key."""
    with pytest.raises(chatsieve.InputError, match="no CURRENT"):
        chatsieve.verify("nothing")
    with pytest.raises(chatsieve.ConfigError, match="exclude each other"):
        chatsieve.verify(by_command, key="0f" * 32, key_file="file")
    with pytest.raises(chatsieve.ConfigError, match="expected 64 or more hex digits"):
        chatsieve.verify(by_command, key="CANARY")
