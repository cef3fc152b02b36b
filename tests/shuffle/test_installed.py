"""The digest of the installed package: what changes it, and what does not."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest

from schemas.errors import PipelineError
from transforms.shuffle import installed
from transforms.shuffle.installed import SamePackage, installed_digest

ROOT = Path(installed.__file__).parents[2]


def _digest(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The digest of a copy of the package."""
    monkeypatch.setattr(installed, "__file__", str(root / "transforms/shuffle/installed.py"))
    return installed_digest.__wrapped__()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package in another folder, as in another environment."""
    for name in ("pipeline", "schemas", "transforms"):
        ignore = shutil.ignore_patterns("__pycache__", "training")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    return tmp_path


def test_the_same_files_elsewhere_have_the_same_digest(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the folder, nor bytecode, nor what workers do not need is part of it."""
    (copy / "schemas/__pycache__").mkdir()
    (copy / "schemas/__pycache__/x.py").write_text("1")
    (copy / "pipeline/configs").mkdir()
    (copy / "pipeline/configs/x.py").write_text("1")
    (copy / "transforms/deid/model/README.md").write_text("other")
    assert _digest(copy, monkeypatch) == installed_digest()


@pytest.mark.parametrize(
    "name",
    [
        "schemas/keys.py",
        "pipeline/graph.py",
        "transforms/decide/rules.py",
        "transforms/deid/model/weights.npz",
        "transforms/deid/model/gate.json",
        "transforms/deid/rules/provider_secrets.yaml",
        "transforms/deid/people/new_names.txt",
    ],
)
def test_code_models_and_word_lists_are_part_of_the_digest(
    copy: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """One byte of any of them can change what is written."""
    with (copy / name).open("ab") as file:
        file.write(b"\n")
    assert _digest(copy, monkeypatch) != installed_digest()


def test_another_package_refuses_to_unpickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever unpickles a step checks first; the same package passes."""
    sent = pickle.dumps(SamePackage())
    assert isinstance(pickle.loads(sent), SamePackage)  # noqa: S301 - pickled above
    monkeypatch.setattr(installed, "installed_digest", lambda: "f" * 64)
    with pytest.raises(
        PipelineError, match="a worker has another chatsieve \\(digest ffffffffffff, the run has"
    ):
        pickle.loads(sent)  # noqa: S301 - pickled above
