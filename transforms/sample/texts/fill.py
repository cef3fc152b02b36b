"""Fills templates, and records the true spans of names, addresses, numbers and secrets."""

from __future__ import annotations

import bisect
import functools
import importlib.resources
import random
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

import xxhash
import yaml

from transforms.sample.texts.slots import AUXILIARY, Slots

Kind = Literal["chat", "document", "tool", "code"]
Part = Literal["all", "train", "held"]
_ONE_OF_HELD = 8
_SLOT = re.compile(r"<<([a-z_]+\d*(?:\.[a-z_]+)?)>>|\[\[([^\[\]\n]{2,60})\]\]")
_SHARE_LOWER = {"chat": 0.12, "document": 0.02, "tool": 0.0, "code": 0.0}
#: Shares of the kinds of texts. Code has more templates than its share, since it has many forms.
_SHARES: dict[Kind, float] = {"chat": 0.45, "document": 0.27, "tool": 0.15, "code": 0.13}
_SHARE_REPLIES = 0.06
_SHARE_UPPER = 0.02
_SHARE_TYPOGRAPHIC = 0.3
_SHARE_JOINED = 0.3
_MOST_JOINED = 3


class Template(NamedTuple):
    """A text with `<<slots>>` and `[[literal people]]`; `name` is its file and position."""

    name: str
    kind: Kind
    text: str


class Synthetic(NamedTuple):
    """A generated text; `spans` are the true (start, end, entity type), in order and disjoint."""

    text: str
    spans: list[tuple[int, int, str]]
    kind: Kind
    template: str


@functools.cache
def templates() -> tuple[Template, ...]:
    """All templates of the data files, in the order of their names."""
    folder = importlib.resources.files("transforms.sample.texts").joinpath("templates")
    found = []
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".yaml") and file.name != "slots.yaml":
            data = yaml.safe_load(file.read_text("utf-8"))
            found += [
                Template(f"{file.name}:{number}", data["kind"], str(text))
                for number, text in enumerate(data["templates"])
            ]
    return tuple(found)


def generate_texts(count: int, seed: int, auxiliary: bool = False, part: Part = "all") -> Iterator[Synthetic]:
    """`count` texts, the same for a seed; `auxiliary` also labels organisations, places and works.

    The small model is trained on the templates of the part `train` (seven of eight). Thresholds and
    measurements use the part `held`, which the model has not seen.
    """
    random_ = random.Random(seed)
    pool = [one for one in templates() if part == "all" or (part == "held") == _is_held(one)]
    by_kind = {kind: [one for one in pool if one.kind == kind] for kind in _SHARES}
    for _ in range(count):
        kind = random_.choices(list(_SHARES), list(_SHARES.values()))[0]
        first = random_.choice(by_kind[kind])
        made = fill(first, random_)
        if random_.random() < _SHARE_JOINED:
            for _ in range(random_.randint(1, _MOST_JOINED)):
                made = _joined(made, fill(random_.choice(by_kind[first.kind]), random_), random_)
        made = _quoted(_cased(made, random_), random_)
        if kind == "document" and random_.random() < _SHARE_REPLIES:
            made = _prefixed(made, random_.choice(["> ", ">", ">> ", "| ", "  "]))
        yield made if auxiliary else made._replace(spans=[s for s in made.spans if s[2] not in AUXILIARY])


def _is_held(template: Template) -> bool:
    return xxhash.xxh32_intdigest(template.text.encode()) % _ONE_OF_HELD == 0


def fill(template: Template, random_: random.Random) -> Synthetic:
    """The template with values in its slots, and their spans."""
    slots = Slots(random_)
    parts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    length = done = 0
    for slot in _SLOT.finditer(template.text):
        pieces = slots.pieces(slot.group(1)) if slot.group(1) else [(slot.group(2), "PERSON")]
        for text, label in ((template.text[done : slot.start()], None), *pieces):
            if label is not None:
                spans.append((length, length + len(text), label))
            parts.append(text)
            length += len(text)
        done = slot.end()
    parts.append(template.text[done:])
    return Synthetic("".join(parts), spans, template.kind, template.name)


def _joined(one: Synthetic, other: Synthetic, random_: random.Random) -> Synthetic:
    between = random_.choice(["\n", "\n\n", " "]) if one.kind != "code" else "\n"
    shift = len(one.text) + len(between)
    spans = one.spans + [(start + shift, end + shift, label) for start, end, label in other.spans]
    return one._replace(text=one.text + between + other.text, spans=spans)


def _quoted(made: Synthetic, random_: random.Random) -> Synthetic:
    """Sometimes replaces apostrophes and quotation marks by typographic ones, as phones do."""
    if made.kind in ("tool", "code") or random_.random() >= _SHARE_TYPOGRAPHIC:
        return made
    text = re.sub(r"(?<=\w)'(?=\w)", "\u2019", made.text)
    return made._replace(text=re.sub(r'"(?=\w)', "\u201c", text).replace('"', "\u201d"))


def _prefixed(made: Synthetic, prefix: str) -> Synthetic:
    """The text quoted as in a reply: each line with a prefix."""
    breaks = [place for place, sign in enumerate(made.text) if sign == "\n"]

    def moved(place: int) -> int:
        return place + len(prefix) * (1 + bisect.bisect_left(breaks, place))

    text = prefix + made.text.replace("\n", "\n" + prefix)
    return made._replace(
        text=text, spans=[(moved(start), moved(end), label) for start, end, label in made.spans]
    )


def _cased(made: Synthetic, random_: random.Random) -> Synthetic:
    """Sometimes converts the text to lower or upper case, as people type."""
    draw = random_.random()
    if draw < _SHARE_LOWER[made.kind]:
        text = made.text.lower()
    elif made.kind == "chat" and draw > 1 - _SHARE_UPPER:
        text = made.text.upper()
    else:
        return made
    # Secrets, mailboxes and other identifiers keep their case, since another case is another value.
    for start, end, label in made.spans:
        if label not in ("PERSON", "ADDRESS", *AUXILIARY):
            text = text[:start] + made.text[start:end] + text[end:]
    return made._replace(text=text) if len(text) == len(made.text) else made
