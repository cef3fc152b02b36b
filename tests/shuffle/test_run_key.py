"""The key of a run: what is derived from it, what is sealed with it, and what a pickle of it holds."""

from __future__ import annotations

import hmac
import pickle
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from schemas.errors import ConfigError, PipelineError
from schemas.keys import key_id
from tests.support.graph_layers import places_of
from tests.support.source_files import HASHER, KEY_BYTES, RUN_KEY
from transforms.shuffle import run_key
from transforms.shuffle.run_key import KeyReference, KeySource, RunHasher, RunKey, key_of
from transforms.shuffle.steps import Step


def test_derived_keys_differ_by_run_and_purpose_and_not_by_process() -> None:
    """Blobs of another run cannot be opened, and every worker of one run has the same keys."""
    other = RunKey.new(RUN_KEY.reference)
    keys = [RUN_KEY.derived("spill"), RUN_KEY.derived("seal"), other.derived("spill"), KEY_BYTES]
    assert len(set(keys)) == 4
    assert {len(key) for key in keys} == {32}
    again = pickle.loads(pickle.dumps(RUN_KEY))  # noqa: S301 - pickled here
    assert again.derived("spill") == RUN_KEY.derived("spill")


def test_hkdf_is_that_of_the_standard() -> None:
    """RFC 5869: extract with the salt, then one block for one purpose."""
    extracted = hmac.digest(RUN_KEY.salt, KEY_BYTES, "sha256")
    assert RUN_KEY.derived("spill") == hmac.digest(extracted, b"chatsieve spill\x01", "sha256")


def test_a_pickled_hasher_gives_equal_digests_and_has_no_key() -> None:
    """Digests under the reference are those under the key."""
    sent = pickle.dumps(RunHasher(RUN_KEY))
    assert places_of({"key": KEY_BYTES, "derived": RUN_KEY.derived("seal")}, sent) == set()
    hasher = pickle.loads(sent)  # noqa: S301 - pickled here
    assert hasher.user("u1") == HASHER.user("u1")
    assert hasher.message_seed == HASHER.message_seed


def test_what_is_sealed_is_opened_by_the_same_run_only() -> None:
    """A pickle that someone else wrote, or changed, is not unpickled."""
    sealed = RUN_KEY.seal(("path/of-zebedee", 3))
    assert RUN_KEY.open(sealed) == ("path/of-zebedee", 3)
    assert b"zebedee" not in sealed
    assert RUN_KEY.seal("x") != RUN_KEY.seal("x")
    for data in (sealed[:-1] + bytes([sealed[-1] ^ 1]), pickle.dumps("forged"), b""):
        with pytest.raises((InvalidTag, ValueError)):
            RUN_KEY.open(data)
    with pytest.raises(InvalidTag):
        RunKey.new(RUN_KEY.reference).open(sealed)


class _Named(Step):
    def __init__(self, run_key: RunKey, name: str) -> None:
        super().__init__(run_key)
        self._name = name


def test_a_pickled_step_has_its_attributes_sealed() -> None:
    """A step with a new attribute needs no further care."""
    sent = pickle.dumps(_Named(RUN_KEY, "name-of-zebedee"))
    assert places_of({"name": b"name-of-zebedee", "key": KEY_BYTES}, sent) == set()
    again = pickle.loads(sent)  # noqa: S301 - pickled here
    assert (again._name, again.run_key) == ("name-of-zebedee", RUN_KEY)


def test_messages_name_the_source_and_no_argument_of_a_command() -> None:
    """The arguments can be a token."""
    source = KeySource("command", ("/usr/bin/false", "--token=sesame"))
    with pytest.raises(PipelineError) as caught:
        key_of(KeyReference(source, "0" * 16))
    assert str(caught.value) == (
        "a worker has no key: key_command /usr/bin/false: ended with exit code 1; run it by hand to see why; "
        "the run has the key with id 0000000000000000"
    )


def _command(script: str) -> KeySource:
    return KeySource("command", ("/bin/sh", "-c", script))


def test_the_output_of_a_command_is_the_key_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of it would be a key too. A command that never ends is killed, not waited for."""
    assert _command(f"echo {KEY_BYTES.hex()}").read() == KEY_BYTES
    assert _command(f"echo {KEY_BYTES.hex()}; sleep 60 >/dev/null &").read() == KEY_BYTES
    for endless in ("while :; do echo aaaaaaaaaaaaaaaa; done", "head -c 65537 /dev/zero | tr '\\0' a"):
        with pytest.raises(ConfigError, match="has more than 64 KiB"):
            _command(endless).read()
    with pytest.raises(ConfigError, match="expected 64 or more hex digits"):
        _command(f"echo {KEY_BYTES.hex()}; echo second").read()
    monkeypatch.setattr(run_key, "COMMAND_SECONDS", 0.2)
    for silent in ("exec sleep 60", "sleep 60 & exit 0", "exec >&-; exec sleep 60"):
        with pytest.raises(ConfigError, match="no answer in"):
            _command(silent).read()


def test_a_file_without_an_end_is_no_key() -> None:
    """It is not read until memory ends."""
    with pytest.raises(ConfigError, match="/dev/zero: has more than 64 KiB"):
        KeySource("file", ("/dev/zero",)).read()


def test_a_key_of_a_file_is_checked(tmp_path: Path) -> None:
    """A missing file and one without a key, in the driver and in a worker."""
    path = tmp_path / "key"
    source = KeySource("file", (str(path),))
    with pytest.raises(ConfigError, match=r"key_file cannot be read \(No such file or directory\)"):
        source.read()
    path.write_text("12")
    with pytest.raises(ConfigError, match="expected 64 or more hex digits"):
        source.read()
    path.write_text(KEY_BYTES.hex())
    assert key_id(source.read()) == key_id(KEY_BYTES)
    with pytest.raises(PipelineError, match=f"key_file {path} has the key with id {key_id(KEY_BYTES)}"):
        key_of(KeyReference(source, "0" * 16))
