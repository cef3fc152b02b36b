"""What stands in the place of a value: the same through a session, unlinkable to any other session."""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Literal

from transforms.deid.lexicon import first_names, last_names
from transforms.deid.spans import Span

_LITERAL = re.compile(r"<([A-Z][A-Z_]{1,40})_(\d{1,9})>")
_BY_DIGITS = frozenset({"PHONE_NUMBER", "CREDIT_CARD", "US_SSN", "BANK_ACCOUNT"})
_TITLES = frozenset("mr mrs ms dr prof miss sir madam mx".split())
#: Never made realistic: a fake secret or government id could be somebody's.
_ALWAYS_PLACEHOLDER = frozenset({"SECRET", "GOV_ID", "US_SSN", "BANK_ACCOUNT", "DATE_OF_BIRTH"})


class Surrogates:
    """The surrogates of one session, numbered by first appearance over its texts in order.

    A text that holds `<PERSON_3>` itself moves the numbering behind it, so no two things share a surrogate.
    """

    def __init__(
        self,
        style: Literal["placeholder", "realistic"],
        session_key: bytes,
        texts: Sequence[str],
        found: Sequence[Sequence[Span]],
    ) -> None:
        self._style = style
        self._key = session_key
        self._numbers: dict[str, int] = {}
        self._made: dict[tuple[str, str], str] = {}
        for text in texts:
            for kind, number in _LITERAL.findall(text):
                self._numbers[kind] = max(self._numbers.get(kind, 0), int(number))
        values = [
            (span.type, text[span.start : span.end])
            for text, spans in zip(texts, found, strict=True)
            for span in spans
        ]
        self._people = _People([value for kind, value in values if kind == "PERSON"])
        for kind, value in values:
            self.of(kind, value)

    @property
    def made(self) -> frozenset[str]:
        """Every surrogate given so far."""
        return frozenset(self._made.values())

    def of(self, kind: str, value: str) -> str:
        """The surrogate of a value of a kind."""
        identity = self._people.identity(value) if kind == "PERSON" else normal(kind, value)
        known = self._made.get((kind, identity))
        if known is None:
            realistic = self._style == "realistic" and kind not in _ALWAYS_PLACEHOLDER
            known = (realistic and _realistic(self._key, kind, identity)) or self._placeholder(kind)
            self._made[kind, identity] = known
        return known

    def _placeholder(self, kind: str) -> str:
        self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return f"<{kind}_{self._numbers[kind]}>"


def normal(kind: str, value: str) -> str:
    """The form in which two spellings of one value are equal."""
    if kind in _BY_DIGITS:
        return re.sub(r"\D", "", value) or value
    if kind == "IBAN_CODE":
        return re.sub(r"[^A-Za-z0-9]", "", value).upper()
    if kind == "SECRET":
        return value
    return " ".join(value.split()).casefold()


def session_key(key: bytes, conversation_key: bytes) -> bytes:
    """The key of a session's surrogates: without the run's key they cannot be computed."""
    return hmac.digest(key, b"surrogates\0" + conversation_key, "sha256")


class _People:
    """Who is who: a name's parts mean the person whose full name holds them, if there is just one."""

    def __init__(self, names: Sequence[str]) -> None:
        full = {_words(name) for name in names}
        self._full = sorted(words for words in full if len(words) > 1)

    def identity(self, name: str) -> str:
        words = _words(name)
        owners = [full for full in self._full if set(words) <= set(full)]
        largest = [full for full in owners if not any(set(full) < set(other) for other in owners)]
        same = {tuple(sorted(full)) for full in largest}
        return " ".join(next(iter(same)) if len(same) == 1 else sorted(words))


def _words(name: str) -> tuple[str, ...]:
    words = (re.sub(r"['’]s\Z", "", word).strip(".,'’").casefold() for word in re.split(r"[\s,]+", name))
    kept = tuple(word for word in words if len(word) > 1 and word not in _TITLES)
    return kept or (name.casefold(),)


def _realistic(key: bytes, kind: str, identity: str) -> str | None:
    """A made-up value from ranges reserved for documentation, or None where there is none for the kind."""
    number = _number(key, f"{kind}\0{identity}")
    if kind == "PERSON":
        words = identity.split()
        given, family = _name_lists()
        first = given[_number(key, f"first\0{words[0]}") % len(given)]
        last = family[_number(key, f"last\0{words[-1]}") % len(family)]
        return f"{first} {last}"
    if kind == "EMAIL_ADDRESS":
        return f"user{number % 10**8:08d}@example.{('com', 'org', 'net')[number % 3]}"
    if kind == "PHONE_NUMBER":
        return f"+1 {200 + number % 700}-555-01{number // 700 % 100:02d}"
    if kind == "IP_ADDRESS":
        return f"2001:db8::{number % 65535 + 1:x}" if ":" in identity else f"203.0.113.{number % 254 + 1}"
    if kind == "MAC_ADDRESS":
        return "00:00:5e:00:53:" + f"{number % 256:02x}"  # RFC 7042, section 2.1.2
    if kind == "USERNAME":
        return f"user{number % 10**6:06d}"
    if kind == "CREDIT_CARD":
        return "4242 4242 4242 4242"
    return None


def _number(key: bytes, text: str) -> int:
    return int.from_bytes(hmac.digest(key, text.encode(), hashlib.sha256)[:8], "big")


@functools.cache
def _name_lists() -> tuple[list[str], list[str]]:
    given = sorted(n.capitalize() for n in first_names() if n.isascii() and n.isalpha() and 4 <= len(n) <= 9)
    family = sorted(n.capitalize() for n in last_names() if n.isascii() and n.isalpha() and 4 <= len(n) <= 10)
    return given, family
