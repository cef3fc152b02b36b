"""The documentation: links, paths, make targets, commands and the tree of rooms are correct."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from pipeline.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
TOP = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
PAGES = sorted(
    path
    for path in (
        *(ROOT / name for name in TOP),
        *ROOT.glob("docs/**/*.md"),
        ROOT / "examples/README.md",
        ROOT / "transforms/deid/model/README.md",
    )
)
#: Packages that the tree leaves out.
_DETAILS = {"pipeline/cli/terminal", "transforms/sample/texts"}
_LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")
_ROOMS = "chatsieve|schemas|transforms|pipeline|tests|configs|docs|benchmarks|examples"
_PATH = re.compile(rf"`((?:{_ROOMS})/[\w./-]*)`")
#: A class or a constant.
_NAME = re.compile(r"`(_?[A-Z]\w*)`")
_MODULE = re.compile(rf"python -m ((?:{_ROOMS})\.[\w.]+)")
_CODE = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.S)
_MAKE = re.compile(r"(?:^|\s)make ([a-z][a-z-]*)", re.M)
_COMMAND = re.compile(r"(?:^|\s)chatsieve ([a-z]+)((?: [a-z]+(?=\s|\Z))?)", re.M)


def faults(page: Path, text: str, targets: set[str], commands: dict[str, set[str]]) -> list[str]:
    """Links, paths, modules, make targets and commands on a page that do not exist, in this order."""
    return [
        *(f"link {link}" for link, _ in _LINK.findall(text) if _is_dead(page, link)),
        *(
            f"anchor {link}{anchor}"
            for link, anchor in _LINK.findall(text)
            if _is_lost(page, text, link, anchor)
        ),
        *(f"path {name}" for name in _PATH.findall(text) if not (ROOT / name).exists()),
        *(f"module {name}" for name in _MODULE.findall(text) if not _module_exists(name)),
        *(f"target {name}" for code in _codes(text) for name in _MAKE.findall(code) if name not in targets),
        *(
            f"command {name}{second}"
            for code in _codes(text)
            for name, second in _COMMAND.findall(code)
            if name not in commands or (commands[name] and second.strip() not in {"", *commands[name]})
        ),
    ]


def _is_dead(page: Path, link: str) -> bool:
    return "://" not in link and not (page.parent / link).exists()


def _is_lost(page: Path, text: str, link: str, anchor: str) -> bool:
    """True for a link to a heading that its page does not have."""
    target = page.parent / link if link else page
    if not anchor or "://" in link or target.suffix != ".md" or not target.is_file():
        return False
    return anchor[1:] not in anchors(target.read_text(encoding="utf-8") if link else text)


def anchors(text: str) -> set[str]:
    """The names of the headings of a page, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def _module_exists(name: str) -> bool:
    return (ROOT / f"{name.replace('.', '/')}.py").exists()


def _codes(text: str) -> Iterator[str]:
    """The code of a page: fenced blocks and backticks."""
    for block, inline in _CODE.findall(text):
        yield block or inline


def make_targets() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M))


def cli_commands() -> dict[str, set[str]]:
    """The commands of `chatsieve`, each with its own commands if it is a group."""
    group = typer.main.get_group(app)
    return {name: set(getattr(command, "commands", {})) for name, command in group.commands.items()}


def missing_names(text: str) -> list[str]:
    """Names of code in a list item that are in none of the files that the item names, as "NAME in FILES"."""
    missing = []
    for item in re.split(r"\n(?=\d+\. |- |\n)", text):
        files = [ROOT / name for name in _PATH.findall(item) if (ROOT / name).is_file()]
        code = "\n".join(file.read_text(encoding="utf-8") for file in files)
        names = [name for name in _NAME.findall(item) if files and not re.search(rf"\b{name}\b", code)]
        missing += [f"{name} in {', '.join(str(file.relative_to(ROOT)) for file in files)}" for name in names]
    return missing


def tree_of(text: str) -> set[str]:
    """The folders in the tree of a page, as paths; the tree is the code block that begins with schemas/."""
    tree = next(block for block in _codes(text) if block.startswith("schemas/"))
    folders: set[str] = set()
    above: list[str] = []
    for line in tree.splitlines():
        indent, name = len(line) - len(line.lstrip()), line.split()[0]
        if name.endswith("/"):
            above = [*above[: indent // 2], name.rstrip("/")]
            folders.add("/".join(above))
    return folders


def code_folders() -> set[str]:
    """The folders that the tree must list: the top folders and every package of the program."""
    top = {"chatsieve", "schemas", "transforms", "pipeline", "configs", "tests", "benchmarks", "examples"}
    files = [*ROOT.glob("transforms/**/__init__.py"), *ROOT.glob("pipeline/**/__init__.py")]
    return top | {str(path.parent.relative_to(ROOT)) for path in files} - _DETAILS


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_a_page_names_only_what_exists(page: Path) -> None:
    """A reader must not be sent to a file or a command that was removed."""
    found = faults(page, page.read_text(encoding="utf-8"), make_targets(), cli_commands())
    if page.name == "CHANGELOG.md":  # a changelog also names removed commands
        found = [fault for fault in found if fault.startswith("link")]
    assert found == []


def test_the_index_links_to_every_page_of_the_documentation() -> None:
    """A page that no list has is not found."""
    index = ROOT / "docs/index.md"
    linked = {index.parent / link for link, _ in _LINK.findall(index.read_text(encoding="utf-8"))}
    assert [str(page) for page in ROOT.glob("docs/*/*.md") if page not in linked] == []


def test_the_guide_names_code_that_is_in_its_files() -> None:
    """A contributor who opens the file must find the class or table that the guide names."""
    assert missing_names((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")) == []


def test_a_name_that_is_not_in_its_file_is_reported() -> None:
    """The check of names must be able to fail."""
    guide = "1. `schemas/decisions.py`: `Reason`, and\n   `GONE`.\n2. `schemas/units.py`: `Unit`, `Nothing`."
    assert missing_names(guide) == ["GONE in schemas/decisions.py", "Nothing in schemas/units.py"]


def test_the_tree_in_the_architecture_matches_the_code() -> None:
    """Contributors choose a folder by this tree, so it must list every room and no other."""
    assert tree_of((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")) == code_folders()


def test_a_wrong_tree_is_reported() -> None:
    """The check of the tree must be able to fail."""
    tree = "```\nschemas/     data\ntransforms/\n  decide/    rules\n    gone/    nothing\n```\n"
    assert tree_of(tree) == {"schemas", "transforms", "transforms/decide", "transforms/decide/gone"}
    assert tree_of(tree) != code_folders()


def test_the_import_order_in_the_architecture_matches_the_linter() -> None:
    """The page must show the contract that import-linter checks."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    listed = "\n".join(block for block in _codes((ROOT / "ARCHITECTURE.md").read_text()))
    lines = [line.partition("  ")[0].strip() for line in listed.splitlines()]
    assert "\n".join(contracts[0]["layers"]) in "\n".join(lines)


def test_every_markdown_file_of_the_project_is_checked() -> None:
    """A new page must be checked too."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    assert {ROOT / name for name in listed.stdout.split()} <= set(PAGES)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[rules](docs/rules.md)", "link docs/rules.md"),
        ("[rules](docs/rules.md#order)", "link docs/rules.md"),
        ("[rules](docs/reference/policy.md#gone)", "anchor docs/reference/policy.md#gone"),
        ("# Rules\n[rules](#gone)", "anchor #gone"),
        ("see `transforms/gone/rules.py`", "path transforms/gone/rules.py"),
        ("see `docs/gone/`", "path docs/gone/"),
        ("```\npython -m benchmarks.gone --sessions 1\n```", "module benchmarks.gone"),
        ("run `make gone`", "target gone"),
        ("```\nmake setup\nmake gone\n```", "target gone"),
        ("run `chatsieve gone -c run.yaml`", "command gone"),
        ("```\nchatsieve run -c run.yaml\nchatsieve gone\n```", "command gone"),
        ("run `chatsieve policy gone`", "command policy gone"),
    ],
)
def test_a_missing_link_path_target_or_command_is_reported(text: str, fault: str) -> None:
    """The checker must be able to fail."""
    assert faults(ROOT / "README.md", text, make_targets(), cli_commands()) == [fault]


@pytest.mark.parametrize(
    "text",
    [
        "[rules](docs/reference/policy.md#settings) and [others](https://example.com/docs/gone.md)",
        "`transforms/decide/rules.py`, `docs/`, `configs/policies/`",
        "`python -m benchmarks.audit --sessions 5`",
        "`make setup`; prose that can make sense of chatsieve alone",
        "`chatsieve policy show FILE`, `chatsieve run -c run.yaml`, `chatsieve --help`",
    ],
)
def test_a_correct_page_has_no_faults(text: str) -> None:
    """A checker with false alarms would be switched off."""
    assert faults(ROOT / "README.md", text, make_targets(), cli_commands()) == []


def test_changelog_headlines_have_at_most_72_characters() -> None:
    """Headlines are read as a list."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headlines = [line.partition(" **")[0] for line in text.splitlines() if line.startswith("- ")]
    assert headlines
    assert [line for line in headlines if len(line) > 72] == []
