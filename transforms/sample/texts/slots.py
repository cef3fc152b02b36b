"""Values of template slots: `<<person.email>>`, `<<address.lines>>`, `<<card>>`, `<<company>>`, ...

A slot gives pieces of text, each with the type that it is the truth of, or None.
"""

from __future__ import annotations

import datetime as dt
import functools
import importlib.resources
import ipaddress
import random
import string
from collections.abc import Callable
from typing import Any

import yaml

from transforms.deid.rules.check_digits import luhn
from transforms.sample.texts.locales import faker_of
from transforms.sample.texts.people import Person, honorific, login, mailbox, make_person
from transforms.sample.texts.places import Address, make_address, on_lines, on_one_line
from transforms.sample.texts.secrets import make_password, make_secret

#: A text and its entity type.
Piece = tuple[str, str | None]
#: Labels that the tagger learns in addition: not identifiers, but capitalised like names of people.
ORGANIZATION, LOCATION, WORK = "ORGANIZATION", "LOCATION", "WORK"
AUXILIARY = frozenset({ORGANIZATION, LOCATION, WORK})
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = ("January February March April May June July August September October November December").split()
_AUXILIARY_SLOTS = {
    "company": ORGANIZATION, "team": ORGANIZATION, "band": ORGANIZATION,
    "city": LOCATION, "country": LOCATION, "region": LOCATION,
    "brandname": ORGANIZATION, "sportteam": ORGANIZATION, "namesakeplace": LOCATION, "toolname": WORK, "vessel": WORK,
    "product": WORK, "technology": WORK, "book": WORK, "film": WORK,
}  # fmt: skip
_PHONE_LOCALES = "en_US en_US en_US en_GB de_DE fr_FR es_ES it_IT nl_NL sv_SE en_AU en_IN pl_PL pt_BR".split()
_IBAN_LOCALES = "de_DE en_GB fr_FR es_ES it_IT nl_NL pl_PL de_AT de_CH no_NO".split()
_CARD_RANGES = (
    ("4", 16),
    ("51", 16),
    ("55", 16),
    ("34", 15),
    ("37", 15),
    ("6011", 16),
    ("3528", 16),
    ("2221", 16),
    ("36", 14),
)


class Slots:
    """The slot values of one text: a number refers to the same person, address or value in the whole text."""

    def __init__(self, random_: random.Random) -> None:
        self._random = random_
        self._people: dict[str, Person] = {}
        self._addresses: dict[str, Address] = {}
        self._values: dict[str, list[Piece]] = {}

    def pieces(self, slot: str) -> list[Piece]:
        """The text of a slot in pieces; KeyError for an unknown slot."""
        if slot not in self._values:
            self._values[slot] = self._make(slot)
        return self._values[slot]

    def _make(self, slot: str) -> list[Piece]:
        name, _, part = slot.partition(".")
        kind, number = name.rstrip(string.digits), name[len(name.rstrip(string.digits)) :]
        if kind == "person":
            return self._person(self._of(self._people, number, make_person), part)
        if kind == "address":
            return [(self._address(self._of(self._addresses, number, make_address), part), "ADDRESS")]
        if slot in _IDENTIFIERS or kind in _IDENTIFIERS:
            make, label = _IDENTIFIERS[slot if slot in _IDENTIFIERS else kind]
            return [(make(self._random), label)]
        if kind in ("email", "user"):
            person = make_person(self._random)
            if kind == "email":
                return [(mailbox(person, self._random), "EMAIL_ADDRESS")]
            return [(login(person, self._random), "USERNAME")]
        if kind in _FILLERS:
            return [(_FILLERS[kind](self._random), _AUXILIARY_SLOTS.get(kind))]
        return [(self._random.choice(listed()[kind]), _AUXILIARY_SLOTS.get(kind))]

    def _of(self, made: dict[str, Any], number: str, make: Callable[[random.Random], Any]) -> Any:
        if number not in made:
            made[number] = make(self._random)
        return made[number]

    def _person(self, person: Person, part: str) -> list[Piece]:
        given, family = person.given, person.family
        if part == "email":
            return [(mailbox(person, self._random), "EMAIL_ADDRESS")]
        if part == "work_email":
            host = f"{self._random.choice(_HOSTS)}.{self._random.choice(['com', 'org', 'io', 'net', 'de', 'co.uk', 'edu'])}"
            return [(mailbox(person, self._random, host), "EMAIL_ADDRESS")]
        if part == "user":
            return [(login(person, self._random), "USERNAME")]
        if part == "titled":
            return [
                (f"{honorific(self._random)} ", None),
                (self._random.choice([person.full, family, family]), "PERSON"),
            ]
        text = {
            "": person.full,
            "first": given,
            "last": family,
            "reversed": f"{family}, {given}",
            "initial": f"{given[0]}. {family}",
            "upper": f"{given} {family}".upper(),
            "lower": f"{given} {family}".lower(),
            "first_lower": given.lower(),
            "nick": person.nick,
        }[part]
        return [(text, "PERSON")]

    def _address(self, address: Address, part: str) -> str:
        if part == "lines":
            return on_lines(address, self._random)
        return {
            "": on_one_line(address, self._random),
            "street": address.street,
            "street_city": f"{address.street}, {address.city}",
            "city_line": address.city_line,
            "postcode": address.postcode,
        }[part]


@functools.cache
def listed() -> dict[str, list[str]]:
    """Fillers that are lists, from `templates/slots.yaml`."""
    data = importlib.resources.files("transforms.sample.texts").joinpath("templates/slots.yaml")
    return {
        name: [str(value) for value in values]
        for name, values in yaml.safe_load(data.read_text("utf-8")).items()
    }


def _faked(method: str, locales: list[str] | None = None) -> Callable[[random.Random], str]:
    def make(random_: random.Random) -> str:
        faker = faker_of(random_.choice(locales) if locales else "en_US")
        faker.seed_instance(random_.getrandbits(32))
        return str(getattr(faker, method)())

    return make


def _digits(shape: str) -> Callable[[random.Random], str]:
    """One of the shapes separated by |: 0 is a digit, A a capital letter, others are literal."""

    def make(random_: random.Random) -> str:
        signs = {"0": string.digits, "A": string.ascii_uppercase}
        return "".join(random_.choice(signs.get(sign, sign)) for sign in random_.choice(shape.split("|")))

    return make


def _card(random_: random.Random) -> str:
    prefix, length = random_.choice(_CARD_RANGES)
    body = prefix + "".join(random_.choice(string.digits) for _ in range(length - len(prefix) - 1))
    number = next(body + last for last in string.digits if luhn(body + last))
    gap = random_.choice(["", "", " ", "-"])
    return gap.join([number[:4], number[4:8], number[8:12], number[12:]]) if length == 16 else number


def _ssn(random_: random.Random) -> str:
    return f"{random_.choice([*range(1, 666), *range(667, 900)]):03d}-{random_.randint(1, 99):02d}-{random_.randint(1, 9999):04d}"


def _iban(random_: random.Random) -> str:
    iban = _faked("iban", _IBAN_LOCALES)(random_)
    return iban if random_.random() < 0.5 else " ".join(iban[n : n + 4] for n in range(0, len(iban), 4))


def _ip(random_: random.Random) -> str:
    while True:
        address = ipaddress.IPv4Address(random_.getrandbits(32))
        if address.is_global or str(address).startswith(("10.", "192.168.")):
            return str(address)


def _ip6(random_: random.Random) -> str:
    return str(ipaddress.IPv6Address((0x2A << 120) | random_.getrandbits(120)))


def _mac(random_: random.Random) -> str:
    return random_.choice([":", "-"]).join(f"{random_.getrandbits(8):02x}" for _ in range(6))


def _hex(random_: random.Random) -> str:
    return f"{random_.getrandbits(256):064x}"[: random_.choice([32, 40, 64])]


def _company(random_: random.Random) -> str:
    """A company, often named after its founders."""
    if random_.random() < 0.4:
        names = [make_person(random_).family for _ in range(random_.randint(1, 3))]
        if len(names) == 3:
            return f"{names[0]}, {names[1]} and {names[2]}"
        ends = ["Inc", "LLC", "Ltd", "Group", "and Sons", "& Co", "GmbH", "PLC", "Partners", "Bros"]
        return f"{random_.choice([' and ', '-', ' & ']).join(names)} {random_.choice(ends)}"
    return _faked("company", ["en_US", "en_US", "en_GB", "de_DE", "fr_FR", "nl_NL"])(random_)


def _birth_date(random_: random.Random) -> str:
    day = dt.date(1935, 1, 1) + dt.timedelta(days=random_.randint(0, 27_000))
    return day.strftime(
        random_.choice(["%Y-%m-%d", "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d %B %Y"])
    )


def _date(random_: random.Random) -> str:
    moment = dt.datetime(2015, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=random_.randint(0, 340_000_000))
    shapes = ["%Y-%m-%d", "%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%dT%H:%M:%S"]
    return moment.strftime(random_.choice(shapes))


def _version(random_: random.Random) -> str:
    return ".".join(str(random_.randint(0, 20)) for _ in range(random_.choice([2, 3, 3])))


def _price(random_: random.Random) -> str:
    return f"{random_.choice('$€£')}{random_.randint(1, 4000)}{random_.choice(['', '.99', '.50', ',00'])}"


def _uuid(random_: random.Random) -> str:
    digits = f"{random_.getrandbits(128):032x}"
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


_HOSTS = "brightwater harborline nordwind greenfield acmeworks bluepeak silverlake stonebridge redwood lumenlab".split()
_IDENTIFIERS: dict[str, tuple[Callable[[random.Random], str], str]] = {
    "phone": (_faked("phone_number", _PHONE_LOCALES), "PHONE_NUMBER"),
    "card": (_card, "CREDIT_CARD"),
    "iban": (_iban, "IBAN_CODE"),
    "ssn": (_ssn, "US_SSN"),
    "passport": (_digits("A00000000|000000000|AA0000000|A0000000"), "GOV_ID"),
    "licence": (_digits("A0000000|A000-0000-0000|AAAAA000000AA0AA|00000000"), "GOV_ID"),
    "tax_id": (_digits("00-0000000|00 000 000 000|00000000000|000.000.000-00"), "GOV_ID"),
    "health_id": (_digits("000 000 0000|0000000000|A000000000|0AA0-AA0-AA00"), "GOV_ID"),
    "bank_account": (_digits("00000000|0000000000|000000000000|0000-0000-00"), "BANK_ACCOUNT"),
    "birth_date": (_birth_date, "DATE_OF_BIRTH"),
    "ip": (_ip, "IP_ADDRESS"),
    "ip6": (_ip6, "IP_ADDRESS"),
    "mac": (_mac, "MAC_ADDRESS"),
    "password": (make_password, "SECRET"),
    "secret": (make_secret, "SECRET"),
    "hex_secret": (_hex, "SECRET"),
}
_FILLERS: dict[str, Callable[[random.Random], str]] = {
    "city": _faked("city", ["en_US", "en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL"]),
    "country": _faked("country"),
    "company": _company,
    "job": _faked("job"),
    "date": _date,
    "time": lambda r: f"{r.randint(0, 23)}:{r.randint(0, 59):02d}",
    # Faker draws these from the days up to today.
    "weekday": lambda r: r.choice(_WEEKDAYS),
    "month": lambda r: r.choice(_MONTHS),
    "number": lambda r: str(r.randint(0, 10 ** r.randint(1, 6))),
    "price": _price,
    "order_id": _digits("000-0000000|AA-00000|#00000|00000000"),
    "uuid": _uuid,
    "sha": lambda r: f"{r.getrandbits(160):040x}"[: r.choice([7, 10, 40])],
    "version": _version,
    "port": lambda r: str(r.choice([22, 80, 443, 3000, 5432, 6379, 8000, 8080, 9090])),
    "url": _faked("uri"),
    "word": _faked("word"),
    "sentence": _faked("sentence"),
}
