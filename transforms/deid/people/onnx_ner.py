"""Any ONNX token classifier from a folder with model.onnx, tokenizer.json and config.json.

Needs the extra `onnx` (onnxruntime and tokenizers). Nothing is downloaded. A GPU is used if the installed
onnxruntime supports one. The windows of a session are batched alone, so that its result never depends on
other sessions: a quantised model scales its numbers by batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.errors import DeidError
from schemas.sections.name_models import ModelConfig
from transforms.deid.people.name_models import LONE_SURROGATES, Found, model_digest, model_path

_BATCH = 16
_MOST_TOKENS = 512
#: The tokens that two parts of a longer window share.
_SHARED_TOKENS = 64
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})
_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
#: Entity types by label, for a config without `labels`, in upper case.
_LABELS = {
    **dict.fromkeys(
        ("PERSON", "PER", "PRIVATE_PERSON", "GIVEN_NAME", "GIVENNAME", "FIRST_NAME", "FIRSTNAME"), "PERSON"
    ),
    **dict.fromkeys(("MIDDLE_NAME", "MIDDLENAME", "SURNAME", "LAST_NAME", "LASTNAME"), "PERSON"),
    **dict.fromkeys(("ADDRESS", "STREET_ADDRESS", "PRIVATE_ADDRESS"), "ADDRESS"),
}
#: Characters between two tokens of one entity.
_BETWEEN = {"PERSON": " .-'’", "ADDRESS": " ,.-'’/#\n"}
_MOST_BETWEEN = 2
_Tokens = npt.NDArray[np.float32]


class _Part(NamedTuple):
    """A window or a part of one: its tokens, and their [start, end) in the window."""

    window: int
    ids: Sequence[int]
    offsets: Sequence[tuple[int, int]]


class OnnxModel:
    """A loaded model. Raises DeidError if files are missing, not the pinned ones, or do not fit."""

    def __init__(self, config: ModelConfig) -> None:
        self._name = config.name
        folder = model_path(config)
        model_digest(config)
        self.reads_all = config.windows == "all"
        self._min_score = config.min_score
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError:
            raise self._error("install the extra `onnx` (onnxruntime and tokenizers)") from None
        settings = self._json(folder / "config.json")
        labels = self._labels_of(settings)
        self._columns = self._columns_of(labels, config.labels)
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(self._file(folder / "tokenizer.json")))
            longest = min(_MOST_TOKENS, int(settings.get("max_position_embeddings", _MOST_TOKENS)))
            self._tokenizer.no_padding()
            self._tokenizer.enable_truncation(longest, stride=min(_SHARED_TOKENS, longest // 4))
        except DeidError:
            raise
        except Exception:  # noqa: BLE001 - the library raises Exception itself
            raise self._error("tokenizer.json is not of the `tokenizers` library") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        providers = [one for one in _PROVIDERS if one in onnxruntime.get_available_providers()]
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(self._graph(folder)), options, providers=providers
            )
        except DeidError:
            raise
        except Exception:  # noqa: BLE001 - onnxruntime's errors have no common class but this
            raise self._error("the .onnx file cannot be loaded by onnxruntime") from None
        self._inputs = self._inputs_of(self._session.get_inputs())
        self._try(len(labels))

    def load(self) -> None:
        """Nothing: the model is loaded at once, so that one that does not fit is an early error."""

    def entities(self, windows: Sequence[str]) -> list[list[Found]]:
        """By window its people and addresses, in order; an entity begins and ends with a whole word."""
        unique = sorted(set(windows), key=lambda window: (len(window), window))
        spans: list[list[Found]] = [[] for _ in unique]
        parts = list(self._parts(unique))
        for begin in range(0, len(parts), _BATCH):
            batch = parts[begin : begin + _BATCH]
            for part, shares in zip(batch, self._probabilities(batch), strict=True):
                spans[part.window] += self._runs(unique[part.window], part, shares)
        found = {window: _merged(some) for window, some in zip(unique, spans, strict=True)}
        return [found[window] for window in windows]

    def _parts(self, windows: Sequence[str]) -> Iterator[_Part]:
        encoded = self._tokenizer.encode_batch([LONE_SURROGATES.sub("\ufffd", window) for window in windows])
        for number, one in enumerate(encoded):
            for part in (one, *one.overflowing):
                yield _Part(number, part.ids, part.offsets)

    def _probabilities(self, parts: Sequence[_Part]) -> list[_Tokens]:
        """Probabilities by part, token and label."""
        shape = len(parts), max(len(part.ids) for part in parts)
        arrays = {name: np.zeros(shape, dtype=np.int64) for name in _INPUTS}
        for row, part in enumerate(parts):
            arrays["input_ids"][row, : len(part.ids)] = part.ids
            arrays["attention_mask"][row, : len(part.ids)] = 1
        feed = {name: arrays[name].astype(kind) for name, kind in self._inputs.items()}
        scores = np.asarray(self._session.run(None, feed)[0], dtype=np.float32)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        return [rows[: len(part.ids)] for part, rows in zip(parts, shares, strict=True)]

    def _runs(self, window: str, part: _Part, shares: _Tokens) -> list[Found]:
        """Neighbouring tokens of one type, extended to whole words."""
        found: list[Found] = []
        for kind, columns in self._columns.items():
            last: Found | None = None
            for place in np.flatnonzero(shares[:, columns].sum(axis=1) >= self._min_score).tolist():
                start, end = _whole(window, *part.offsets[place])
                if start == end:
                    continue
                between = window[last.end : start] if last is not None else ""
                if last is not None and len(between) <= _MOST_BETWEEN and not between.strip(_BETWEEN[kind]):
                    found[-1] = last = Found(last.start, max(end, last.end), kind)
                else:
                    last = Found(start, end, kind)
                    found.append(last)
        return found

    def _columns_of(self, labels: Sequence[str], mapped: dict[str, Any]) -> dict[str, list[int]]:
        """By entity type the labels of the model that mean it."""
        bare = [label[2:] if label[1:2] in ("-", "_") else label for label in labels]
        unknown = sorted(set(mapped) - set(bare))
        if unknown:
            raise self._error(f"labels: {unknown[0]} is no label of the model (id2label in config.json)")
        types = mapped or {label: _LABELS[label.upper()] for label in bare if label.upper() in _LABELS}
        if "PERSON" not in types.values():
            raise self._error(
                "none of its labels (id2label in config.json) is a person; map one under labels"
            )
        kinds = sorted(set(types.values()))
        return {kind: [n for n, label in enumerate(bare) if types.get(label) == kind] for kind in kinds}

    def _labels_of(self, settings: dict[str, Any]) -> list[str]:
        labels = settings.get("id2label")
        if isinstance(labels, dict) and sorted(labels) == sorted(map(str, range(len(labels)))):
            return [str(labels[str(n)]) for n in range(len(labels))]
        raise self._error("config.json has no id2label that names each output")

    def _inputs_of(self, inputs: Sequence[Any]) -> dict[str, Any]:
        for one in inputs:
            if one.name not in _INPUTS or one.type not in _TYPES:
                raise self._error(
                    f"has the input {one.name} of {one.type}; expected integer input_ids, attention_mask, "
                    "token_type_ids"
                )
        if "input_ids" not in {one.name for one in inputs}:
            raise self._error("has no input input_ids")
        return {one.name: _TYPES[one.type] for one in inputs}

    def _try(self, labels: int) -> None:
        """Runs the model once, so that one that does not fit is an error before any session is read."""
        try:
            shape = self._probabilities(list(self._parts(["Name"])))[0].shape
        except Exception:  # noqa: BLE001 - whatever the graph raises
            raise self._error(
                "cannot label a text; expected one score by token and label as first output"
            ) from None
        if len(shape) != 2 or shape[1] != labels:
            raise self._error(
                f"does not give one score by token for each of the {labels} labels of config.json"
            )

    def _graph(self, folder: Path) -> Path:
        """model.onnx, or the only .onnx file of the folder and its folders."""
        if (folder / "model.onnx").is_file():
            return folder / "model.onnx"
        graphs = sorted(folder.rglob("*.onnx"))
        if len(graphs) == 1:
            return graphs[0]
        raise self._error("has more than one .onnx file" if graphs else "has no .onnx file")

    def _json(self, file: Path) -> dict[str, Any]:
        try:
            value = json.loads(self._file(file).read_bytes())
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise self._error(f"{file.name} is not a JSON object")
        return value

    def _file(self, file: Path) -> Path:
        if not file.is_file():
            raise self._error(f"has no {file.name}")
        return file

    def _error(self, problem: str) -> DeidError:
        return DeidError(f"model {self._name}: {problem}")


def _whole(window: str, start: int, end: int) -> tuple[int, int]:
    """[start, end) without spaces at its ends, extended to the bounds of words."""
    while start < end and window[start].isspace():
        start += 1
    while end > start and window[end - 1].isspace():
        end -= 1
    if start == end:
        return start, end
    while start > 0 and window[start].isalnum() and window[start - 1].isalnum():
        start -= 1
    while end < len(window) and window[end - 1].isalnum() and window[end].isalnum():
        end += 1
    return start, end


def _merged(found: Sequence[Found]) -> list[Found]:
    """Entities in order; those of one type that overlap, from two parts of a window, are one."""
    merged: list[Found] = []
    for one in sorted(found, key=lambda one: (one.type, one.start, one.end)):
        if merged and merged[-1].type == one.type and one.start < merged[-1].end:
            merged[-1] = Found(merged[-1].start, max(one.end, merged[-1].end), one.type)
        else:
            merged.append(one)
    return sorted(merged)
