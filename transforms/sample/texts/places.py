"""Generates postal addresses in the forms of many countries, as people write them."""

from __future__ import annotations

import functools
import random
import re
from typing import NamedTuple

from transforms.sample.texts.locales import faker_of

_LOCALES = (
    "en_US en_US en_US en_US en_GB en_GB en_AU en_CA en_IE en_NZ en_IN de_DE de_AT de_CH fr_FR fr_CH es_ES es_MX it_IT pt_PT "
    "pt_BR nl_NL nl_BE sv_SE da_DK no_NO fi_FI pl_PL cs_CZ sk_SK ro_RO hr_HR hu_HU sl_SI id_ID en_PH"
).split()
#: Countries that write the house number before the street.
_NUMBER_FIRST = frozenset("en_US en_GB en_AU en_CA en_IE en_NZ en_IN en_PH fr_FR fr_CH".split())
#: Countries that write the postcode behind the city.
_CITY_FIRST = frozenset("en_US en_GB en_AU en_CA en_IE en_NZ en_IN en_PH id_ID".split())
_UNITS = (
    "Apt {n}",
    "Apt. {n}",
    "Unit {n}",
    "Suite {n}",
    "Ste. {n}",
    "#{n}",
    "Flat {n}",
    "Apartment {n}{l}",
    "Floor {f}",
    "{f}th floor",
    "Building {l}",
    "Box {n}",
    "bus {f}",
    "Top. {f}",
    "2. Stock",
    "Piso {f}",
    "esc. {l}",
)
_US_STREETS = (
    "St",
    "St.",
    "Street",
    "Ave",
    "Ave.",
    "Avenue",
    "Rd",
    "Road",
    "Blvd",
    "Drive",
    "Dr",
    "Dr.",
    "Lane",
    "Ln",
    "Court",
    "Ct",
    "Way",
    "Pl",
    "Place",
    "Terrace",
    "Circle",
    "Highway",
    "Pkwy",
    "Trail",
    "Loop",
    "Sq",
)
_DIRECTIONS = ("N", "S", "E", "W", "NW", "SE", "North", "South", "East", "West")
_ORDINALS = (
    "1st",
    "2nd",
    "3rd",
    "4th",
    "5th",
    "12th",
    "21st",
    "42nd",
    "86th",
    "Main",
    "Oak",
    "Maple",
    "Park",
    "Elm",
    "Lake",
    "Hill",
    "Church",
    "Mill",
    "Station",
    "High",
    "Victoria",
    "Washington",
    "Lincoln",
    "Cedar",
    "Broad",
    "Sunset",
    "Highland",
    "River",
    "Spring",
    "Ridge",
)


_SHARE_OTHER = 0.05
_SHARE_LINES = 0.12


class Address(NamedTuple):
    """The parts of one address; `state` and `unit` may be empty. Their order depends on the country."""

    street: str
    unit: str
    city: str
    state: str
    postcode: str
    country: str
    city_first: bool

    @property
    def city_line(self) -> str:
        """City, state and postcode as the country writes them."""
        if not self.city_first:
            return f"{self.postcode} {self.city}"
        return f"{self.city}, {self.state} {self.postcode}" if self.state else f"{self.city} {self.postcode}"


def make_address(random_: random.Random) -> Address:
    """An address of a random country; sometimes with parts of several countries, as in synthetic data."""
    locale = random_.choice(_LOCALES)
    city_of = locale if random_.random() < 0.85 else random_.choice(_LOCALES)
    streets, _, _ = _faker_lists(locale)
    _, cities, postcodes = _faker_lists(city_of)
    unit = random_.choice(_UNITS) if random_.random() < 0.3 else ""
    unit = unit.format(n=random_.randint(1, 999), f=random_.randint(2, 9), l=random_.choice("ABCDEF"))
    return Address(
        _street(locale, random_.choice(streets), random_),
        unit,
        random_.choice(cities),
        _state(city_of, random_),
        random_.choice(postcodes),
        random_.choice(_countries()),
        city_of in _CITY_FIRST,
    )


def on_one_line(address: Address, random_: random.Random) -> str:
    """The address with commas; sometimes without country, unit or postcode."""
    draw = random_.random()
    if draw < _SHARE_OTHER:
        return _other(random_, ", ")
    if draw < _SHARE_OTHER + _SHARE_LINES:
        return on_lines(address, random_)
    parts = [address.street, address.unit]
    if random_.random() < 0.2:
        parts = [" ".join(part for part in parts if part)]
    parts.append(address.city_line if random_.random() < 0.85 else address.city)
    if random_.random() < 0.25:
        parts.append(address.country)
    comma = ", " if random_.random() < 0.9 else " "
    return comma.join(part for part in parts if part)


def on_lines(address: Address, random_: random.Random) -> str:
    """The address as on an envelope, one part per line."""
    if random_.random() < _SHARE_OTHER:
        return _other(random_, "\n")
    street = (
        f"{address.street} {address.unit}" if random_.random() < 0.5 else f"{address.street}\n{address.unit}"
    )
    parts = [street.strip()]
    if random_.random() < 0.2:
        parts += [address.city, *([address.state] if address.state else []), address.postcode]
    elif random_.random() < 0.1:
        parts += [
            f"Suite {random_.randint(1, 999)}",
            f" {address.city}",
            f"{address.country} {address.postcode}",
        ]
    else:
        parts.append(address.city_line)
    if random_.random() < 0.4:
        parts.append(address.country)
    return random_.choice(["\n", "\n", "\n", ",\n", "\n "]).join(parts)


def _other(random_: random.Random, between: str) -> str:
    """A post office box or a military address (USPS Publication 28)."""
    n, m = random_.randint(1, 9999), random_.randint(1, 99999)
    zip_code = f"{random_.choice(['AA 34', 'AE 09', 'AP 96'])}{random_.randint(0, 999):03d}"
    city = random_.choice(_faker_lists("en_US")[1])
    state = f"{city}, {_state('en_US', random_)} {random_.randint(501, 99950):05d}"
    return random_.choice(
        [
            f"PSC {n}, Box {m}{between}APO {zip_code}",
            f"Unit {n} Box {m}{between}DPO {zip_code}",
            f"USS {city.split()[0]}{between}FPO {zip_code}",
            f"P.O. Box {m}{between}{state}",
            f"PO Box {n}{between}{state}",
            f"RR {n % 9 + 1} Box {n}{between}{state}",
            f"the corner of {random_.choice(_ORDINALS)} {random_.choice(_US_STREETS)} and {random_.choice(_ORDINALS)} {random_.choice(_US_STREETS)}",
        ]
    )


def _street(locale: str, name: str, random_: random.Random) -> str:
    number = str(random_.randint(1, 400) if random_.random() < 0.7 else random_.randint(400, 19999))
    number += (
        random_.choice(["", "", "", "", "", "a", "B", "-12", "/2", " bis"]) if random_.random() < 0.3 else ""
    )
    if locale == "en_US" and random_.random() < 0.4:
        direction = f"{random_.choice(_DIRECTIONS)} " if random_.random() < 0.25 else ""
        name = f"{direction}{random_.choice(_ORDINALS)} {random_.choice(_US_STREETS)}"
    if locale in _NUMBER_FIRST:
        comma = "," if locale.startswith("fr") and random_.random() < 0.4 else ""
        return f"{number}{comma} {name}"
    if random_.random() < 0.2:
        return f"{number} {name}{random_.choice(['', f' {random_.randint(1, 99)}'])}"
    return f"{name}{random_.choice([' ', ' ', ' ', ', ', ' nº ' if locale[:2] in ('es', 'pt') else ' '])}{number}"


def _state(locale: str, random_: random.Random) -> str:
    faker = faker_of(locale)
    name = {"en_US": "state_abbr", "en_CA": "province_abbr", "en_AU": "state_abbr"}.get(locale)
    if name is None:
        return ""
    faker.seed_instance(random_.getrandbits(32))
    if locale == "en_US" and random_.random() < 0.2:
        return str(faker.state())
    return str(getattr(faker, name)())


@functools.cache
def _faker_lists(locale: str) -> tuple[list[str], list[str], list[str]]:
    """Street names, cities and postcodes of a locale, some hundred of each, always the same."""
    faker = faker_of(locale)
    faker.seed_instance(sum(locale.encode()))
    streets = sorted(
        {re.sub(r"[\d/-]+\w?\Z|\A[\d/-]+\w? ", "", str(faker.street_name())).strip() for _ in range(800)}
    )
    cities = sorted({str(faker.city()) for _ in range(800)})
    return [s for s in streets if len(s) > 3], cities, sorted({str(faker.postcode()) for _ in range(800)})


@functools.cache
def _countries() -> list[str]:
    faker = faker_of("en_US")
    faker.seed_instance(7)
    return sorted(
        {str(faker.country()) for _ in range(600)}
        | {"USA", "UK", "U.S.A.", "United Kingdom", "Deutschland", "España", "Schweiz"}
    )
