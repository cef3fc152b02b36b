"""Generates people of many countries: names in their written forms, mailboxes and logins."""

from __future__ import annotations

import functools
import importlib
import random
import unicodedata
from typing import Any, NamedTuple

#: Locales of Faker with names in Latin script; locales that are common in chats are repeated.
_NAME_LOCALES = (
    "en_US en_US en_US en_US en_US en_GB en_GB en_IN en_IN en_IE en_NZ en_PK de_DE de_AT fr_FR fr_CH es_ES es_MX es_CO "
    "it_IT pt_PT pt_BR nl_NL nl_BE sv_SE da_DK no_NO fi_FI pl_PL cs_CZ sk_SK sl_SI ro_RO hr_HR hu_HU tr_TR id_ID vi_VN "
    "lt_LT lv_LV et_EE yo_NG ha_NG ig_NG zu_ZA tw_GH sw uz_UZ az_AZ ga_IE is_IS en_TH "
    "ja_JP zh_CN zh_TW ru_RU uk_UA bg_BG"
).split()
#: Romanisation of Cyrillic as passports have it (ICAO Doc 9303-3, section 6).
_CYRILLIC = dict(
    zip(
        "абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґ",
        "a b v g d e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y  e iu ia i i ie g".split(" "),
        strict=True,
    )
)
_HONORIFICS = (
    "Mr.",
    "Mrs.",
    "Ms.",
    "Dr.",
    "Prof.",
    "Mr",
    "Mrs",
    "Ms",
    "Dr",
    "Professor",
    "Sir",
    "Herr",
    "Frau",
    "Señora",
    "Judge",
    "Sister",
    "Captain",
    "Coach",
)
_MAIL_HOSTS = "gmail.com yahoo.com outlook.com hotmail.co.uk icloud.com proton.me gmx.de web.de orange.fr libero.it mail.ru qq.com".split()
_SHARE_INVENTED = 0.3
_ORDER = 3
_END = "\0"


class Person(NamedTuple):
    """`given` and `family` name, perhaps a `middle` initial, and what others call them."""

    given: str
    family: str
    middle: str
    nick: str

    @property
    def full(self) -> str:
        """Given name, middle initial if any, family name."""
        return " ".join(part for part in (self.given, self.middle, self.family) if part)


def make_person(random_: random.Random) -> Person:
    """A person of a random country; three in ten have invented names."""
    given, family = _names(random_)
    middle = (
        f"{random_.choice('ABCDEFGHJKLMNPRSTW')}{random_.choice(['', '.', '.'])}"
        if random_.random() < 0.08
        else ""
    )
    nick = given[: random_.randint(3, 4)] if len(given) > 5 and random_.random() < 0.3 else given
    return Person(given, family, middle, nick.split()[0])


def mailbox(person: Person, random_: random.Random, host: str | None = None) -> str:
    """A mailbox made of the person's name."""
    given, family = _ascii(person.given), _ascii(person.family)
    local = random_.choice(
        [
            f"{given}.{family}",
            f"{given}{family}",
            f"{given[:1]}{family}",
            f"{given}_{family}",
            f"{given}{random_.randint(1, 99)}",
            f"{family}.{given}",
            f"{given}",
        ]
    )
    return f"{local}@{host or random_.choice(_MAIL_HOSTS)}"


def login(person: Person, random_: random.Random) -> str:
    """A user name made of the person's name."""
    given, family = _ascii(person.given), _ascii(person.family)
    number = random_.randint(1, 99)
    return random_.choice(
        [
            f"{given[:1]}{family}",
            f"{given}{family[:1]}",
            f"{given}.{family}",
            f"{given}{number}",
            f"{family}{given[:1]}",
            f"{given}_{family}",
            f"{given[:1]}{family}{number}",
        ]
    )[:31]


def honorific(random_: random.Random) -> str:
    """A title before a name."""
    return random_.choice(_HONORIFICS)


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(character for character in plain if character.isalnum()) or "user"


def _names(random_: random.Random) -> tuple[str, str]:
    given, family = _lists(random_.choice(_NAME_LOCALES))
    if random_.random() < _SHARE_INVENTED:
        return _invent(given, random_), _invent(family, random_)
    return random_.choice(given), random_.choice(family)


@functools.cache
def _lists(locale: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Given and family names of a locale, as Faker lists them."""
    provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
    given = _listed(provider, ("first_romanized_names",)) or _listed(
        provider, ("first_names", "first_names_male", "first_names_female")
    )
    family = _listed(provider, ("last_romanized_names",)) or _listed(
        provider, ("last_names", "last_names_male", "last_names_female")
    )
    return given, family or given


def _listed(provider: Any, attributes: tuple[str, ...]) -> tuple[str, ...]:
    names = {_romanised(str(name)) for one in attributes for name in getattr(provider, one, ())}
    return tuple(sorted(n for n in names if len(n) > 1 and n[0].isupper() and len(n.split()) <= 2))


def _romanised(name: str) -> str:
    latin = "".join(_CYRILLIC.get(letter, letter) for letter in name.lower())
    return name if latin == name.lower() and not name.isupper() else latin.title()


def _invent(names: tuple[str, ...], random_: random.Random) -> str:
    """A name similar to those of a list, from a Markov chain of order three over letters."""
    chain = _chain(names)
    for _ in range(20):
        name = ""
        while len(name) < 14:
            following = chain.get(
                name[-_ORDER:].rjust(_ORDER, _END) if len(name) < _ORDER else name[-_ORDER:]
            )
            letter = random_.choice(following) if following else _END
            if letter == _END:
                break
            name += letter
        if 3 <= len(name) <= 13 and name.isalpha():
            return name.capitalize()
    return random_.choice(names)


@functools.cache
def _chain(names: tuple[str, ...]) -> dict[str, list[str]]:
    chain: dict[str, list[str]] = {}
    for name in names:
        padded = _END * _ORDER + name.lower() + _END
        for place in range(len(padded) - _ORDER):
            key = padded[place : place + _ORDER]
            chain.setdefault(key, []).append(padded[place + _ORDER])
    return chain
