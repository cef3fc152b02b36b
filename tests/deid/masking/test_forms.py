"""Masked code still parses: the form of a surrogate depends on its context."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib

import pytest
import yaml

from schemas.deid import Operator
from tests.support.deid_engines import CONFIG, engine_for
from transforms.deid.engine import DeidEngine
from transforms.deid.spans import Segment, SessionText

VALUES = {
    "name": "Priya Raghunathan",
    "first": "Priya",
    "email": "priya.raghunathan@example.com",
    "phone": "+1 415 555 2671",
    "digits": "4155552671",
    "card": "4242424242424242",
    "ip": "52.14.88.201",
    "user": "praghunathan",
    "address": "12 Elm Street, Springfield, IL 62704",
    "secret": "xK9mP2nL5qR8vT1wZ4yB7cD3",
}
PYTHON = '''
# Author: {name} <{email}>
API_TOKEN = "{secret}"
CARD = {card}
phone = {digits}
contact = {{"name": "{name}", "phone": '{phone}', "card": {card}, 'mail': "{email}"}}
path = r"/home/{user}/src"
def greet(who="{first}"):
    """Write to {name}, {address}.

    Call {phone} or {digits}.
    """
    return f"{{who}} lives at {address} and has {ip}"
'''
JSON = """
{{"user": {{"full_name": "{name}", "phone": {digits}, "email": "{email}", "card_number": {card},
 "address": "{address}", "cards": [{card}, {card}], "home": "/home/{user}"}}, "password": "{secret}",
 "note": "call {digits}, or {phone}: \\"{first}\\" asked"}}
"""
YAML = """
owner: {name}
email: {email}
phone: {digits}
card: {card}
address: {address}
contacts:
  - {name}
  - phone: "{phone}"
    ip: {ip}
notes: |
  {name} called from {phone}
  about {address}
password: {secret}
home: /home/{user}/x
"""
TOML = """
title = "Contact of {name}"
phone = {digits}
card = {card}
ip = "{ip}"
[owner]
email = "{email}"
address = '{address}'
api_token = "{secret}"
home = "/home/{user}"
"""
SHELL = """
export API_TOKEN={secret}
ssh {user}@{ip} 'ls /home/{user}' && cat /home/{user}/notes.txt
git config user.email {email}
git config user.name "{name}"
curl -u {user}:{secret} https://api.example.org/v1 -d phone={digits}
psql postgres://{user}:{secret}@{ip}:5432/app
for who in {user} other; do echo "$who"; done
"""


def parse_shell(text: str) -> None:
    subprocess.run(["bash", "-n"], input=text, text=True, check=True, capture_output=True)


LANGUAGES = {
    "python": (PYTHON, ast.parse),
    "json": (JSON, json.loads),
    "yaml": (YAML, yaml.safe_load),
    "toml": (TOML, tomllib.loads),
    "sh": (SHELL, parse_shell),
}


@pytest.fixture(scope="module")
def engines() -> dict[str, DeidEngine]:
    return {
        style: engine_for(CONFIG.model_copy(update={"surrogates": style}))
        for style in ("placeholder", "realistic")
    }


@pytest.mark.parametrize("style", ["placeholder", "realistic"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("where", ["written", "read", "fenced"])
def test_code_that_parsed_before_parses_after(
    engines: dict[str, DeidEngine], style: str, language: str, where: str
) -> None:
    """A model trained on broken code writes broken code."""
    template, parse = LANGUAGES[language]
    code = template.format(**VALUES)
    parse(code)
    fenced = f"Here you are:\n```{language}\n{code}```\nAnything else?"
    segment = {
        "written": Segment(code, "tool_input", "content"),
        "read": Segment(code, "tool_result"),
        "fenced": Segment(fenced, "assistant"),
    }[where]
    about = Segment(
        "My name is {name}, mail {email}, phone {phone}, card {card}.".format(**VALUES),
        "user",
    )
    masked = engines[style].mask_sessions([SessionText(bytes(16), [about, segment])])[0]
    assert masked.refusal is None
    text = masked.texts[1]
    if where == "fenced":
        text = text.split("```")[1].partition("\n")[2]
    parse(text)
    for value in ("name", "email", "digits", "card", "user", "secret"):
        assert VALUES[value] not in text, value


@pytest.mark.parametrize("language", ["python", "json", "yaml", "toml"])
def test_code_without_a_fence_parses_after_masking(engines: dict[str, DeidEngine], language: str) -> None:
    """Users paste whole files without a fence. A masked number that was a value becomes a string."""
    template, parse = LANGUAGES[language]
    segment = Segment(template.format(**VALUES).strip() + "\n", "user")
    text = engines["placeholder"].mask_sessions([SessionText(bytes(16), [segment])])[0].texts[0]
    assert "CREDIT_CARD_1" in text
    parse(text)


def test_lines_of_json_stay_lines_of_json(engines: dict[str, DeidEngine]) -> None:
    lines = '{"card": 4242424242424242, "who": "bob@example.com"}\n{"phone": 4155552671}\n'
    masked = engines["placeholder"].mask_sessions([SessionText(bytes(16), [Segment(lines, "user")])])[0]
    first, second = map(json.loads, masked.texts[0].splitlines())
    assert first == {"card": "<CREDIT_CARD_1>", "who": "<EMAIL_ADDRESS_1>"}
    assert second == {"phone": "<PHONE_NUMBER_1>"}


def test_a_surrogate_in_prose_keeps_its_brackets(engines: dict[str, DeidEngine]) -> None:
    """Brackets distinguish a surrogate from a word. A number in a sentence gets no quotation marks."""
    text = "Call me: 415-555-2671, or write to bob@example.com"
    masked = engines["placeholder"].mask_sessions([SessionText(bytes(16), [Segment(text, "user")])])[0]
    assert masked.texts == ["Call me: <PHONE_NUMBER_1>, or write to <EMAIL_ADDRESS_1>"]


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("placeholder", "card <CREDIT_CARD_1> of <EMAIL_ADDRESS_1>"),
        ("redact", "card  of <EMAIL_ADDRESS_1>"),
        ({"operator": "mask", "keep_last": 4}, "card **** **** **** 4242 of <EMAIL_ADDRESS_1>"),
        ({"operator": "replace", "value": "[card]"}, "card [card] of <EMAIL_ADDRESS_1>"),
        ("keep", "card 4242 4242 4242 4242 of <EMAIL_ADDRESS_1>"),
    ],
)
def test_an_entity_type_can_have_its_own_operator(operator: object, expected: str) -> None:
    """An organisation may need to keep, remove or mask one entity type and not another."""
    operators = {"CREDIT_CARD": Operator.model_validate(operator)}
    engine = engine_for(CONFIG.model_copy(update={"operators": operators}))
    session = SessionText(bytes(16), [Segment("card 4242 4242 4242 4242 of bob@example.com", "user")])
    assert engine.mask_sessions([session])[0].texts == [expected]


def test_a_hash_is_the_same_in_a_session_only() -> None:
    """Equal values can be counted within a session, but not linked across sessions."""
    operators = {"EMAIL_ADDRESS": Operator(operator="hash")}
    engine = engine_for(CONFIG.model_copy(update={"operators": operators}))
    segments = [Segment("bob@example.com and Bob@Example.com", "user")]
    here, there = engine.mask_sessions([SessionText(b"a" * 16, segments), SessionText(b"b" * 16, segments)])
    first, _, second = here.texts[0].partition(" and ")
    assert first == second
    assert len(first) == 16
    assert first not in there.texts[0]


def test_a_value_with_the_operator_drop_session_excludes_the_session() -> None:
    """For some entity types an organisation may exclude the whole session."""
    operators = {"CREDIT_CARD": Operator(operator="drop_session")}
    engine = engine_for(CONFIG.model_copy(update={"operators": operators}))
    texts = ["card 4242 4242 4242 4242", "no card"]
    masked = engine.mask_sessions([SessionText(bytes(16), [Segment(text, "user")]) for text in texts])
    assert [one.refusal for one in masked] == ["pii_density", None]


def test_realistic_surrogates_of_one_person_match_across_sessions_only_by_chance() -> None:
    """Without the key, the output must not allow a person to be linked across sessions."""
    config = CONFIG.model_copy(update={"surrogates": "realistic", "models": {}})
    text = "My name is Priya Raghunathan, mail priya.raghunathan@example.com, ssh praghunathan@build-7"
    sessions = [SessionText(n.to_bytes(16, "big"), [Segment(text, "user")]) for n in range(60)]
    masked = [one.texts[0] for one in engine_for(config).mask_sessions(sessions)]
    people = [one.split("My name is ")[1].split(",")[0] for one in masked]
    mailboxes = [one.split("mail ")[1].split(",")[0] for one in masked]
    # With about 10,000 given names and 20,000 family names, a match among 1,770 pairs is very unlikely.
    assert len(set(people)) >= 59
    assert len(set(mailboxes)) >= 59
    for person, mailbox in zip(people, mailboxes, strict=True):
        given, family = person.lower().split()
        assert mailbox.split("@")[0] == f"{given}.{family}"


def test_the_length_of_a_realistic_name_is_independent_of_the_original() -> None:
    """A surrogate of five words would identify the same person in every session."""
    config = CONFIG.model_copy(update={"surrogates": "realistic", "models": {}})
    text = "My name is {}, and {} it is"
    names = ["Priya Raghunathan", "Priya Lakshmi Raghunathan", "Priya Lakshmi Meena Kumari Raghunathan"]
    sessions = [
        SessionText(n.to_bytes(16, "big"), [Segment(text.format(name, name), "user")])
        for n, name in enumerate(names * 8)
    ]
    masked = [one.texts[0] for one in engine_for(config).mask_sessions(sessions)]
    shown = [re.fullmatch(r"My name is (.*), and (.*) it is", one) for one in masked]
    people = [one.group(1) for one in shown if one and one.group(1) == one.group(2)]
    assert len(set(people)) == len(names) * 8
    assert {len(person.split()) for person in people} == {2}
