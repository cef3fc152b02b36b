"""Laws of the source tree that import-linter cannot check: Beam, sizes, packages and names."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ("schemas", "transforms", "pipeline", "chatsieve")
MOST_LINES = 300
MOST_FILES = 25

#: Takes the root of a tree and gives what breaks the law.
Law = Callable[[Path], list[str]]


def modules_below(root: Path, *folders: str) -> Iterator[Path]:
    """Every Python file below the folders, relative to the root, in order."""
    for folder in folders:
        yield from sorted(path.relative_to(root) for path in (root / folder).rglob("*.py"))


def imports_beam(source: str) -> bool:
    """True if a module imports Apache Beam anywhere, also within a function."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        if any(name.split(".")[0] == "apache_beam" for name in names):
            return True
    return False


def may_import_beam(path: Path) -> bool:
    """True for the stages, the graph and the runners."""
    if path.parts[0] == "transforms":
        return path.name == "stage.py"
    return path == Path("pipeline/graph.py") or path.parts[:2] == ("pipeline", "runners")


def beam_outside_of_stages(root: Path) -> list[str]:
    """Modules that import Beam and may not."""
    return [
        str(path)
        for path in modules_below(root, *SOURCES)
        if not may_import_beam(path) and imports_beam((root / path).read_text(encoding="utf-8"))
    ]


def long_files(root: Path) -> list[str]:
    """Files of more than MOST_LINES lines."""
    return [
        str(path)
        for path in modules_below(root, *SOURCES)
        if len((root / path).read_text(encoding="utf-8").splitlines()) > MOST_LINES
    ]


def full_folders(root: Path) -> list[str]:
    """Folders that hold more than MOST_FILES Python files themselves."""
    found: dict[Path, int] = {}
    for path in modules_below(root, *SOURCES):
        found[path.parent] = found.get(path.parent, 0) + 1
    return [str(folder) for folder, count in found.items() if count > MOST_FILES]


def unexplained_packages(root: Path) -> list[str]:
    """Folders of `transforms` without an `__init__.py` that contains only a docstring."""
    found = []
    for folder in sorted({path.parent for path in modules_below(root, "transforms")}):
        file = root / folder / "__init__.py"
        tree = ast.parse(file.read_text(encoding="utf-8")) if file.exists() else ast.parse("")
        if len(tree.body) != 1 or not (ast.get_docstring(tree) or "").strip():
            found.append(str(folder))
    return found


def prefixed_names(root: Path) -> list[str]:
    """Modules and folders that are named like the folder around them, or have its name as a prefix."""
    paths = {part for path in modules_below(root, *SOURCES) for part in (path, *path.parents[:-2])}
    return sorted(
        str(path)
        for path in paths
        if path.stem == path.parent.name or path.stem.startswith(f"{path.parent.name}_")
    )


LAWS = [beam_outside_of_stages, long_files, full_folders, unexplained_packages, prefixed_names]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_tree_keeps_the_law(law: Law) -> None:
    """A stranger finds a file by the folder's name, and tests a transform without a runner."""
    assert law(ROOT) == []


def tree(root: Path, files: dict[str, str]) -> Path:
    """A small tree that keeps every law, with these files added or replaced."""
    whole = {
        "schemas/__init__.py": "",
        "transforms/__init__.py": '"""Stages."""\n',
        "transforms/read/__init__.py": '"""Reads."""\n',
        "transforms/read/stage.py": "import apache_beam as beam\n",
        "transforms/read/sessions.py": '"""Not apache_beam: import apache_beam is only text here."""\n',
        "pipeline/__init__.py": "",
        "pipeline/graph.py": "from apache_beam.typehints import Tuple\n",
        "pipeline/runners/__init__.py": "",
        "pipeline/runners/direct.py": "import apache_beam\n",
        **files,
    }
    for name, text in whole.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_a_tree_that_keeps_the_laws_has_no_finding(tmp_path: Path) -> None:
    """Both limits are inclusive, and stages, the graph and runners may import Beam."""
    files = {f"transforms/read/part{number}.py": "" for number in range(MOST_FILES - 3)}
    files["schemas/tables.py"] = "\n" * MOST_LINES
    whole = tree(tmp_path, files)
    assert [law(whole) for law in LAWS] == [[]] * len(LAWS)


@pytest.mark.parametrize(
    ("law", "files", "found"),
    [
        (beam_outside_of_stages, {"transforms/read/sessions.py": "import apache_beam"}, ["sessions.py"]),
        (beam_outside_of_stages, {"transforms/read/units.py": "from apache_beam import io"}, ["units.py"]),
        (beam_outside_of_stages, {"transforms/a.py": "def f():\n    import apache_beam.io as io"}, ["a.py"]),
        (beam_outside_of_stages, {"pipeline/commands/run.py": "import json, apache_beam"}, ["run.py"]),
        (beam_outside_of_stages, {"pipeline/stage.py": "import apache_beam"}, ["stage.py"]),
        (beam_outside_of_stages, {"schemas/tables.py": "import apache_beam"}, ["tables.py"]),
        (long_files, {"schemas/tables.py": "\n" * (MOST_LINES + 1)}, ["tables.py"]),
        (full_folders, {f"pipeline/cli/c{n}.py": "" for n in range(MOST_FILES + 1)}, ["cli"]),
        (unexplained_packages, {"transforms/read/__init__.py": ""}, ["read"]),
        (unexplained_packages, {"transforms/read/__init__.py": '"""Reads."""\nimport os'}, ["read"]),
        (unexplained_packages, {"transforms/read/__init__.py": "import os"}, ["read"]),
        (unexplained_packages, {"transforms/output/rows.py": ""}, ["output"]),
        (prefixed_names, {"transforms/read/read_files.py": ""}, ["read_files.py"]),
        (prefixed_names, {"transforms/read/read.py": ""}, ["read.py"]),
        (prefixed_names, {"transforms/read/read_json/__init__.py": '"""Reads."""'}, ["read_json"]),
    ],
)
def test_a_planted_counter_example_is_found(
    tmp_path: Path, law: Law, files: dict[str, str], found: list[str]
) -> None:
    """A checker that finds nothing holds no law."""
    assert [Path(path).name for path in law(tree(tmp_path, files))] == found
