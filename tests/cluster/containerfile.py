"""The steps of a Containerfile, run without a container engine: each stage is a folder."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

#: Runs a command in a root with an environment, and raises if it fails.
Run = Callable[[Path, str, Mapping[str, str]], None]
_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclasses.dataclass
class Stage:
    """A built stage: its root, and what a container of it starts with. `user`: user and group id."""

    root: Path
    environment: dict[str, str]
    user: tuple[int, int] = (0, 0)
    folder: str = "/"
    entrypoint: list[str] = dataclasses.field(default_factory=list)


def steps_of(text: str) -> list[tuple[str, str]]:
    """(instruction, arguments) of each step, with continued lines joined and comments removed."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    steps = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        name, _, arguments = line.partition(" ")
        steps.append((name, arguments.strip()))
    return steps


def build(
    text: str, context: Path, bases: Mapping[str, Callable[[Path], None]], folder: Path, run: Run
) -> dict[str, Stage]:
    """The stages by name, each built in a folder of its own below `folder`.

    `bases`: for each base image, a function that makes its root in an empty folder. Raises ValueError for a
    step that is not supported, so that no step is left out.
    """
    arguments: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for name, rest in steps_of(text):
        if name == "ARG":
            variable, _, value = rest.partition("=")
            arguments[variable] = value
        elif name == "FROM":
            base, _, label = _filled(rest, arguments).partition(" AS ")
            stage = stages[label] = _started(base, stages, bases, folder / label)
        elif stage is None:
            raise ValueError(f"{name} before FROM")
        elif name == "RUN":
            run(stage.root, rest, stage.environment)
        else:
            _apply(stage, name, rest, context, stages)
    return stages


def _started(
    base: str, stages: Mapping[str, Stage], bases: Mapping[str, Callable[[Path], None]], root: Path
) -> Stage:
    if base in stages:
        before = stages[base]
        shutil.copytree(before.root, root, symlinks=True)
        return dataclasses.replace(before, root=root, environment=dict(before.environment))
    if base not in bases:
        raise ValueError(f"FROM {base}: not a known image")
    root.mkdir(parents=True)
    bases[base](root)
    return Stage(root, {"PATH": "/usr/local/bin:/usr/bin:/bin"})


def _apply(stage: Stage, name: str, rest: str, context: Path, stages: Mapping[str, Stage]) -> None:
    if name == "ENV":
        for pair in shlex.split(rest):
            variable, _, value = pair.partition("=")
            stage.environment[variable] = value
    elif name == "USER":
        user, group = rest.split(":")
        stage.user = (int(user), int(group))
    elif name == "WORKDIR":
        stage.folder = rest
        (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
    elif name == "ENTRYPOINT":
        stage.entrypoint = json.loads(rest)
    elif name == "COPY":
        *options, source, target = rest.split()
        start = context
        if options:
            (option,) = options
            start = stages[option.removeprefix("--from=")].root
        _copy(start / source.lstrip("/"), stage.root / target.lstrip("/"))
    else:
        raise ValueError(f"{name}: not a supported step")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _filled(text: str, arguments: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: arguments[found[1]], text)
