"""Word lists are made from the installed packages once, and again when a file of a package changes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import wordfreq

from transforms.deid.people import word_lists as module
from transforms.deid.people.lexicon import shaped_like_name
from transforms.deid.people.word_lists import WordLists, frequency_of, word_lists


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[WordLists]]:
    """An empty environment; the result is a list that gets the lists whenever they are made."""
    lists: list[WordLists] = []
    make = module._made

    def noting() -> WordLists:
        lists.append(make())
        return lists[-1]

    monkeypatch.setattr(module, "_made", noting)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    forget()
    yield lists
    forget()


def forget() -> None:
    """The state of a new process."""
    word_lists.cache_clear()
    module._frequencies.cache_clear()


def test_a_second_process_makes_no_lists(made: list[WordLists]) -> None:
    """Making them takes most of a second in every command and worker."""
    first = word_lists()
    forget()
    assert word_lists() == first
    assert len(made) == 1


def test_lists_are_made_again_when_a_package_changes(
    made: list[WordLists], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Detection and the digest in the manifest must be those of the installed packages."""
    word_lists()
    changed = tmp_path / "faker/providers/person"
    for locale in (*module._LOCALES, *module._MORE_LOCALES):
        (changed / locale).mkdir(parents=True)
        (changed / locale / "__init__.py").write_text("first_names = ('Alice',)\n")
    folder = module._folder
    monkeypatch.setattr(module, "_folder", lambda name: tmp_path / name if name == "faker" else folder(name))
    forget()
    word_lists()
    assert len(made) == 2


def test_a_file_of_another_form_is_not_used(made: list[WordLists], tmp_path: Path) -> None:
    """A damaged file must not change what is detected."""
    first = word_lists()
    file = tmp_path / "share/chatsieve/word-lists.msgpack"
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    forget()
    assert word_lists() == first
    assert len(made) == 2


@pytest.mark.parametrize("word", ["the", "people", "zurich", "photosynthesis", "qqzzxv", "", "\ud800"])
def test_a_frequency_is_that_of_wordfreq(word: str) -> None:
    """The small model was trained with these frequencies."""
    zipf = wordfreq.get_frequency_dict("en").get(word, 0.0)
    expected = min(8, max(1, round(wordfreq.zipf_frequency(word, "en") * 100) // 100)) if zipf else 0
    assert frequency_of(word) == expected


@pytest.mark.parametrize("name", ["MÜLLER", "JÄRVINEN", "Őrsi", "McDonald", "O'Neil", "DeVito", "NÚÑEZ"])
def test_capitals_with_marks_are_no_camel_case(name: str) -> None:
    """Forms and registers write names in capitals; an umlaut inside them is a capital, too."""
    assert shaped_like_name(name)


@pytest.mark.parametrize("word", ["EnterPlanMode", "UIKit", "iPhone", "größeÄndern", "CRDTs", "user_1"])
def test_identifiers_are_not_shaped_like_names(word: str) -> None:
    """A model takes identifiers for names, because they begin with a capital."""
    assert not shaped_like_name(word)
