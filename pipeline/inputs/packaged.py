"""What comes with chatsieve: run configs, policy packs, de-identification configs, and the example."""

from __future__ import annotations

import importlib.resources
import shutil
from pathlib import Path
from typing import Literal

from schemas.errors import ConfigError, OutputError
from schemas.known_keys import closest

Kind = Literal["policies", "deid"]
_WORDS = {"policies": ("policy", "policy"), "deid": ("deid", "de-identification config")}


def packaged_folder(name: Literal["configs", "examples"]) -> Path:
    """The folder as installed: a wheel has it in the package `pipeline`, a clone beside it."""
    package = Path(str(importlib.resources.files("pipeline")))
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def packaged_names(kind: Kind) -> list[str]:
    """The names that a configuration can use instead of a path, sorted."""
    return sorted(path.stem for path in (packaged_folder("configs") / kind).glob("*.yaml"))


def packaged_file(kind: Kind, name: str) -> Path:
    """The file of one of `packaged_names`."""
    return packaged_folder("configs") / kind / f"{name}.yaml"


def check_found(kind: Kind, given: str, path: Path) -> None:
    """Raises ConfigError, listing the packaged names, if the file of a name without a slash is missing."""
    try:
        exists = path.exists()
    except (OSError, ValueError):  # longer than a file name can be, or with a null character
        exists = False
    if "/" not in given and not exists:
        names = packaged_names(kind)
        key, what = _WORDS[kind]
        guess = closest(given, names)
        meant = f"; did you mean {guess}?" if guess else ""
        raise ConfigError(f"{key}: {given}: neither a packaged {what} ({', '.join(names)}) nor a file{meant}")


def copy_demo(directory: Path) -> Path:
    """Copies configs of runs and the example into a new or empty folder; gives the run config.

    The layout is that of a clone. Manifests for other systems, which a clone has in configs/, are left out.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise OutputError(f"{directory}: is not empty; give a new folder")
        configs = packaged_folder("configs")
        _copy(configs, directory / "configs", ("*.yaml", "policies/*.yaml", "deid/*.yaml", "schemas/*.json"))
        _copy(packaged_folder("examples"), directory / "examples", ("**/*",))
    except OSError as error:
        raise OutputError(f"{directory}: cannot be written ({error.strerror})") from None
    return directory / "configs/demo.yaml"


def _copy(source: Path, target: Path, patterns: tuple[str, ...]) -> None:
    # Contents only: installed files may be read-only.
    for path in sorted(path for pattern in patterns for path in source.glob(pattern)):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
