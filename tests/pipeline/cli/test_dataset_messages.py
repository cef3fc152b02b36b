"""What commands print of a dataset: one line a fault, and nothing that a terminal obeys."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.erasure_keys import keys_asked
from pipeline.commands.verify import verify
from pipeline.dataset.catalog import CURRENT
from schemas.errors import ConsentError
from tests.pipeline.dataset.test_writer import committed
from tests.support.command import chatsieve
from tests.support.forging import linked_copy

_FORGED = "\x1b]0;title\x07\x1b[2J\x9b31m\r\n* 9"


def _is_plain(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def _change(path: Path, change: Any) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    path.unlink()
    path.write_text(json.dumps(document))


def test_escape_sequences_of_a_forged_catalog_are_printed_as_escapes(tmp_path: Path) -> None:
    """A forged CURRENT must not send control sequences to the terminal."""
    committed(tmp_path / "out")
    _change(tmp_path / "out" / CURRENT, lambda found: found["versions"][0].update(at=_FORGED, why=_FORGED))
    done = chatsieve("versions", tmp_path / "out")
    assert done.returncode == 0
    assert _is_plain(done.stdout)
    assert len(done.stdout.splitlines()) == 1
    assert "\\x1b]0;title" in done.stdout
    listed = json.loads(chatsieve("versions", tmp_path / "out", "--json").stdout)
    assert listed["versions"][0]["why"] == _FORGED


@pytest.mark.parametrize("place", ["policy", "as_of", "path"])
def test_escape_sequences_of_a_forged_manifest_are_printed_as_escapes(
    finished: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path, place: str
) -> None:
    """`diff` prints fields of two manifests in a table, `verify` names of files and their faults."""
    out = linked_copy(finished[0], tmp_path / "out")

    def forge(found: dict[str, Any]) -> None:
        if place == "policy":
            found["policy"]["id"] = found["kind"] = _FORGED
        elif place == "as_of":
            found["as_of"] = found["known_until"] = _FORGED
        else:
            found["files"][0]["path"] = f"data/{_FORGED}"

    _change(out / "latest/manifest.json", forge)
    for command in (("diff", out, finished[0]), ("verify", out), ("verify", f"{out}@1")):
        done = chatsieve(*command)
        assert done.returncode in (0, 1)
        assert _is_plain(done.stdout + done.stderr)


@pytest.mark.parametrize("name", ["a\nb", "red\x1b[31m", "\x07", "\u202eevil"])
def test_a_dataset_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Messages have one line; `path` prints the very name, for scripts."""
    path = tmp_path / name
    folder = committed(path).folder
    done = chatsieve("path", path)
    assert (done.returncode, done.stdout) == (0, f"{folder}\n")
    for command in (
        ("versions", path),
        ("gc", path, "--keep", 1),
        ("verify", path),
        ("path", f"{path}@7"),
        ("path", f"{path}x"),
        ("forget", path, "--user", "u", "--key-file", path / "none"),
    ):
        done = chatsieve(*command)
        assert "internal error" not in done.stderr
        assert _is_plain(done.stdout + done.stderr)
        if command[0] != "verify":
            assert len((done.stdout + done.stderr).splitlines()) == 1


@pytest.mark.parametrize("number", ["x", "", "1.5", "-1", "1 ", "9" * 30, "latest", "١"])
def test_what_is_no_number_after_the_at_sign_is_told(tmp_path: Path, number: str) -> None:
    """`out@x` has a CURRENT; what is wrong is the version."""
    path = tmp_path / "out"
    committed(path)
    for command in (("path",), ("verify",), ("versions",), ("gc", "--keep", 1)):
        done = chatsieve(command[0], f"{path}@{number}", *command[1:])
        assert done.returncode == 2
        assert done.stderr.startswith(f"chatsieve: {path}@")
        assert f"expected the number of a version after @, such as {path}@1" in done.stderr
    assert f"no {CURRENT}" in chatsieve("path", f"{tmp_path}/none@x").stderr
    assert f"{path}: has no version 0; it holds 1" in chatsieve("path", f"{path}@0").stderr


def test_a_command_on_the_whole_dataset_names_it_if_a_version_is_given(tmp_path: Path) -> None:
    """gc of one version has no meaning."""
    committed(tmp_path / "out")
    for command in (("versions",), ("gc", "--keep", 1)):
        done = chatsieve(command[0], tmp_path / "out@1", *command[1:])
        assert done.returncode == 2
        assert f"names a version; this command takes the dataset, {tmp_path / 'out'}" in done.stderr


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("claims", "file", "claims: expected a folder; move it elsewhere"),
        ("claims", "link", "claims: expected a folder; move it elsewhere"),
        ("erasures", "file", "erasures: expected a folder; move it elsewhere"),
        ("claims/0002", "folder", "claims/0002: is not a claim of chatsieve; remove it"),
        ("claims/0002", "link", "claims/0002: is not a claim of chatsieve; remove it"),
        ("claims/0002", "pipe", "claims/0002: is not a claim of chatsieve; remove it"),
        ("claims/0002", "file", "claims/0002: is not a claim of chatsieve; remove it"),
        ("latest", "folder", "latest: expected a link to the current version; move it elsewhere"),
        (CURRENT, "folder", f"{CURRENT}: cannot be read as a file"),
        (CURRENT, "pipe", f"{CURRENT}: cannot be read as a file"),
        (CURRENT, "link", f"{CURRENT}: cannot be read as a file"),
    ],
)
def test_something_else_in_a_place_of_the_dataset_is_named(
    tmp_path: Path, name: str, kind: str, told: str
) -> None:
    """A pipe must not be waited for, and a link must not be followed."""
    path = tmp_path / "out"
    committed(path)
    place = path / name
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    if kind == "folder":
        (place / "x").mkdir(parents=True)
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "link":
        place.symlink_to(tmp_path)
    else:
        place.write_text("rubbish")
    done = chatsieve("gc", path, "--keep", 1)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert told in done.stderr


def test_other_rubbish_among_claims_keeps_nobody_out(tmp_path: Path) -> None:
    """Only the claim of the next version matters. Nothing there is removed that is not chatsieve's."""
    path = tmp_path / "out"
    committed(path)
    (path / "claims").mkdir()
    (path / "claims/0009").symlink_to(tmp_path)
    os.mkfifo(path / "claims/0008")
    (path / "claims/0007").write_text("rubbish")
    assert chatsieve("gc", path, "--keep", 1).returncode == 0
    assert sorted(os.listdir(path / "claims")) == ["0007", "0008", "0009"]  # noqa: PTH208


@pytest.mark.parametrize("name", ["claims/0003", "claims/Anna", "erasures/0003-abcdef.keys", "Anna"])
def test_verify_names_the_folder_and_masks_what_could_be_a_person(tmp_path: Path, name: str) -> None:
    """What is in `claims/` can be found and removed."""
    path = tmp_path / "out"
    committed(path)
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).write_text("rubbish")
    (where,) = {each.where for each in verify(path).findings if each.what == "is no part of the dataset"}
    assert where.partition("/")[0] == (name.partition("/")[0] if "/" in name else "<NAME>")
    assert "Anna" not in where
    assert where == name or "<NAME>" in where or "abcdef" in name


@pytest.mark.parametrize("kind", ["conversations", "", "User"])
def test_a_bad_kind_of_an_erasure_list_has_its_row(tmp_path: Path, kind: str) -> None:
    """A list has thousands of rows."""
    path = tmp_path / "list.csv"
    path.write_text(f"kind,id\nuser,u1\n{kind},c1\n")
    with pytest.raises(ConsentError, match=r"row 2.*neither user nor conversation"):
        keys_asked([], [], path, b"k" * 32)
