"""Logins made from a name in the same session, and names in lower case."""

from __future__ import annotations

import pytest

from transforms.deid.people.known_people import propagate_names
from transforms.deid.people.logins import logins_of
from transforms.deid.spans import Span


def found_again(name: str, text: str) -> list[str]:
    """What of `text` is masked since `name` was found in another text of its session."""
    _, again = propagate_names([name, text], [[Span(0, len(name), "PERSON", 0.9)], []])
    return [text[span.start : span.end] for span in again]


FORMS = (
    "asmith alice.smith alice_smith alice-smith alicesmith ASmith smitha smith.a a.smith a_smith alices "
    "smith.alice asmith92"
)


@pytest.mark.parametrize("login", FORMS.split())
@pytest.mark.parametrize(
    "around", ["{} pushed it", "by {}.", "/home/{}/x", '{{"user": "{}"}}', "({})", "x_{}", "{}"]
)
def test_a_login_of_a_known_name_is_masked_at_every_position(login: str, around: str) -> None:
    assert login in " ".join(found_again("Alice Smith", around.format(login)))


@pytest.mark.parametrize(
    ("name", "logins"),
    [
        ("Jürgen Müller", "jmüller jmuller jmueller juergen.mueller jürgen_müller j.mueller"),
        ("Jane Fisher-Price", "jfisher jfisherprice jane.fisher-price jane_price"),
        ("Siobhán O'Brien", "sobrien siobhan.obrien"),
        ("Maria de la Cruz", "mcruz maria.cruz"),
        ("Ngozi Adichie-Obi", "nadichie ngozi_obi"),
    ],
)
def test_a_login_is_spelt_as_logins_are(name: str, logins: str) -> None:
    assert found_again(name, logins) == logins.split()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Paul Lace", "the place of it, a palace"),
        ("Alice Smith", "basmith asmithy smithy malice.smith asmith12345 a.smithson"),
        ("React Native", "react-native rnative reactnative"),
        ("Visual Studio", "visual-studio vstudio"),
        ("Claude Code", "claude-code claude_code ccode"),
        ("Bo Li", "bli lib"),
    ],
)
def test_words_that_only_resemble_a_login_are_not_masked(name: str, text: str) -> None:
    assert found_again(name, text) == []


@pytest.mark.parametrize("text", ["alice said so", "and alice.", "alice = 5", "alice.name", "ALICE"])
def test_a_listed_part_of_a_name_is_masked_in_any_case(text: str) -> None:
    assert [one.lower() for one in found_again("Alice Smith", text)] == ["alice"]


@pytest.mark.parametrize("name", ["Will May", "Rose Baker", "Hunter Fox"])
def test_an_ordinary_word_is_no_part_of_a_name_in_lower_case(name: str) -> None:
    assert found_again(name, "the will, a rose; may the baker and the fox be a hunter") == []


def test_logins_are_made_in_both_orders_and_with_initials() -> None:
    made = {f"{login.first}|{login.second}" for login in logins_of(("Ada", "Quist"))}
    assert made == {
        *("ada|quist", "quist|ada", "a|quist", "quist|a", "ada|q"),
        *("adaquist|", "quistada|", "aquist|", "quista|", "adaq|"),
    }


def test_logins_of_many_people_are_found_as_those_of_few() -> None:
    """From some fifty names on texts are read word by word."""
    letters = "bcdfghklmn"
    names = [f"{a.upper()}ari{b}o {b.upper()}ovar{a}ek" for a in letters for b in letters]
    text = "asmith, alice.smith2, a_smith and /home/smitha/ but not basmith, malice.smith"
    found = [[Span(0, len(name), "PERSON", 0.9)] for name in ("Alice Smith", *names)]
    *_, many = propagate_names(["Alice Smith", *names, text], [*found, []])
    assert [text[span.start : span.end] for span in many] == found_again("Alice Smith", text)
    assert found_again("Alice Smith", text) == ["asmith", "alice.smith2", "a_smith", "smitha"]
