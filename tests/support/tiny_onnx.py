"""Writes an ONNX token classifier with its tokenizer: each known word has one label in any context.

The graph is one Gather of a table of scores by the numbers of the words. Its bytes are written here in the
form of the protocol buffers that the ONNX specification gives, so no other package is needed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

_FLOAT, _INT64 = 1, 7
_UNKNOWN = "[UNK]"


def write_model(
    folder: Path,
    words: Mapping[str, str],
    *,
    inputs: Sequence[str] = ("input_ids", "attention_mask"),
    outputs: int | None = None,
) -> Path:
    """The folder with model.onnx, tokenizer.json and config.json; labels by word, O for all other words.

    `outputs`: the number of scores a token, if not the number of labels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = ["O", *dict.fromkeys(words.values())]
    numbers = {_UNKNOWN: 0, **{word: n for n, word in enumerate(words, 1)}}
    width = outputs or len(labels)
    table = [[8.0 if column == 0 else 0.0 for column in range(width)]]
    table += [
        [8.0 if column == labels.index(label) else 0.0 for column in range(width)] for label in words.values()
    ]
    (folder / "model.onnx").write_bytes(_model(table, inputs))
    (folder / "config.json").write_text(json.dumps({"id2label": dict(enumerate(labels))}))
    tokenizer = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": numbers, "unk_token": _UNKNOWN},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return folder


def _model(table: Sequence[Sequence[float]], inputs: Sequence[str]) -> bytes:
    scores = (
        b"".join(_number(1, size) for size in (len(table), len(table[0])))
        + _number(2, _FLOAT)
        + _field(8, b"table")
        + _field(9, b"".join(struct.pack("<f", value) for row in table for value in row))
    )
    gather = _field(1, b"table") + _field(1, inputs[0].encode()) + _field(2, b"logits") + _field(4, b"Gather")
    graph = _field(1, gather) + _field(2, b"tiny") + _field(5, scores)
    graph += b"".join(_field(11, _value(name, _INT64, 2)) for name in inputs)
    graph += _field(12, _value("logits", _FLOAT, 3))
    return _number(1, 8) + _field(7, graph) + _field(8, _number(2, 13))


def _value(name: str, kind: int, dimensions: int) -> bytes:
    shape = b"".join(_field(1, _field(2, f"{name}_{n}".encode())) for n in range(dimensions))
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, kind) + _field(2, shape)))


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
