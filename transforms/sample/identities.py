"""Generates people and identifiers for the synthetic corpus, from reserved or test ranges."""

from __future__ import annotations

import functools
import random
import string
import unicodedata
from typing import NamedTuple

from faker import Faker

from transforms.deid.rules.check_digits import luhn

_LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES")
_POOL = 400
_BASE32 = string.ascii_uppercase + "234567"
_ALNUM = string.ascii_letters + string.digits


class Planted(NamedTuple):
    """A personal value in the corpus: its entity type and its text."""

    type: str
    value: str


class Identity(NamedTuple):
    """The person of one session, with all personal values."""

    name: Planted
    email: Planted
    phone: Planted
    address: Planted
    card: Planted
    iban: Planted
    ssn: Planted
    ip: Planted
    mac: Planted
    username: Planted
    token: Planted
    access_key: Planted


def identity(number: int, rng: random.Random) -> Identity:
    """The person of a session number. All values but name and address are unique to the number."""
    first, last = rng.choice(_names())
    handle = f"{_ascii(first)}{_ascii(last)[:6]}{number}".lower()
    domain = rng.choice(("example.com", "example.org", "example.net"))
    return Identity(
        Planted("PERSON", f"{first} {last}"),
        Planted("EMAIL_ADDRESS", f"{_ascii(first)}.{_ascii(last)}{number}@{domain}".lower()),
        Planted("PHONE_NUMBER", f"+44 7{number // 10**6 % 1000:03d} {number % 10**6:06d}"),
        Planted("ADDRESS", rng.choice(_addresses())),
        Planted("CREDIT_CARD", _card(number)),
        Planted("IBAN_CODE", _iban(number)),
        Planted(
            "US_SSN",
            f"{number % 898 + 1 + (number % 898 >= 665):03d}-{number // 898 % 99 + 1:02d}-{number % 9999 + 1:04d}",
        ),
        Planted("IP_ADDRESS", f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"),
        Planted("MAC_ADDRESS", ":".join(f"{byte:02x}" for byte in (0x02, 0x5E, *number.to_bytes(4, "big")))),
        Planted("USERNAME", handle),
        Planted("SECRET", "ghp_" + "".join(rng.choices(_ALNUM, k=36))),
        Planted("SECRET", "AKIA" + "".join(rng.choices(_BASE32, k=16))),
    )


def _card(number: int) -> str:
    body = f"4242{number % 10**11:011d}"
    digits = next(body + check for check in string.digits if luhn(body + check))
    return " ".join(digits[place : place + 4] for place in range(0, 16, 4))


def _iban(number: int) -> str:
    account = f"NWBK601613{number % 10**8:08d}"
    numeric = "".join(str(int(character, 36)) for character in account + "GB00")
    compact = f"GB{98 - int(numeric) % 97:02d}{account}"
    return " ".join(compact[place : place + 4] for place in range(0, len(compact), 4))


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name)
    return "".join(character for character in plain if character.isascii() and character.isalpha()) or "x"


@functools.cache
def _names() -> list[tuple[str, str]]:
    names = []
    for place, locale in enumerate(_LOCALES):
        faker = Faker(locale)
        faker.seed_instance(place)
        names += [(faker.first_name(), faker.last_name()) for _ in range(_POOL // len(_LOCALES))]
    return names


@functools.cache
def _addresses() -> list[str]:
    faker = Faker("en_US")
    faker.seed_instance(1)
    streets = ("Street", "Avenue", "Road", "Lane", "Drive")
    return [
        f"{faker.random_int(1, 9999)} {faker.last_name()} {streets[n % 5]}, Springfield, IL {faker.random_int(60000, 62999)}"
        for n in range(_POOL)
    ]
