"""The promised names: all there, all on the page, typed, and instant to import."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import chatsieve

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/python.md"
#: Methods of RecordFile that are promised; the others are those of a Source.
RECORD_FILE = ("records", "recognizes")
HEAVY = ("apache_beam", "spacy", "pyarrow", "numpy", "pydantic", "presidio_analyzer", "typer", "polars")


def signatures() -> Iterator[str]:
    """Every promised function, class to call and method, as the page has it."""
    for name in chatsieve.__all__:
        found = getattr(chatsieve, name)
        if not isinstance(found, type):
            yield f"{name}{shown(found)}"
        elif name in ("Rows", "Scrubber"):
            if name == "Scrubber":
                yield f"{name}{shown(found.__init__)}"
            methods = [each for each in vars(found) if not each.startswith("_")]
            for method in methods:
                if inspect.isfunction(inspect.getattr_static(found, method)):
                    yield f"{name}.{method}{shown(getattr(found, method))}"


def shown(function: Any) -> str:
    """(a, *, b=None): without annotations and self."""
    parameters = [
        each.replace(annotation=inspect.Parameter.empty)
        for each in inspect.signature(function).parameters.values()
        if each.name != "self"
    ]
    return str(inspect.Signature(parameters))


def test_every_promised_name_is_there_and_listed() -> None:
    """A star import, dir and attributes give the same names."""
    given: dict[str, Any] = {}
    exec("from chatsieve import *", given)  # noqa: S102 - the statement is the subject
    assert given.keys() - {"__builtins__"} == set(chatsieve.__all__)
    assert set(chatsieve.__all__) <= set(dir(chatsieve))
    with pytest.raises(AttributeError, match="no attribute 'no_such'"):
        _ = chatsieve.no_such  # type: ignore[attr-defined]


def test_every_name_is_described() -> None:
    """In its docstring and under a heading of the page; errors in the table."""
    page = PAGE.read_text(encoding="utf-8")
    for name in chatsieve.__all__:
        found = getattr(chatsieve, name)
        assert inspect.getdoc(found)
        is_error = isinstance(found, type) and issubclass(found, chatsieve.ChatsieveError)
        heading = re.search(rf"^### {name}$", page, re.M)
        assert heading or (is_error and re.search(rf"\b{name}\b", page)), name


def test_the_page_has_every_signature() -> None:
    """A keyword that is renamed, added or given another default changes the promise, and so the page."""
    page = re.sub(r"\s+", " ", PAGE.read_text(encoding="utf-8"))
    found = list(signatures())
    assert len(found) > 12
    assert [each for each in found if each.replace("'", '"') not in page.replace("'", '"')] == []


def test_the_page_has_every_field_of_the_results() -> None:
    """What a result has is promised too."""
    page = PAGE.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", page, re.M | re.S))
    for name in ("Result", "Explanation", "Verification", "Finding", "Scrubbed", "Span", "Session"):
        kind = getattr(chatsieve, name)
        fields = [*kind.__dataclass_fields__, *(k for k, v in vars(kind).items() if isinstance(v, property))]
        assert [field for field in fields if f"`{field}`" not in sections[name]] == []


def test_the_import_is_instant() -> None:
    """Whoever only opens a dataset must not wait for Beam and spaCy; nothing of the process changes."""
    code = (
        "import gc, logging, signal, sys, warnings, json; filters = list(warnings.filters)\n"
        "before, frozen = set(sys.modules), gc.get_freeze_count()\n"
        "import chatsieve; loaded = set(sys.modules) - before\n"
        "print(json.dumps([sorted(loaded), filters == warnings.filters, logging.root.handlers,\n"
        "  signal.getsignal(signal.SIGINT) is signal.default_int_handler, gc.get_freeze_count() - frozen]))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.stderr == ""
    loaded, *rest = json.loads(done.stdout)
    assert rest == [True, [], True, 0]
    assert not [name for name in loaded if name.split(".")[0] in HEAVY]
    ours = [
        name for name in loaded if name.split(".")[0] in ("chatsieve", "schemas", "transforms", "pipeline")
    ]
    assert ours == ["chatsieve", "schemas", "schemas.errors"]


def test_no_module_has_a_promised_name() -> None:
    """The import of a module sets an attribute of the package: it would hide the function."""
    modules = {path.stem for path in (ROOT / "chatsieve").glob("*.py")}
    assert not modules & set(chatsieve.__all__)
    for name in modules - {"__init__"}:
        importlib.import_module(f"chatsieve.{name}")
    assert inspect.isfunction(chatsieve.run)


USER = """
import datetime as dt
from collections.abc import Iterator

import chatsieve


class Tabs(chatsieve.RecordFile):
    def records(self, path: str) -> Iterator[dict[str, object]]:
        with chatsieve.open_stream(path) as file:
            for line in file:
                yield {"conversation_id": line.decode()}


def nightly() -> int:
    try:
        result = chatsieve.run("run.yaml", as_of=dt.datetime.now(dt.UTC), set={"output.shards": 8})
    except chatsieve.NotReadyError as error:
        return error.exit_code
    reveal_type(result.by_reason)
    reveal_type(chatsieve.verify(result.dataset).findings)
    reveal_type(chatsieve.explain("c1", {"inputs": []}).clause)
    with chatsieve.Scrubber() as scrubber:
        reveal_type(scrubber.scrub("text"))
        reveal_type(next(scrubber.scrub_many(["text"])))
    reveal_type(chatsieve.open_dataset("out/demo@2").ledger.columns)
    for session in chatsieve.read_sessions("log.jsonl"):
        reveal_type(session)
    return result.exit_code


chatsieve.run(3)
"""
REVEALED = [
    "typing.Mapping[str, int]",
    "tuple[chatsieve.verifications.Finding, ...]",
    "str | None",
    "chatsieve.scrubbers.Scrubbed",
    "chatsieve.scrubbers.Scrubbed",
    "list[str]",
    "chatsieve.records.Session | chatsieve.records.Unreadable",
]


@pytest.mark.faults
def test_a_users_program_is_checked_under_strict(tmp_path: Path) -> None:
    """The types are exported: a right program has no fault, and a wrong argument has one."""
    (tmp_path / "nightly.py").write_text(USER)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", tmp_path / "cache"]
    done = subprocess.run(
        [*command, tmp_path / "nightly.py"],
        capture_output=True,
        text=True,
        check=False,
        env={"MYPYPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    own = [line for line in done.stdout.splitlines() if line.startswith(str(tmp_path))]
    assert re.findall(r'Revealed type is "(.*)"', done.stdout) == REVEALED
    errors = [line for line in own if ": error:" in line]
    assert len(errors) == 1, done.stdout
    assert 'Argument 1 to "run" has incompatible type "int"' in errors[0]
