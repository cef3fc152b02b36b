"""Made-up values from ranges reserved for documentation, chosen by a keyed hash of the value.

Mailboxes and hosts: RFC 2606; addresses: RFC 5737, RFC 3849, RFC 7042; telephone numbers 555-01xx:
ATIS-0300115; card numbers: the test numbers that payment providers publish.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re

from transforms.deid.masking.person_index import PersonIndex, name_words
from transforms.deid.people.lexicon import (
    first_names,
    is_clear_first_name,
    last_names,
    trained_first_names,
    trained_last_names,
)
from transforms.deid.text.casing import ascii_of

_TEST_CARDS = (
    "4242 4242 4242 4242",
    "4000 0566 5566 5556",
    "5555 5555 5555 4444",
    "5200 8282 8282 8210",
    "3782 822463 10005",
    "6011 1111 1111 1117",
    "3566 0020 2036 0505",
)
_STREETS = "Example Street,Sample Road,Specimen Avenue,Placeholder Lane,Model Way,Template Drive".split(",")


def realistic_value(key: bytes, kind: str, value: str, people: PersonIndex, attempt: int) -> str | None:
    """A realistic value of an entity type, None for a type without a reserved range.

    Another `attempt` gives another value.
    """
    if kind == "PERSON":
        return _person(key, value, people)
    number = _number(key, f"{kind}\0{' '.join(value.split()).casefold()}\0{attempt}")
    if kind == "EMAIL_ADDRESS":
        local = value.split("@")[0]
        return f"{_login(key, local, people, number)}@example.{('com', 'org', 'net')[number % 3]}"
    if kind == "PHONE_NUMBER":
        return f"+1 {200 + number % 700}-555-01{number // 700 % 100:02d}"
    if kind == "IP_ADDRESS":
        nets = ("192.0.2", "198.51.100", "203.0.113")
        return (
            f"2001:db8::{number % 2**32:x}" if ":" in value else f"{nets[number % 3]}.{number // 3 % 254 + 1}"
        )
    if kind == "MAC_ADDRESS":
        return f"00:00:5e:00:53:{number % 256:02x}"
    if kind == "USERNAME":
        return _login(key, value, people, number)
    if kind == "CREDIT_CARD":
        return _TEST_CARDS[number % len(_TEST_CARDS)]
    if kind == "ADDRESS":
        return f"{number % 980 + 10} {_STREETS[number // 980 % len(_STREETS)]}, Exampleton"
    return None


def _person(key: bytes, mention: str, people: PersonIndex) -> str:
    """A name of one or two words, each derived from its word in the person's full name.

    Of a longer name only the first and last word are shown: the number of words could link sessions.
    """
    full = people.identity(mention)
    words = name_words(mention)
    words = (words[0], words[-1]) if len(words) > 2 else words
    parts = [_part(key, word, full) for word in words]
    initials = re.findall(r"\b([^\W\d_])\b\.?", mention)
    if initials and len(words) == 1 and len(full) > 1:
        parts.insert(0, f"{_part(key, full[0], full)[0]}.")
    text = " ".join(parts)
    if "," in mention and len(parts) > 1:
        text = f"{parts[0]}, {' '.join(parts[1:])}"
    return text.upper() if mention.isupper() else text.lower() if mention.islower() else text


def _part(key: bytes, word: str, full: tuple[str, ...]) -> str:
    given, family = _name_lists()
    if word in full[1:-1]:
        word = full[0] if word in first_names() else full[-1]
    person = " ".join(full)
    first = word == full[0] if len(full) > 1 else is_clear_first_name(word) or word not in last_names()
    names = given if first else family
    return names[_number(key, f"{person}\0{word}") % len(names)]


def _login(key: bytes, login: str, people: PersonIndex, number: int) -> str:
    """A login made of the surrogate's name in the same way as the original, or a numbered one."""
    owner = people.owner_of(login)
    if owner is None:
        return f"user{number % 10**8:08d}"
    letters = re.sub(r"[^a-z]", "", ascii_of(login))
    given, family = ascii_of(owner[0]), ascii_of(owner[-1])
    new_given, new_family = (_part(key, word, owner).lower() for word in (owner[0], owner[-1]))
    sign = next(iter(re.findall(r"[._-]", login)), "")
    first, second = (family, given) if letters.startswith(family) else (given, family)
    new_first, new_second = (new_family, new_given) if first is family else (new_given, new_family)
    if letters == first + second:
        return f"{new_first}{sign}{new_second}"
    if letters == first + second[0]:
        return f"{new_first}{sign}{new_second[0]}"
    return f"{new_given[0]}{sign}{new_family}"


def _number(key: bytes, text: str) -> int:
    return int.from_bytes(hmac.digest(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)[:8], "big")


@functools.cache
def _name_lists() -> tuple[list[str], list[str]]:
    given = sorted(
        n.capitalize() for n in trained_first_names() if n.isascii() and n.isalpha() and 4 <= len(n) <= 9
    )
    family = sorted(
        n.capitalize() for n in trained_last_names() if n.isascii() and n.isalpha() and 4 <= len(n) <= 10
    )
    return given, family
