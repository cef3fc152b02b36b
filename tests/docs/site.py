"""What is wrong with the built site: links to nowhere, and what it would load from other hosts.

`python -m tests.docs.site FOLDER` prints it, and exits with 1 if there is anything; `make docs` runs it.
The builder checks links between pages; this also checks links to files, and what the theme adds.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Elements that load what their attribute names, when the page is opened.
_LOADING = {"audio", "embed", "iframe", "img", "input", "object", "script", "source", "track", "video"}
#: `rel` of links that a browser only follows if it is told to.
_NOT_LOADED = {"alternate", "author", "canonical", "edit", "help", "license", "next", "prev"}
_LOADED_BY_CSS = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\s\"')]+)")


class _Page(HTMLParser):
    """Ids and links of a page. `loaded`: those that are fetched when it is opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}
        target = given.get("href") or given.get("src") or given.get("data")
        if not target:
            return
        self.links.append(target)
        if tag in _LOADING or (tag == "link" and given.get("rel") not in _NOT_LOADED):
            self.loaded.append(target)


def faults_of_site(site: Path) -> Iterator[str]:
    """A line for each fault, with the page or style sheet that has it."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site}: has no page"
    for path, page in pages.items():
        name = path.relative_to(site)
        yield from (f"{name}: loads {each}" for each in page.loaded if _is_remote(each))
        if path != site / "404.html":  # its links start from the root of a server
            yield from (f"{name}: no {each}" for each in page.links if not _exists(each, path, pages))
    for path in sorted(site.rglob("*.css")):
        found = _LOADED_BY_CSS.findall(path.read_text(encoding="utf-8"))
        yield from (f"{path.relative_to(site)}: loads {each}" for each in found)


def _is_remote(link: str) -> bool:
    return bool(urlsplit(link).netloc)


def _exists(link: str, page: Path, pages: dict[Path, _Page]) -> bool:
    """True for other hosts too: nothing is asked there."""
    parts = urlsplit(link)
    if parts.netloc or parts.scheme in {"data", "mailto"}:
        return True
    target = Path(os.path.normpath(page.parent / unquote(parts.path))) if parts.path else page
    if target.is_dir():
        target /= "index.html"
    return target.is_file() and (
        not parts.fragment or target not in pages or unquote(parts.fragment) in pages[target].ids
    )


def main() -> int:
    found = list(faults_of_site(Path(sys.argv[1])))
    sys.stderr.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
