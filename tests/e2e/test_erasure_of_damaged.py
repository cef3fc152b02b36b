"""A person can be erased although a version is damaged, forged or has another key; none is skipped."""

from __future__ import annotations

import errno
import hashlib
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.commands.erasure_keys import keys_asked
from pipeline.commands.forget import forget
from pipeline.commands.verify import verify
from schemas.errors import InputError, PipelineError
from schemas.keys import key_id
from schemas.manifest import decode, encode
from tests.e2e.test_erasure import (  # noqa: F401 - fixtures
    AGAIN,
    dataset,
    eligible,
    erase,
    places_of,
    two_versions,
    verified,
    versions,
)
from tests.support.command import Corpus, chatsieve
from tests.support.forging import Dataset
from transforms.storage import operations
from transforms.storage.operations import FileOperations

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
Damage = Callable[[Path], None]


def _first(folder: Path, start: str) -> Path:
    return min(folder.glob(f"{start}*"))


def _replaced(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def _changed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    _replaced(path, bytes(data))


DAMAGES: dict[str, Damage] = {
    "shard missing": lambda folder: _first(folder, "data/").unlink(),
    "shard cut": lambda folder: _replaced(_first(folder, "data/"), b"PAR1"),
    "shard of another place": lambda folder: _replaced(
        _first(folder, "data/"), max(folder.glob("data/*")).read_bytes()
    ),
    "sessions missing": lambda folder: _first(folder, "restricted/sessions").unlink(),
    "ledger rubbish": lambda folder: _replaced(_first(folder, "ledger/"), b"rubbish"),
    "ledger of equal size": lambda folder: _changed(_first(folder, "ledger/")),
    "quarantine missing": lambda folder: _first(folder, "quarantine/").unlink(),
    "manifest missing": lambda folder: (folder / "manifest.json").unlink(),
    "manifest changed": lambda folder: _replaced(folder / "manifest.json", b"{}"),
}


def _refused(corpus: Corpus, dataset: Path, *arguments: object) -> str:  # noqa: F811 - the fixture's value
    """The message of a `forget` that is refused and leaves everything as it was."""
    before = {path: path.lstat().st_ino for path in dataset.rglob("*")}
    key = ("--key-file", corpus.path / "chatsieve.key")
    done = chatsieve("forget", dataset, *arguments, *key)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    after = {path: path.lstat().st_ino for path in dataset.rglob("*")}
    assert after == before
    return done.stderr


def _command_in(message: str) -> list[str]:
    """The gc command that a message gives."""
    return shlex.split(message[message.index("`chatsieve gc") :].split("`")[1])[1:]


@pytest.mark.parametrize("damage", sorted(DAMAGES))
def test_an_older_version_that_is_damaged_is_named_and_can_be_removed(
    corpus: Corpus,
    dataset: Path,  # noqa: F811
    damage: str,
) -> None:
    """The message has the command: after it the person is erased from all that is left."""
    row = eligible(corpus)[0]
    key = corpus.key_of(row["conversation_id"])
    DAMAGES[damage](dataset / versions(dataset)[0]["folder"])
    told = _refused(corpus, dataset, "--user", row["user_id"])
    assert versions(dataset)[0]["folder"] in told
    assert "nothing was erased" in told
    done = chatsieve(*_command_in(told))
    assert done.returncode == 0, done.stderr
    erase(corpus, dataset, "--user", row["user_id"])
    assert [one["version"] for one in versions(dataset)] == [2]
    assert places_of(dataset, key) == []
    assert verified(corpus, dataset)


@pytest.mark.parametrize(
    ("damage", "options"),
    [
        ("ledger rubbish", ()),
        ("manifest missing", ()),
        ("ledger of equal size", ("--rebuild",)),
        ("shard of another place", ("--rebuild",)),
    ],
)
def test_the_current_version_that_is_damaged_is_replaced_by_a_run_and_removed(
    corpus: Corpus,
    dataset: Path,  # noqa: F811
    damage: str,
    options: tuple[str, ...],
) -> None:
    """A run does not need the version before it: `run`, `gc`, `forget`."""
    row = eligible(corpus)[0]
    DAMAGES[damage](dataset / versions(dataset)[1]["folder"])
    told = _refused(corpus, dataset, "--user", row["user_id"])
    assert "write a new version with `chatsieve run --rebuild`" in told
    done = chatsieve("run", "-c", corpus.config, "--output", dataset, "--quiet", *AGAIN, *options)
    assert done.returncode == 0, done.stderr
    done = chatsieve(*_command_in(told))
    assert done.returncode == 0, done.stderr
    erase(corpus, dataset, "--user", row["user_id"])
    assert places_of(dataset, corpus.key_of(row["conversation_id"])) == []
    assert verified(corpus, dataset)


def test_a_version_of_another_key_is_refused_and_never_skipped(corpus: Corpus, dataset: Path) -> None:  # noqa: F811
    """Under another key no id is found in it: the certificate would be false."""
    row = eligible(corpus)[0]
    other = b"\xa7" * 32
    forged = Dataset(dataset)
    entry = versions(dataset)[0]
    manifest = decode((dataset / entry["folder"] / "manifest.json").read_bytes())
    data = encode(msgspec.structs.replace(manifest, key_id=key_id(other)), other)
    forged.put(f"{entry['folder']}/manifest.json", data)
    digest = hashlib.sha256(data).hexdigest()
    forged.set_current(lambda found: found["versions"][0].update(manifest_sha256=digest))
    told = _refused(corpus, dataset, "--user", row["user_id"])
    assert "was made with another key" in told
    assert chatsieve(*_command_in(told)).returncode == 0
    erase(corpus, dataset, "--user", row["user_id"])
    assert verified(corpus, dataset)


def test_a_forged_version_is_not_sealed_again(corpus: Corpus, dataset: Path) -> None:  # noqa: F811
    """`forget` has the key: a forgery that it rewrote would verify from then on."""
    forged = Dataset(dataset)
    forged.set_manifest(lambda found: found.update(known_until="2020-01-01T00:00:00Z"))
    told = _refused(corpus, dataset, "--user", eligible(corpus)[0]["user_id"])
    assert "HMAC" in told


@pytest.mark.parametrize("kind", ["rubbish.parquet", "link"])
def test_a_file_that_cannot_be_searched_is_no_proof_of_absence(
    corpus: Corpus,
    dataset: Path,  # noqa: F811
    kind: str,
) -> None:
    """The erasure counts and ends; the certificate and `verify` tell that something is left to look at."""
    if kind == "link":
        (dataset / "link").symlink_to("/etc/hostname")
    else:
        (dataset / kind).write_bytes(b"rubbish")
    certificate = erase(corpus, dataset, "--user", eligible(corpus)[0]["user_id"])
    assert certificate["scan"]["found"] == 1
    assert not verified(corpus, dataset)
    os.remove(dataset / kind)  # noqa: PTH107
    assert chatsieve("gc", dataset, "--keep", 5, "--quiet").returncode == 0
    assert verified(corpus, dataset)


class _Failing(FileOperations):
    def __init__(self, number: int) -> None:
        self._number = number

    def read(self, path: str) -> bytes:
        if self._number == errno.EACCES and "/restricted/" in path:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), path)
        return super().read(path)

    def write(self, descriptor: int, data: memoryview) -> int:
        if self._number == errno.ENOSPC and len(data) > 2000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(descriptor, data)


@pytest.mark.parametrize(
    ("number", "failure", "told"),
    [
        (errno.EACCES, InputError, "cannot be read (Permission denied); run this as its owner"),
        (errno.ENOSPC, PipelineError, "(No space left on device); nothing was erased; repeat the command"),
    ],
)
def test_a_reader_without_rights_and_a_full_disk_are_not_called_damage(
    corpus: Corpus,
    dataset: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    failure: type[Exception],
    told: str,
) -> None:
    """A message about damage advises to remove versions. Missing rights must not cause that advice."""
    key = bytes.fromhex((corpus.path / "chatsieve.key").read_text().strip())
    before = (dataset / "CURRENT").read_bytes(), sorted(os.listdir(dataset))  # noqa: PTH208
    asked = keys_asked([eligible(corpus)[0]["user_id"]], [], None, key)
    monkeypatch.setattr(operations, "OPERATIONS", _Failing(number))
    with pytest.raises(failure) as found:
        forget(dataset, asked, key)
    assert told in str(found.value)
    assert "gc" not in str(found.value)
    assert ((dataset / "CURRENT").read_bytes(), sorted(os.listdir(dataset))) == before  # noqa: PTH208


def test_verify_does_not_call_a_folder_missing_that_it_may_not_read(
    dataset: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Members of the group may read a dataset, but not `restricted/`."""
    scan, access = os.scandir, os.access

    def scandir(path: Any = ".") -> Any:
        if str(path).endswith("/restricted"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(
        os, "access", lambda path, mode: "/restricted" not in str(path) and access(path, mode)
    )
    found = {each.what for each in verify(dataset).findings if each.where.startswith("restricted/")}
    assert found == {"cannot be read: permission denied for its folder; run this as its owner"}
