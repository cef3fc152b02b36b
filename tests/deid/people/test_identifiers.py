"""A word that the code of a session uses as an identifier is no person; names in code stay people."""

from __future__ import annotations

import pytest

from tests.support.deid_engines import engine_for
from transforms.deid.people.identifiers import without_identifiers
from transforms.deid.spans import Segment, SessionText


def _kept(name: str, rest: str) -> bool:
    return bool(without_identifiers([name, rest], [(0, 0, len(name))]))


@pytest.mark.parametrize(
    "code",
    [
        "const doc = useFrobnix()",
        "class FrobnixRepo {}",
        "const next = Frobnix.change(doc, apply)",
        "Frobnix::new(3)",
        "import * as Frobnix from 'x'",
        "export class Frobnix extends Base",
        "Frobnix(3)",
        "the frobnix of this page",
        "List<Frobnix> or Frobnix<String>",
    ],
)
def test_a_word_that_code_uses_is_an_identifier(code: str) -> None:
    """The models read few words: "ask Frobnix for changes" is like a sentence about a person."""
    assert not _kept("Frobnix", code)


@pytest.mark.parametrize(
    "text",
    [
        "/home/frobnix/src",
        "github.com/frobnix/repo",
        "@frobnix wrote this",
        "frobnix@example.com",
        "https://example.com/kent_frobnix",
        "mail to j.frobnix today",
        "github.com/KentFrobnix",
        "JohnFrobnix signed it",
        "Frobnix said no. Frobnix's list",
        "(Frobnix)",
    ],
)
def test_a_login_of_a_person_does_not_make_the_name_an_identifier(text: str) -> None:
    """Paths and handles of a person contain the name in lower case and in camel case."""
    assert _kept("Frobnix", text)


def test_a_given_name_is_never_an_identifier() -> None:
    """Test code calls its users alice and bob; the people of the chat may have the same names."""
    assert _kept("Alice", "alice.send(bob)\nclass AliceClient")
    assert _kept("Alice Frobnix", "useFrobnix() and class AliceClient")


def test_each_word_of_a_name_must_be_an_identifier_or_a_word() -> None:
    """A library and a person may share a word."""
    assert not _kept("Frobnix Repo", "useFrobnix()")
    assert _kept("Frobnix Okonkwo", "useFrobnix()")
    assert _kept("Placeholder", "some text")


def test_only_a_session_with_code_has_identifiers() -> None:
    """In a chat, a name that is also written in lower case is still a name."""
    said = "I met Thamsyn Vorlak yesterday and Thamsyn was fine."
    chat = [said, "thamsyn and vorlak said hello to me"]
    code = [said, "```ts\nconst thamsyn = useThamsyn(vorlak.init())\n```"]
    assert "Thamsyn" not in _masked(chat)[0]
    assert _masked(code)[0] == said


def test_the_value_of_a_field_stays_a_person() -> None:
    """The name of the field is stronger evidence than the code."""
    segments = [
        Segment("Thamsyn", "tool_input", "author_name"),
        Segment("```\nuseThamsyn(thamsyn)\n```", "user"),
    ]
    masked = engine_for().mask_sessions([SessionText(bytes(16), segments)])[0]
    assert "Thamsyn" not in masked.texts[0]


def _masked(texts: list[str]) -> list[str]:
    segments = [Segment(text, "user") for text in texts]
    return engine_for().mask_sessions([SessionText(bytes(16), segments)])[0].texts
