"""Structured identifiers are found in any context; similar strings in code are not masked."""

from __future__ import annotations

import itertools
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.deid_engines import pattern_scanner
from tests.support.deid_values import FOUND, NOT_FOUND, SURROUNDINGS
from tests.support.samples import sample
from transforms.deid.spans import Span
from transforms.deid.text.overlaps import resolve
from transforms.deid.text.propagate import propagate_values
from transforms.sample.texts.fill import generate_texts

SCANNER = pattern_scanner()


def masked(text: str) -> str:
    for span in reversed(SCANNER.scan([text])[0]):
        text = f"{text[: span.start]}<{span.type}>{text[span.end :]}"
    return text


@pytest.mark.parametrize("kind", FOUND)
def test_a_value_is_masked_in_any_context(kind: str) -> None:
    """A value leaks equally in a sentence, in code, in a URL and in nested JSON."""
    missed = [
        (value, around)
        for value, around in itertools.product(FOUND[kind], SURROUNDINGS)
        if value.lower() in masked(around.format(*[value] * around.count("{}"))).lower()
    ]
    assert missed == []


@pytest.mark.parametrize(("first", "second"), itertools.permutations(FOUND, 2))
def test_a_value_next_to_another_is_masked_too(first: str, second: str) -> None:
    """In lists and tables numbers are adjacent; a match must not include or hide the next one."""
    for one, two in itertools.product(FOUND[first][:3], FOUND[second][:3]):
        for text in (f"{one} {two}", f"{one}, {two}", f"{one}\n{two}", f"{one};{two}"):
            assert one.lower() not in masked(text).lower(), text
            assert two.lower() not in masked(text).lower(), text


@pytest.mark.parametrize("text", NOT_FOUND)
def test_code_and_logs_without_identifiers_are_unchanged(text: str) -> None:
    """Masking a version number or a hash degrades training data without protecting a person."""
    assert masked(text) == text


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("/home/jdoe42/src/x.py", "jdoe42"),
        ("/Users/maria.l/Library", "maria.l"),
        ("C:\\Users\\pwhite\\Desktop", "pwhite"),
        ("C:\\\\Users\\\\pwhite\\\\Desktop", "pwhite"),
        ("c:/users/pwhite/x", "pwhite"),
        ("/mnt/c/Users/pwhite/x", "pwhite"),
        ("file:///home/jdoe42", "jdoe42"),
        ("%2Fhome%2Fjdoe42%2Fx", "jdoe42"),
        ("~/.claude/projects/-Users-jdoe42-work-app/x.jsonl", "jdoe42"),
        ("C:\\Users\\John Smith\\x", "John Smith"),
        ("ssh jdoe42@build-7", "jdoe42"),
        ('{"login": "jdoe42"}', "jdoe42"),
        ("see /home/jdoe42.", "jdoe42"),
    ],
)
def test_user_names_in_paths_are_masked(text: str, user: str) -> None:
    """Most paths in coding sessions contain a user name."""
    assert user not in masked(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Austin reviewed the plan.", "<PERSON> reviewed the plan."),
        ("It is late. May said so", "It is late. <PERSON> said so"),
        ("Today\nGrace moved to Leeds", "Today\n<PERSON> moved to Leeds"),
        ("the Austin reviewed here is a town", "the Austin reviewed here is a town"),
        ("Claude suggested a patch", "Claude suggested a patch"),
        ("Tests approved by all", "Tests approved by all"),
    ],
)
def test_an_ambiguous_name_is_masked_before_a_verb_that_needs_a_person(text: str, left: str) -> None:
    """Austin, May and Grace have other meanings; the verb at the start of a sentence is the evidence."""
    assert masked(text) == left


def test_a_mention_is_masked_at_the_start_of_a_post_only() -> None:
    """In the middle of a file, a decorator has the same form."""
    assert masked("@jdoe42 I see, that works") == "@<USERNAME> I see, that works"
    assert masked("class A:\n    @cachedthing def f(): pass") == "class A:\n    @cachedthing def f(): pass"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password is Hunter2!x", "Hunter2"),
        ('{"db_password": "s3cr3t-pass"}', "s3cr3t-pass"),
        ("export API_TOKEN=zX9kLm2Qp8Rt5Vw1", "zX9kLm2Qp8Rt5Vw1"),
        ("client_secret: 'zX9kLm2Qp8Rt5Vw1'", "zX9kLm2Qp8Rt5Vw1"),
        ("postgres://app:xK9mP2nL5q@db.internal:5432/app", "xK9mP2nL5q"),
        ("Authorization: Bearer zX9kLm2Qp8Rt5Vw1aa", "zX9kLm2Qp8Rt5Vw1aa"),
        ("mysql -u root --password S3cretPw9", "S3cretPw9"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----", "MIIEabc"),
        ("aws_secret_access_key = wJa1rXUtnFEMI/K7MDENG/bPxRfiCYzQ9k2mN4pT", "wJa1rXUtnFEMI"),
    ],
)
def test_secrets_are_detected_by_their_context(text: str, secret: str) -> None:
    """Most leaked credentials have no prefix of a provider."""
    assert secret not in masked(text)


@pytest.mark.parametrize(
    "disguise",
    [
        "４２４２ ４２４２ ４２４２ ４２４２",
        "4242\u200b 4242 4242 4242",
        "4242\u20114242\u20114242\u20114242",
        "४२४२ ४२४२ ४२४२ ४२४२",
        "𝟒𝟐𝟒𝟐 𝟒𝟐𝟒𝟐 𝟒𝟐𝟒𝟐 𝟒𝟐𝟒𝟐",
        "④②④② ④②④② ④②④② ④②④②",
        "4\ufe0f\u20e32\ufe0f\u20e34\ufe0f\u20e32 4242 4242 4242",
        "4\u03012\u030142 4\u0336242 4242 4242",
        "42\u202b42 4242\u202c 4242 4242",
        "4\u034f242 42\U000e006142 4242\u2066 4242",
    ],
)
def test_disguised_digits_are_masked(disguise: str) -> None:
    """Text copied from documents contains zero-width characters, typographic dashes and full-width digits."""
    assert masked(f"card {disguise} ok") == "card <CREDIT_CARD> ok"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mail 𝓂𝐚𝐫𝐢𝐚@𝚎𝚡𝚊𝚖𝚙𝚕𝚎.𝚌𝚘𝚖 ok", "mail <EMAIL_ADDRESS> ok"),
        ("mail jose\u0301@example.com ok", "mail <EMAIL_ADDRESS> ok"),
        ("iban D\u0415\u0417 no, DЕ89370400440532013000 ok", "iban D\u0415\u0417 no, <IBAN_CODE> ok"),
        (
            "😀203.0.113.77👍🏽 and 👩\u200d👩\u200d👧203.0.113.78🇫🇷",
            "😀<IP_ADDRESS>👍🏽 and 👩\u200d👩\u200d👧<IP_ADDRESS>🇫🇷",
        ),
        ("\u202e+44 7700 900123\u202c", "\u202e<PHONE_NUMBER>\u202c"),
    ],
)
def test_values_in_confusable_letters_or_beside_signs_are_masked_exactly(text: str, left: str) -> None:
    """With mathematical letters, marks, confusables or emoji, exactly the value must be masked."""
    assert masked(text) == left


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    st.text(max_size=60),
    st.sampled_from([v for values in FOUND.values() for v in values]),
    st.text(max_size=60),
)
def test_offsets_are_correct_after_any_text(before: str, value: str, behind: str) -> None:
    """Offsets are code points of the original text. A shifted mask leaves a part of the value uncovered."""
    text = f"{before} {value} {behind}"
    spans = SCANNER.scan([text])[0]
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    place = len(before) + 1
    covered = {n for span in spans for n in range(span.start, span.end)}
    wanted = {place + n for n, character in enumerate(value) if character.isalnum()}
    assert wanted <= covered


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "@",
        "1",
        "-",
        "1-",
        "a.",
        "/home/",
        "+1 ",
        "=",
        "password ",
        "eyJ",
        "://a:",
        "A1",
        "é",
        "0:",
        "4\u0301",
        "𝐚",
        "Е1",
        "Mr. ",
        "the password for ",
    ],
)
def test_hostile_repetition_is_linear(unit: str) -> None:
    """100 KB of one repeated unit must not block a worker; backtracking would take hours."""
    text = unit * (100_000 // len(unit))
    start = time.process_time()
    SCANNER.scan([text])
    assert time.process_time() - start < 60


def test_resolving_overlaps_never_uncovers_a_character() -> None:
    """Presidio drops a contained entity. Here the union stays masked, with the type of the higher score."""
    spans = [Span(0, 10, "SECRET", 0.6), Span(5, 15, "EMAIL_ADDRESS", 0.95), Span(20, 22, "PERSON", 0.5)]
    assert resolve(spans) == [Span(0, 15, "EMAIL_ADDRESS", 0.95), Span(20, 22, "PERSON", 0.5)]
    assert resolve(reversed(spans)) == resolve(spans)


def test_a_value_found_once_is_masked_everywhere_in_the_session() -> None:
    """A key detected by its context in one message may occur without context in the next."""
    texts = ["token = zX9kLm2Qp8Rt5Vw1", "I used zX9kLm2Qp8Rt5Vw1 again", "/home/jdoe42/x", "as JDOE42 says"]
    spans = propagate_values(texts, SCANNER.scan(texts))
    assert [[text[s.start : s.end] for s in found] for text, found in zip(texts, spans, strict=True)] == [
        ["zX9kLm2Qp8Rt5Vw1"],
        ["zX9kLm2Qp8Rt5Vw1"],
        ["jdoe42"],
        ["JDOE42"],
    ]


FLOORS = {"EMAIL_ADDRESS": 0.98, "CREDIT_CARD": 0.97, "IBAN_CODE": 0.95, "IP_ADDRESS": 0.9}


def below_floor(labelled: list[tuple[str, list[tuple[int, int, str]]]]) -> list[tuple[str, int, int]]:
    """(type, covered, labels) of each type with too few covered labels, or with ten labels or fewer."""
    below = []
    scanned = SCANNER.scan([text for text, _ in labelled])
    for kind, floor in FLOORS.items():
        labels = covered = 0
        for (_, wanted), spans in zip(labelled, scanned, strict=True):
            for start, end, label in wanted:
                if label == kind:
                    labels += 1
                    covered += any(span.start <= start and end <= span.end for span in spans)
        if labels <= 10 or covered < floor * labels:
            below.append((kind, covered, labels))
    return below


def test_recall_on_synthetic_texts_has_a_floor() -> None:
    """Labelled texts reveal an expression that has become too narrow."""
    assert below_floor([(made.text, list(made.spans)) for made in generate_texts(3_000, 4)]) == []


@pytest.mark.samples
def test_recall_on_a_public_set_has_a_floor() -> None:
    """The same for texts and labels from outside this project."""
    rows = [json.loads(line) for line in sample("pii/pr_synth_v2.jsonl").read_text().splitlines()]
    assert below_floor([(row["text"], row["spans"]) for row in rows]) == []
