"""The small model: people and addresses by a convolution over word features, in plain numpy.

A token's vector is the sum of table rows of its features (hash embeddings, Svenstrup et al. 2017); residual
blocks read three tokens each, at growing distances (dilated convolutions, Strubell et al. 2017); a softmax
gives each token's labels. The weights are trained by `make train-model`; see model/README.md.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import itertools
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.errors import DeidError
from schemas.sections.name_models import TaggerConfig
from transforms.deid.model.features import GAPS_AT
from transforms.deid.model.gate import GATE_REACH, Gate, answers, gate_shares, load_gate
from transforms.deid.model.network import DILATIONS, LABELS, Cone, Network, Weights, load_weights
from transforms.deid.model.vectors import WordVectors
from transforms.deid.people.reading import Mask, Reading
from transforms.deid.text.texts import GAPS
from transforms.deid.text.word_table import Numbers

#: How many tokens of a name or an address may precede and follow the word by which it is detected.
_NAME_REACH = 5
_ADDRESS_REACH = 8
_TOKENS_AT_ONCE = 4_096
_Array = npt.NDArray[np.float32]


class Entity(NamedTuple):
    """A stretch [start, end) of a text with a type; its score is the highest of its tokens."""

    start: int
    end: int
    type: str
    score: float


class Tagger:
    """Finds people and addresses around candidate tokens. Not thread-safe: it caches vectors of words."""

    def __init__(self, weights: Weights, gate: Gate | None, thresholds: dict[str, float]) -> None:
        self._weights = weights
        self._network = Network(weights)
        self._gate = gate
        self._thresholds = thresholds
        self._gaps = weights.table[GAPS_AT:]
        self._gap_shares = gate_shares(gate, self._gaps)
        self._known = WordVectors(weights.table, gate)

    def judged(self, reading: Reading, sure: Mask | None = None, explained: Mask | None = None) -> Numbers:
        """The tokens close to a possible name or address, in order, without `sure` names and `explained`
        tokens.
        """
        people, addresses = reading.maybe_people, reading.maybe_addresses
        if explained is not None:
            people, addresses = people & ~explained, addresses & ~explained
        if self._gate is not None:
            some = np.flatnonzero(people | addresses)
            wanted = self._wanted(reading, self._gate, some)
            people, addresses = np.zeros_like(people), np.zeros_like(addresses)
            people[some], addresses[some] = wanted[:, 0], wanted[:, 1]
        if sure is not None:
            people = people & ~sure
        near = reading.around(people, _NAME_REACH) | reading.around(addresses, _ADDRESS_REACH)
        return np.flatnonzero(near)

    def entities(
        self, reading: Reading, sure: Mask | None = None, explained: Mask | None = None
    ) -> list[list[Entity]]:
        """By text its entities in order, disjoint within a type; places in the text.

        Only tokens close to a possible name or address are computed, without `sure` names and `explained`
        tokens.
        """
        found: list[list[Entity]] = [[] for _ in reading.kinds]
        judged = self.judged(reading, sure, explained)
        if not len(judged):
            return found
        shares = self.probabilities(reading, judged)
        for kind, threshold in self._thresholds.items():
            label = LABELS.index(f"B-{kind}")
            runs = _runs(reading, judged, shares[:, label : label + 2], threshold)
            for number, start, end, score in runs:
                found[number].append(Entity(start, end, kind, score))
        return [sorted(entities) if len(entities) > 1 else entities for entities in found]

    def probabilities(self, reading: Reading, judged: Numbers) -> _Array:
        """Probabilities by requested token and label."""
        edges = [0, len(judged)]
        if not self._network.sums_alike:
            # The result of a text must not depend on other texts, to the last bit.
            edges = np.searchsorted(judged, reading.first_tokens).tolist()
        shares = [np.zeros((0, len(LABELS)), dtype=np.float32)]
        for low, high in itertools.pairwise(edges):
            for begin in range(low, high, _TOKENS_AT_ONCE):
                cone = self._cone(reading, judged[begin : min(high, begin + _TOKENS_AT_ONCE)])
                shares.append(self._network.probabilities(cone))
        return np.concatenate(shares)

    def _cone(self, reading: Reading, judged: Numbers) -> Cone:
        """The tokens that each block has to compute for the requested ones, within their paragraphs."""
        rows = []
        needed = judged
        for dilation in reversed(DILATIONS):
            seen = _three_tokens(reading.paragraphs, needed, dilation)
            needed, places = _distinct(seen)
            rows.append(places)
        return Cone(self.vectors(reading, needed), rows[::-1])

    def _wanted(self, reading: Reading, gate: Gate, some: Numbers) -> npt.NDArray[np.bool_]:
        gaps = np.minimum(reading.tokens.gaps, GAPS - 1)
        places = list(reading.beside(some, GATE_REACH))
        rows = self._known.rows(
            reading.words, reading.tokens.numbers[np.concatenate([at for _, at in places])]
        )
        parts = np.split(rows, np.cumsum([len(at) for _, at in places])[:-1])
        at = [(kept, part, gaps[beside]) for (kept, beside), part in zip(places, parts, strict=True)]
        return answers(gate, self._known.shares, self._gap_shares, at)

    def vectors(self, reading: Reading, some: Numbers) -> _Array:
        """The vectors of tokens, without their neighbours."""
        rows = self._known.rows(reading.words, reading.tokens.numbers[some])
        vectors: _Array = self._known.vectors[rows]
        vectors += self._gaps[np.minimum(reading.tokens.gaps[some], GAPS - 1)]
        return vectors

    @property
    def width(self) -> int:
        """The length of a token's vector."""
        return int(self._weights.table.shape[1])


def shipped_tagger(config: TaggerConfig) -> Tagger:
    """The model in this package; returns people from the lowest threshold that a rule uses."""
    lowest = min(config.person, config.person_agreed, config.person_alone, config.person_in_code)
    gate = load_gate(_model_file("gate.npz"))
    return Tagger(
        load_weights(_model_file("weights.npz")), gate, {"PERSON": lowest, "ADDRESS": config.address}
    )


def tagger_digest() -> str:
    """SHA-256 of the list of the model's files and their digests; DeidError if a file is not that one."""
    for name in ("weights.npz", "gate.npz"):
        _model_file(name)
    return hashlib.sha256((_model_folder() / "weights.sha256").read_bytes()).hexdigest()


def _model_file(name: str) -> bytes:
    data = (_model_folder() / name).read_bytes()
    listed = (_model_folder() / "weights.sha256").read_text("ascii").split()
    if dict(zip(listed[1::2], listed[::2], strict=True)).get(name) != hashlib.sha256(data).hexdigest():
        raise DeidError(f"model/{name}: is not the file that model/weights.sha256 names; install again")
    return data


def _model_folder() -> Traversable:
    return importlib.resources.files("transforms.deid.model")


def _three_tokens(paragraphs: Numbers, at: Numbers, distance: int) -> Numbers:
    """For each token the one at a distance before it, itself, the one behind it; -1 outside its paragraph."""
    three = at[:, None] + np.array([-distance, 0, distance], dtype=at.dtype)
    inside = three.clip(0, len(paragraphs) - 1)
    three[(three != inside) | (paragraphs[inside] != paragraphs[at][:, None])] = -1
    return three


def _distinct(tokens: Numbers) -> tuple[Numbers, Numbers]:
    """The tokens in order, each once; for each entry its place among them, after the last one for -1."""
    some = tokens[tokens >= 0]
    low = int(some.min())
    is_needed = np.zeros(int(some.max()) + 1 - low, dtype=np.bool_)
    is_needed[some - low] = True
    distinct = np.flatnonzero(is_needed) + low
    places = np.cumsum(is_needed) - 1
    return distinct, np.where(tokens < 0, len(distinct), places[np.maximum(tokens - low, 0)])


def _runs(
    reading: Reading, judged: Numbers, shares: _Array, threshold: float
) -> Iterator[tuple[int, int, int, float]]:
    """Runs of tokens whose probability of a type reaches its threshold: text, [start, end) in it, score.

    `shares` are the probabilities of the type's first and other tokens.
    """
    sure = shares[:, 0] + shares[:, 1]
    some = np.flatnonzero(sure >= threshold)
    if not len(some):
        return
    at = judged[some]
    texts = np.searchsorted(reading.first_tokens, at, side="right") - 1
    begins = np.ones(len(at), dtype=np.bool_)
    begins[1:] = (at[1:] != at[:-1] + 1) | (shares[some[1:], 0] > 0.5) | (texts[1:] != texts[:-1])
    firsts = np.flatnonzero(begins)
    lasts = np.append(firsts[1:], len(at)) - 1
    offsets = reading.texts.begins[texts[firsts]]
    starts = reading.tokens.starts[at[firsts]] - offsets
    ends = reading.tokens.ends[at[lasts]] - offsets
    scores = np.maximum.reduceat(sure[some], firsts)
    for number, start, end, score in zip(
        texts[firsts].tolist(), starts.tolist(), ends.tolist(), scores.tolist(), strict=True
    ):
        yield number, start, end, round(score, 4)
