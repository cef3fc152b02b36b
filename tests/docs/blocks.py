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
#: All languages that a block may have; `text` is the output of the last block that was run.
LANGUAGES = (*RUN, "text", "yaml", "json", "toml", "markdown")
#: The markers, each with the expression of its value.
MARKERS = {
    "no-run": r"\S.{9,}",  # the reason
    "exit": r"[1-9]\d*",  # the exit code, if it is not 0
    "file": r"[\w.-][\w./-]*",  # the name under which the block is saved; it is not run
    "folder": r"\w+",  # what the folder of the page contains at first: a key of `folders.FOLDERS`
    "setup": r"(?s:.+)",  # shell commands that the reader need not see
}
_COMMENT = re.compile(r"<!--\s*([a-z-]+)(?::|\n)\s*(.*?)\s*-->", re.S)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block, or the shell commands of a comment `setup`.

    `line`: the number of its first line. `markers`: those between it and the block before, without `folder`.
    """

    language: str
    text: str
    line: int
    markers: dict[str, str]

    @property
    def is_run(self) -> bool:
        return self.language in RUN and not {"no-run", "file"} & self.markers.keys()

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
    folder = "dataset"
    unused: list[str] = []
    markers: dict[str, str] = {}
    for token in MarkdownIt("commonmark").parse(text):
        line = (token.map or [0])[0] + 1
        if token.type == "fence":
            blocks.append(Block(token.info, token.content, line, markers))
            markers = {}
        elif token.type == "html_block":
            for name, value in _COMMENT.findall(token.content):
                if name == "folder":
                    folder = value
                elif name == "setup":
                    blocks.append(Block("sh", value + "\n", line, {}))
                elif name in MARKERS:
                    markers = {**markers, name: value}
        elif token.type != "list_item_open" and markers:
            unused += markers
            markers = {}
    return Page(tuple(blocks), folder, (*unused, *markers))


def name_of(page: Path) -> str:
    """The path of a page below the clone, for messages and ids of tests."""
    return str(page.relative_to(ROOT))
