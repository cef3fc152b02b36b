"""The reference pages are those that the models and schemas make."""

from __future__ import annotations

import pytest

from pipeline.reference.pages import FOLDER, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_its_generator_makes(name: str) -> None:
    """`make reference` writes it; a page that is older than the program misleads its readers."""
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name]()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_begins_with_its_title_and_has_whole_tables(name: str) -> None:
    """A cell with a bare | or a row of another width breaks the table for everybody after it."""
    text = PAGES[name]()
    assert text.startswith("# ")
    assert text.endswith("\n")
    widths: list[int] = []
    for line in text.splitlines():
        if not line.startswith("| "):
            widths = []
            continue
        widths.append(line.replace("\\|", "").count("|"))
        assert widths[0] == widths[-1], line
