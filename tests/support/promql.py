"""The part of PromQL that the alert rules and the dashboard use: parsed, and computed over samples.

A value is a number or a vector: a value for each set of labels. Anything else is a `SyntaxError`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Value = float | Vector

_TOKEN = re.compile(r'\s*(?:(\d+(?:\.\d+)?)|([a-z_]+)|("[^"]*")|(=~|!~|==|!=|>=|<=|[-+*/<>=(){},]))')
_ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_MATCH: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "=~": lambda value, pattern: re.fullmatch(pattern, value) is not None,
    "!~": lambda value, pattern: re.fullmatch(pattern, value) is None,
}
#: From the loosest.
_LEVELS = (("unless",), tuple(_COMPARE), ("+", "-"), ("*", "/"))


class Point(NamedTuple):
    """A sample: the name of its metric, its labels and its value."""

    name: str
    labels: Labels
    value: float


class Query:
    """An expression over points at a moment; `selected` is what each of its selectors found, by its text."""

    def __init__(self, text: str, points: Iterable[Point], now: float) -> None:
        self._tokens = _tokens(text)
        self._points, self._now = list(points), now
        self.selected: dict[str, Vector] = {}
        self.value = self._level(0)
        if self._tokens:
            raise SyntaxError(f"{self._tokens[0]} is left of {text}")

    def _take(self, *wanted: str) -> str:
        token = self._tokens.pop(0) if self._tokens else "the end"
        if wanted and token not in wanted:
            raise SyntaxError(f"{token}, where {wanted} is expected")
        return token

    def _is_next(self, *tokens: str) -> bool:
        return bool(self._tokens) and self._tokens[0] in tokens

    def _level(self, level: int) -> Value:
        if level == len(_LEVELS):
            return self._one()
        value = self._level(level + 1)
        while self._is_next(*_LEVELS[level]):
            value = _combined(self._take(), value, self._level(level + 1))
        return value

    def _one(self) -> Value:
        token = self._take()
        if token == "(":
            value = self._level(0)
            self._take(")")
            return value
        if token[0].isdigit():
            return float(token)
        if token == "time":
            self._take("(")
            self._take(")")
            return self._now
        if token in ("abs", "absent"):
            self._take("(")
            vector = _vector(self._level(0))
            self._take(")")
            if token == "absent":
                return {} if vector else {frozenset(): 1.0}
            return {labels: abs(value) for labels, value in vector.items()}
        return self._sum() if token == "sum" else self._selector(token)

    def _sum(self) -> Vector:
        self._take("by")
        kept = self._listed("(", ")", self._take)
        self._take("(")
        vector = _vector(self._level(0))
        self._take(")")
        total: Vector = {}
        for labels, value in vector.items():
            group = frozenset(each for each in labels if each[0] in kept)
            total[group] = total.get(group, 0) + value
        return total

    def _selector(self, name: str) -> Vector:
        if not name.startswith("chatsieve_"):
            raise SyntaxError(f"{name} is neither a metric nor a function that is known here")
        matchers = self._listed("{", "}", self._matcher) if self._is_next("{") else []
        found: Vector = {}
        for point in self._points:
            labels = dict(point.labels)
            if point.name == name and all(_MATCH[how](labels.get(k, ""), v) for k, how, v in matchers):
                found[point.labels] = point.value
        self.selected[f"{name}{matchers}"] = found
        return found

    def _matcher(self) -> tuple[str, str, str]:
        return self._take(), self._take(*_MATCH), self._take().strip('"')

    def _listed[T](self, first: str, last: str, item: Callable[[], T]) -> list[T]:
        self._take(first)
        found = [item()]
        while self._is_next(","):
            self._take()
            found.append(item())
        self._take(last)
        return found


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while position < len(text.rstrip()):
        found = _TOKEN.match(text, position)
        if found is None:
            raise SyntaxError(f"{text[position:]} is not understood")
        tokens.append(found.group().strip())
        position = found.end()
    return tokens


def _vector(value: Value) -> Vector:
    if not isinstance(value, dict):
        raise SyntaxError(f"{value} is not a vector")  # noqa: TRY004 - of the text of the query
    return value


def _combined(how: str, left: Value, right: Value) -> Value:
    """Vectors are joined by equal labels; a comparison keeps the values on the left for which it holds."""
    if how == "unless":
        return {labels: value for labels, value in _vector(left).items() if labels not in _vector(right)}
    if not isinstance(left, dict) and not isinstance(right, dict):
        return _ARITHMETIC[how](left, right)
    pairs: dict[Labels, tuple[float, float]] = {}
    for labels in left if isinstance(left, dict) else _vector(right):
        a = left.get(labels) if isinstance(left, dict) else left
        b = right.get(labels) if isinstance(right, dict) else right
        if a is not None and b is not None:
            pairs[labels] = (a, b)
    if how in _COMPARE:
        return {labels: a for labels, (a, b) in pairs.items() if _COMPARE[how](a, b)}
    return {labels: _ARITHMETIC[how](a, b) for labels, (a, b) in pairs.items()}
