"""The generated pages of docs/reference, and the man pages. `make reference` writes them, with `main`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.reference import commands, configuration, exit_codes, files, manual, reasons

FOLDER = Path(__file__).parents[2] / "docs" / "reference"

#: The function that gives the text of a page, by the file name of the page.
PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands.page,
    "configuration.md": configuration.page,
    "exit-codes.md": exit_codes.page,
    "files.md": files.page,
    "reasons.md": reasons.page,
}


def main() -> None:
    """Writes every page."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
    manual.FOLDER.mkdir(exist_ok=True)
    made = manual.pages()
    for path in manual.FOLDER.glob("*.1"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (manual.FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
