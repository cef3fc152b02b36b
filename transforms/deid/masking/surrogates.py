"""Surrogates of values: the same throughout a session, unlinkable to other sessions."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from schemas.deid import Operator, Style
from transforms.deid.masking.forms import Form
from transforms.deid.masking.person_index import PersonIndex, name_words
from transforms.deid.masking.realistic_values import realistic_value
from transforms.deid.spans import Span

_LITERAL = re.compile(r"\b([A-Z][A-Z_]{1,40})_(\d{1,9})\b")
#: A faster search that every text with a literal matches.
_SIGN = re.compile(r"_\d")
_BY_DIGITS = frozenset({"PHONE_NUMBER", "CREDIT_CARD", "US_SSN", "BANK_ACCOUNT"})
#: Never realistic: a generated secret or government id could be a real one.
_ALWAYS_PLACEHOLDER = frozenset({"SECRET", "GOV_ID", "US_SSN", "BANK_ACCOUNT", "DATE_OF_BIRTH", "IBAN_CODE"})
_MAX_TRIES = 50


class Surrogates:
    """The surrogates of one session, numbered by first appearance in its texts in order.

    If a text itself contains `<PERSON_3>`, numbering continues after it, so that no two values share a
    surrogate.
    """

    def __init__(
        self,
        style: Style,
        session_key: bytes,
        texts: Sequence[str],
        found: Sequence[Sequence[Span]],
        operators: Mapping[str, Operator],
        custom: Mapping[str, Callable[[str], str]] = MappingProxyType({}),
    ) -> None:
        self._style = style
        self._operators = operators
        self._custom = custom
        self._key = session_key
        self._numbers: dict[str, int] = {}
        self._made: dict[tuple[str, str], str] = {}
        self._answers: dict[tuple[str, str, Form], str] = {}
        self._given = {one.value for one in operators.values() if one.value}
        for text in texts:
            for kind, number in _LITERAL.findall(text) if _SIGN.search(text) else ():
                self._numbers[kind] = max(self._numbers.get(kind, 0), int(number))
        values = [
            (span.type, text[span.start : span.end])
            for text, spans in zip(texts, found, strict=True)
            for span in spans
        ]
        self._people = PersonIndex([value for kind, value in values if kind == "PERSON"])
        for kind, value in values:
            self.of(kind, value)

    def of(self, kind: str, value: str, form: Form = "") -> str:
        """The surrogate of a value in a form."""
        operator = self._operators.get(kind)
        if operator is None:
            made = self._answers.get((kind, value, form))
            if made is None:
                made = self._answers[kind, value, form] = self._surrogate(kind, value, form, self._style)
            return made
        if operator.operator in ("placeholder", "realistic"):
            return self._surrogate(
                kind, value, form, "realistic" if operator.operator == "realistic" else "placeholder"
            )
        if operator.operator == "custom":
            return self._custom[kind](value)
        if operator.operator == "keep":
            return value
        if operator.operator == "redact":
            return ""
        if operator.operator == "replace":
            return operator.value or f"<{kind}>"
        if operator.operator == "hash":
            text = f"{kind}\0{self._identity(kind, value)}".encode("utf-8", "surrogatepass")
            return hmac.digest(self._key, text, hashlib.sha256).hex()[:16]
        kept = value[max(0, len(value) - operator.keep_last) :] if operator.keep_last else ""
        hidden = re.sub(r"\w", "*", value[: len(value) - len(kept)])
        return hidden + kept

    def _surrogate(self, kind: str, value: str, form: Form, style: Style) -> str:
        if style == "realistic" and kind not in _ALWAYS_PLACEHOLDER:
            made = self._realistic(kind, value)
            if made is not None:
                return f'"{made}"' if form == "quoted" else made
        placeholder = self._placeholder(kind, self._identity(kind, value))
        if form == "bare":
            return placeholder
        return f'"<{placeholder}>"' if form == "quoted" else f"<{placeholder}>"

    def _identity(self, kind: str, value: str) -> str:
        return " ".join(self._people.identity(value)) if kind == "PERSON" else normal(kind, value)

    def _placeholder(self, kind: str, identity: str) -> str:
        known = self._made.get((kind, identity))
        if known is None:
            self._numbers[kind] = self._numbers.get(kind, 0) + 1
            known = f"{kind}_{self._numbers[kind]}"
            self._made[kind, identity] = known
        return known

    def _realistic(self, kind: str, value: str) -> str | None:
        """A realistic value, distinct for each value while its range has unused ones."""
        shown = " ".join(name_words(value)) if kind == "PERSON" else normal(kind, value)
        shape = "" if kind != "PERSON" else _case(value)
        known = self._made.get((f"{kind} realistic {shape}", shown))
        if known is not None:
            return known
        made = None
        for attempt in range(_MAX_TRIES):
            made = realistic_value(self._key, kind, value, self._people, attempt)
            if made is None or kind == "PERSON" or made not in self._given:
                break
        if made is not None:
            self._made[f"{kind} realistic {shape}", shown] = made
            self._given.add(made)
        return made


def normal(kind: str, value: str) -> str:
    """The normal form of a value: equal for spellings of the same value."""
    if kind in _BY_DIGITS:
        return re.sub(r"\D", "", value) or value
    if kind == "IBAN_CODE":
        return re.sub(r"[^A-Za-z0-9]", "", value).upper()
    if kind == "SECRET":
        return value
    return " ".join(value.split()).casefold()


def session_key(key: bytes, conversation_key: bytes) -> bytes:
    """The key of a session's surrogates; it cannot be computed without the run's key."""
    return hmac.digest(key, b"surrogates\0" + conversation_key, "sha256")


def _case(value: str) -> str:
    return "upper" if value.isupper() else "lower" if value.islower() else value
