"""The code blocks of a page in Markdown, with the markers that are in HTML comments before them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples/README.md"]
)
#: The languages whose blocks are run.
RUN = ("sh", "python", "sql")
#: All languages that a block may have.
LANGUAGES = (*RUN, "text", "yaml", "json", "toml", "markdown")
#: The markers, each with the expression of its value.
MARKERS = {
    "no-run": r"\S.{9,}",  # the reason
    "output": r"",  # a text is the output of the last block that was run
    "exit": r"[1-9]\d*",  # the exit code, if it is not 0
    "file": r"[\w.-][\w./-]*",  # the name under which the block is saved; it is not run
    "folder": r"\w+",  # what the folder of the page contains at first: a key of `folders.FOLDERS`
    "setup": r"(?s:.+)",  # shell commands that the reader need not see
}
_COMMENT = re.compile(r"<!--\s*([a-z-]+)(?::|\s)\s*(.*?)\s*-->", re.S)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block, or the shell commands of a comment `setup`.

    `line`: the number of its first line. `markers`: those between it and the block before, without `folder`.
    `follows`: nothing else is between it and the block before.
    """

    language: str
    text: str
    line: int
    markers: dict[str, str]
    follows: bool = False

    @property
    def is_run(self) -> bool:
        return self.language in RUN and not {"no-run", "file"} & self.markers.keys()

    @property
    def is_output(self) -> bool:
        """A text below a block, or with the marker `output`."""
        return (self.language == "text" and self.follows and "no-run" not in self.markers) or (
            "output" in self.markers
        )

    def with_names(self, names: dict[str, str]) -> Block:
        """The same with ids instead of names in capitals, but not of variables such as `$USER_ID`."""
        pattern = rf"(?<![\w$])({'|'.join(names) or '(?!)'})(?!\w|=)"
        text = re.sub(pattern, lambda found: names[found[0]], self.text)
        return dataclasses.replace(self, text=text)


@dataclasses.dataclass(frozen=True)
class Page:
    """The blocks of a page in order. `unused`: markers that no block follows."""

    blocks: tuple[Block, ...]
    folder: str
    unused: tuple[str, ...]


def page_of(text: str) -> Page:
    """Reads a page. A comment that has no name of `MARKERS` is not a marker."""
    blocks: list[Block] = []
    folder = ""
    unused: list[str] = []
    markers: dict[str, str] = {}
    follows = False
    for token in MarkdownIt("commonmark").parse(text):
        line = (token.map or [0])[0] + 1
        if token.type == "fence":
            blocks.append(Block(token.info, token.content, line, markers, follows))
            markers, follows = {}, blocks[-1].is_run
        elif token.type == "html_block":
            for name, value in _COMMENT.findall(token.content):
                if name == "folder" and not folder:
                    folder = value
                elif name == "setup":
                    blocks.append(Block("sh", value + "\n", line, {}))
                elif name in MARKERS:  # a second folder too, which no block takes
                    markers = {**markers, name: value}
        elif token.type != "list_item_open":
            unused += markers
            markers, follows = {}, False
    return Page(tuple(blocks), folder or "dataset", (*unused, *markers))


def name_of(page: Path) -> str:
    """The path of a page below the clone, for messages and ids of tests."""
    return str(page.relative_to(ROOT))
