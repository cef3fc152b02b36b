"""All pattern rules over many texts. One Hyperscan pass finds the triggers; exact expressions run near them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from transforms.deid.contexts.field_values import INSERT_TRIGGER, LIST_TRIGGER, inserted_spans, listed_spans
from transforms.deid.rules.catalogue import RULES
from transforms.deid.rules.table_cells import TABLE_TRIGGER, table_cells
from transforms.deid.rules.trigger_windows import TriggerWindows
from transforms.deid.spans import Span
from transforms.deid.text.hyperscan_hits import Expressions
from transforms.deid.text.normalise import DISGUISE_TRIGGER, normalised_copies
from transforms.deid.text.overlaps import resolve
from transforms.deid.text.texts import Texts

#: No identifier is shorter. Most keys and words of tool inputs are shorter and are skipped.
_MIN_CHARACTERS = 4


class PatternScanner:
    """Finds structured identifiers and secrets. Not thread-safe."""

    def __init__(self, types: Collection[str] | None = None) -> None:
        self._types = types
        self._rules = [rule for rule in RULES if types is None or rule.type in types]
        self._windows = [TriggerWindows(rule) for rule in self._rules]
        self._by_types: dict[frozenset[str], npt.NDArray[np.bool_]] = {}
        self._disguise = len(self._rules)
        self._readers = dict(
            enumerate((table_cells, inserted_spans, listed_spans), start=len(self._rules) + 1)
        )
        triggers = [
            *(rule.trigger for rule in self._rules),
            DISGUISE_TRIGGER,
            TABLE_TRIGGER,
            INSERT_TRIGGER,
            LIST_TRIGGER,
        ]
        self._triggers = Expressions(triggers, name="patterns" if types is None else None)

    def scan(self, texts: Sequence[str], types: Collection[str] | None = None) -> list[list[Span]]:
        """One list of spans per text, sorted and disjoint, in code points; of `types`, or of all types."""
        return self.scan_all(Texts(texts), types)

    def scan_all(self, texts: Texts, types: Collection[str] | None = None) -> list[list[Span]]:
        """`scan` for joined texts."""
        if not texts.each:
            return []
        wanted = None if types is None else self._wanted(types)
        found, disguised = self._find(texts, wanted)
        copies = [(n, copy) for n in disguised for copy in normalised_copies(texts.each[n])]
        if copies:
            again, _ = self._find(Texts([copy.text for _, copy in copies]), wanted)
            for (n, copy), spans in zip(copies, again, strict=True):
                found[n] += [Span(*copy.original(s.start, s.end), s.type, s.score) for s in spans]
        return [resolve(spans) if spans else spans for spans in found]

    def _wanted(self, types: Collection[str]) -> npt.NDArray[np.bool_]:
        """One boolean per rule: whether it finds one of the types. Disguises always, tables and lists never."""
        key = frozenset(types)
        if key not in self._by_types:
            self._by_types[key] = np.array(
                [*(rule.type in key for rule in self._rules), True, *[False] * len(self._readers)]
            )
        return self._by_types[key]

    def _find(self, texts: Texts, wanted: npt.NDArray[np.bool_] | None) -> tuple[list[list[Span]], list[int]]:
        """Per text the spans of the `wanted` rules, which may overlap; and the numbers of texts that may be
        disguised.
        """
        found: list[list[Span]] = [[] for _ in texts.each]
        disguised: list[int] = []
        rules, ends = self._triggers.hits(texts)
        if wanted is not None:
            rules, ends = rules[wanted[rules]], ends[wanted[rules]]
        if not len(rules):
            return found, disguised
        places = texts.text_of(ends)
        ends = (ends - texts.begins[places]).tolist()
        edges = np.flatnonzero((np.diff(rules) != 0) | (np.diff(places) != 0)) + 1
        bounds = [0, *edges.tolist(), len(rules)]
        firsts = bounds[:-1]
        for number, place, low, high in zip(
            rules[firsts].tolist(), places[firsts].tolist(), firsts, bounds[1:], strict=True
        ):
            text = texts.each[place]
            if number == self._disguise:
                disguised.append(place)
            elif number in self._readers:
                cells = self._readers[number](text, ends[low:high])
                found[place] += [span for span in cells if self._types is None or span.type in self._types]
            elif len(text) >= _MIN_CHARACTERS:
                rule = self._rules[number]
                for match in self._windows[number].matches(text, ends[low:high]):
                    verdict = rule.judge(match)
                    if verdict is not None:
                        found[place].append(Span(verdict[0], verdict[1], rule.type, verdict[2]))
        return found, disguised
