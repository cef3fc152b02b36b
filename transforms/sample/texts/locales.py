"""Faker generators by locale, with equal results in every process."""

from __future__ import annotations

import functools

from faker import Faker


@functools.cache
def faker_of(locale: str) -> Faker:
    """The generator of a locale. A process shares it, so seed it before each use."""
    faker = Faker(locale)
    if locale == "it_IT":
        # Faker orders the cities of this locale as a set of strings, which differs between processes.
        (address,) = (one for one in faker.get_providers() if hasattr(one, "cities"))
        address.cities = sorted(address.cities)
    return faker
