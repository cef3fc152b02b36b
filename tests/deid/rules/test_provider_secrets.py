"""Secrets in the documented format of their providers are found; similar strings are not masked."""

from __future__ import annotations

import random
import re
import time

import pytest

from transforms.deid.rules.provider_keys import PROVIDER_KEY_RULES
from transforms.deid.rules.provider_secrets import ProviderSecret, provider_secrets
from transforms.deid.rules.rule import compiled
from transforms.deid.rules.scanner import PatternScanner
from transforms.sample.texts.secrets import filled

SCANNER = PatternScanner({"SECRET"})
SECRETS = provider_secrets()
SURROUNDINGS = (
    "{}",
    "export KEY={}",
    'the key "{}" leaked',
    "curl -H 'X-Api-Key: {}' https://api.example.org",
    '{{"key": "{}"}}',
    "see {}, please",
)


def ids(secret: ProviderSecret) -> str:
    return f"{secret.provider} {secret.kind}"


def test_there_are_many_providers_each_documented_once() -> None:
    """Each pattern must have the provider's documentation as its source."""
    assert len({secret.provider for secret in SECRETS}) >= 150
    assert len({ids(secret) for secret in SECRETS}) == len(SECRETS)
    assert all(re.match(r"https://[\w.-]+\.\w+", secret.docs) for secret in SECRETS)
    assert all(secret.examples and secret.near for secret in SECRETS)


@pytest.mark.parametrize("secret", SECRETS, ids=ids)
def test_a_provider_secret_is_masked_completely_in_any_context(secret: ProviderSecret) -> None:
    """A partly masked key can be guessed in less time."""
    random_ = random.Random(ids(secret))
    for example in secret.examples:
        for around in SURROUNDINGS:
            value = filled(example, random_)
            assert len(value) <= secret.longest
            lead = f"{secret.context[0]} " if secret.context else ""
            text = lead + around.format(value)
            covered = {n for span in SCANNER.scan([text])[0] for n in range(span.start, span.end)}
            place = text.index(value, len(lead))
            assert {n for n in range(place, place + len(value)) if text[n].isalnum()} <= covered, text


@pytest.mark.parametrize("secret", SECRETS, ids=ids)
def test_a_near_miss_of_a_provider_secret_is_not_masked(secret: ProviderSecret) -> None:
    """Identifiers, placeholders in documentation and class names can begin like keys."""
    random_ = random.Random(ids(secret))
    rules = [rule for rule in PROVIDER_KEY_RULES if secret.pattern in rule.exact]
    assert rules
    for near in secret.near:
        text = f"see {filled(near, random_)} there"
        found = [rule.judge(match) for rule in rules for match in compiled(rule.exact).finditer(text)]
        assert not [verdict for verdict in found if verdict is not None], text


@pytest.mark.parametrize("secret", [s for s in SECRETS if s.context], ids=ids)
def test_an_ambiguous_shape_needs_its_context_word(secret: ProviderSecret) -> None:
    """Thirty-two hexadecimal digits are a digest, but after the name of a provider they are its key."""
    value = filled(secret.examples[0], random.Random(ids(secret)))
    rule = next(
        r for r in PROVIDER_KEY_RULES if r.exact.find(secret.pattern) > 0 and r.reach and r.reach[0] == 0
    )
    assert [
        m for m in compiled(rule.exact).finditer(f"it is {value} there") if rule.judge(m) is not None
    ] == []


def test_every_pattern_is_linear() -> None:
    """A long run of one character must not block a worker."""
    texts = [unit * (60_000 // len(unit)) for unit in ("a", "A", "1", "-", "_", "A1b-", "sk-", "eyJ", "://")]
    for rule in PROVIDER_KEY_RULES:
        started = time.process_time()
        for text in texts:
            for _ in compiled(rule.exact).finditer(text):
                pass
        assert time.process_time() - started < 20, rule.trigger
