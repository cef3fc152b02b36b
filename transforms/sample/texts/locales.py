"""Faker by locale, the same in every process."""

from __future__ import annotations

import functools

from faker import Faker


@functools.cache
def faker_of(locale: str) -> Faker:
    """The generator of a locale; one a process, so seed it before each use."""
    faker = Faker(locale)
    if locale == "it_IT":
        # Faker lists the cities of this locale in the order of a set of strings, which differs by process.
        (address,) = (one for one in faker.get_providers() if hasattr(one, "cities"))
        address.cities = sorted(address.cities)
    return faker
