"""Synthetic texts have correct labels and depend only on the seed."""

from __future__ import annotations

import random
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest

from transforms.deid.rules.check_digits import luhn
from transforms.sample.texts.fill import (
    _SLOT,
    Synthetic,
    Template,
    _prefixed,
    fill,
    generate_texts,
    templates,
)
from transforms.sample.texts.slots import AUXILIARY, Slots

TEXTS = list(generate_texts(1_500, 5, auxiliary=True))


def test_the_same_seed_gives_the_same_texts() -> None:
    """A measurement must be reproducible."""
    assert list(generate_texts(50, 5, auxiliary=True)) == TEXTS[:50]
    assert list(generate_texts(50, 6)) != TEXTS[:50]


def test_spans_are_in_order_disjoint_and_inside() -> None:
    """Labels with a wrong offset would falsify training and measurement."""
    for one in TEXTS:
        ends = [0]
        for start, end, _ in one.spans:
            assert ends[-1] <= start < end <= len(one.text)
            ends.append(end)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("EMAIL_ADDRESS", r"\S+@\S+\.\w+"),
        ("CREDIT_CARD", r"[\d -]{13,23}"),
        ("US_SSN", r"\d{3}-\d\d-\d{4}"),
        ("IP_ADDRESS", r"[\da-fA-F.:]+"),
        ("IBAN_CODE", r"[A-Z]{2}\d\d[A-Z0-9 ]+"),
        ("MAC_ADDRESS", r"(?:[\da-f]{2}[:-]){5}[\da-f]{2}"),
        ("PERSON", r"[^\n<>@]*[^\W\d_][^\n<>@]*"),
        ("ADDRESS", r"[\s\S]*\w[\s\S]*"),
    ],
)
def test_the_text_of_each_label_has_the_form_of_its_type(kind: str, shape: str) -> None:
    """Offsets must stay correct after joining, quoting and a change of case."""
    values = [one.text[start:end] for one in TEXTS for start, end, label in one.spans if label == kind]
    assert len(values) > 3
    assert [value for value in values if not re.fullmatch(shape, value)] == []
    if kind == "CREDIT_CARD":
        assert all(luhn(re.sub(r"\D", "", value)) for value in values)


def test_templates_contain_no_personal_value_outside_of_slots() -> None:
    """Every person in a template is a slot or is marked as a public figure; slots have values."""
    for template in templates():
        for slot in _SLOT.finditer(template.text):
            assert slot.group(2) or _known_slot(slot.group(1)), f"{template.name}: {slot.group()}"
        assert "<<" not in _SLOT.sub("", template.text), template.name
        mailboxes = re.findall(r"([\w.]+)@(?!example)[a-z]+\.(?:com|org|net)\b", _SLOT.sub("", template.text))
        assert set(mailboxes) <= {"git"}, template.name


def test_measurement_and_training_use_different_templates() -> None:
    """Thresholds chosen on training sentences would be too optimistic."""
    trained = {one.template for one in generate_texts(3_000, 1, part="train")}
    held = {one.template for one in generate_texts(3_000, 1, part="held")}
    assert trained
    assert held
    assert not trained & held


def test_auxiliary_labels_are_for_training_only() -> None:
    """A company is not an identifier. Its label only trains the model not to confuse it with a person."""
    assert AUXILIARY & {label for one in TEXTS for _, _, label in one.spans}
    assert not AUXILIARY & {label for one in generate_texts(300, 5) for _, _, label in one.spans}


def test_slots_with_one_number_are_one_person_in_the_whole_text() -> None:
    """ "Alice" and "Alice Smith" in one template must be one person."""
    template = Template(
        "t", "chat", "<<person2.first>> <<person2.last>>|<<person2.first>>|<<person2.email>>|<<person.first>>"
    )
    first, again, _, other = fill(template, random.Random(3)).text.split("|")
    assert first.startswith(again)
    assert other != again


def test_quoted_lines_keep_their_spans() -> None:
    """A reply has a quote sign before each line, also inside an address of three lines."""
    made = Synthetic("to\n12 Elm St\nBoulder\nbye", [(3, 20, "ADDRESS")], "document", "t")
    quoted = _prefixed(made, "> ")
    assert quoted.text == "> to\n> 12 Elm St\n> Boulder\n> bye"
    start, end, _ = quoted.spans[0]
    assert quoted.text[start:end] == "12 Elm St\n> Boulder"


_LATER = """
import datetime, hashlib, sys
shift, real, day = datetime.timedelta(int(sys.argv[1])), datetime.datetime, datetime.date
class Moment(real):
    now = classmethod(lambda cls, tz=None: real.now(tz) + shift)
class Day(day):
    today = classmethod(lambda cls: day.today() + shift)
datetime.datetime, datetime.date = Moment, Day
from transforms.sample.texts.fill import generate_texts
print(hashlib.sha256(repr(list(generate_texts(6_000, 21))).encode()).hexdigest())
"""


def test_the_texts_are_the_same_in_every_process_and_on_every_day() -> None:
    """If texts depended on process or date, a model or threshold could not be reproduced."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", _LATER, days],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, days in (("1", "0"), ("2", "463"))
    }
    assert len(digests) == 1


def _known_slot(slot: str) -> bool:
    kind = slot.partition(".")[0].rstrip(string.digits)
    if slot.partition(".")[2] and kind not in ("person", "address"):
        return False
    try:
        Slots(random.Random(0)).pieces(slot)
    except KeyError:
        return False
    return True
