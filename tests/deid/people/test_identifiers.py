"""A word that the code of a session uses as an identifier is no person; people beside code stay people."""

from __future__ import annotations

import pytest

from tests.support.deid_engines import engine_for
from transforms.deid.people.identifiers import without_identifiers
from transforms.deid.spans import Segment, SessionText


def _kept(name: str, rest: str, known: tuple[str, ...] = ()) -> bool:
    return bool(without_identifiers([name, rest], [(0, 0, len(name))], known))


def _masked(*texts: str) -> str:
    segments = [Segment(text, "user") for text in texts]
    return "\n".join(engine_for().mask_sessions([SessionText(bytes(16), segments)])[0].texts)


@pytest.mark.parametrize(
    "code",
    [
        "import * as Frobnix from 'x'",
        "     3→import * as Frobnix from 'x';",
        "import { Frobnix } from 'x'",
        "import { other, Frobnix } from 'x'",
        "const core = require('frobnix')",
        "import { next } from '@frobnix/core';",
        "from frobnix import core",
        "import frobnix",
        "export class Frobnix extends Base {",
        "const next = Frobnix.change(doc, apply);",
        "let one = Frobnix::new(3);",
        "const doc = useFrobnix();\nclass FrobnixRepo {",
    ],
)
def test_a_word_that_code_uses_is_an_identifier(code: str) -> None:
    """The models read few words: "ask Frobnix for changes" is like a sentence about a person."""
    assert not _kept("Frobnix", code)


@pytest.mark.parametrize(
    "text",
    [
        "cd /home/frobnix/src && ls",
        "git clone https://github.com/frobnix/repo;",
        "# @frobnix wrote this",
        "ssh frobnix",
        "user = 'frobnix'",
        "const emailFrobnix = 1;",
        "frobnix.email()",
        "-rw-r--r-- 1 frobnix staff 12",
        "{'Frobnix': 'HIV positive'}",
        "Frobnix: 'tenant 4'",
        "Frobnix(2019) wrote",
        "a new Frobnix in the office",
        "that type Frobnix",
        "const a = KentFrobnix; const b = JohnFrobnix;",
        "open('/home/KentFrobnix/x'); open('/home/JohnsFrobnix/x');",
        "the frobnix of this page",
        "Frobnix said no. Frobnix's list",
    ],
)
def test_code_that_names_a_person_is_no_evidence(text: str) -> None:
    """Logins, variables, keys of data and comments contain the names of people."""
    assert _kept("Frobnix", "import os\n" + text)


def test_other_evidence_of_a_person_is_stronger() -> None:
    """A class may have the name of its author."""
    code = "import * as Frobnix from 'frobnix'; class Hernandez {"
    assert _kept("Frobnix", code, ("frobnix",))
    assert _kept("Hernandez", code)
    assert _kept("Alice Frobnix", code)


def test_each_other_word_of_a_name_must_be_a_word() -> None:
    """A library and a person may share a word."""
    code = "import * as Frobnix from 'frobnix'"
    assert not _kept("Frobnix Repo", code)
    assert _kept("Frobnix Okonkwo", code)
    assert _kept("Placeholder", "import os")


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        ("My patient is Mrs Brandvold. Dr. Brandvold said so. Regards, brandvold", "Brandvold"),
        ("My name is Grace Brandvold.\n-rw-r--r-- 1 brandvold staff 12", "Brandvold"),
        ("My name is Will Achterberg\ncheers, achterberg", "Achterberg"),
        ("Hi Wojtkiewicz,\n# maintainer wojtkiewicz\nclass Wojtkiewicz(Base):", "Hi Wojtkiewicz"),
        ("Dr. Hernandez came.\nclass Hernandez:\nHernandez = [1]", "Dr. Hernandez"),
        ("Name: Grace Hernandez\nHernandez = [1]\nconst mailHernandez = 1", "Grace Hernandez"),
        ("Dr. Brandvold came.\nconst emailBrandvold = 1;\nconst smsBrandvold = 2;", "Dr. Brandvold"),
    ],
)
def test_code_in_a_session_uncovers_nobody(said: str, hidden: str) -> None:
    """One line of code must not switch off what a title, a greeting or a field identifies."""
    assert hidden not in _masked("import os", said)


def test_only_a_session_with_code_has_identifiers() -> None:
    """Without code, and without any other evidence, the models decide."""
    said = "The changes of Thamsyn arrive tomorrow."
    assert "Thamsyn" not in _masked(said)
    assert said in _masked(said, "import * as Thamsyn from 'x';")


def test_the_value_of_a_field_stays_a_person() -> None:
    """The name of the field is stronger evidence than the code."""
    segments = [
        Segment("Thamsyn", "tool_input", "author_name"),
        Segment("```\nimport * as Thamsyn from 'x'\n```", "user"),
    ]
    masked = engine_for().mask_sessions([SessionText(bytes(16), segments)])[0]
    assert "Thamsyn" not in masked.texts[0]


def test_only_the_first_names_are_looked_up() -> None:
    """A crafted session may name 20,000 people; each look-up reads the whole session."""
    words = ["".join("bcdfghjklm"[int(digit)] for digit in f"{n:05}").capitalize() for n in range(20_000)]
    text = " came. ".join(words) + "".join(f"\nimport * as {word} from 'x'" for word in words[:2])
    names = {(0, text.index(word), text.index(word) + len(word)) for word in (*words[:2], *words[-2:])}
    every = {(0, 12 * n, 12 * n + 5) for n in range(20_000)}
    assert names < every
    kept = without_identifiers([text], every, ())
    assert len(every) - len(kept) == 2
    assert names - kept == {(0, 0, 5), (0, 12, 17)}
