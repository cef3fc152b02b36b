"""An ONNX token classifier finds people and addresses; a folder that does not fit is one clear line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.deid import DeidConfig, load_deid
from schemas.errors import DeidError
from schemas.sections.name_models import ModelConfig
from tests.support.deid_engines import CONFIG, engine_for, new_engine
from tests.support.tiny_onnx import write_model
from transforms.deid.digests import deid_digests
from transforms.deid.engine import DeidEngine
from transforms.deid.people.name_models import Found, load_name_model
from transforms.deid.people.onnx_ner import OnnxModel
from transforms.deid.spans import Segment, SessionText

WORDS = {"Sigrun": "B-GIVEN_NAME", "Aldredsson": "I-SURNAME", "Mossgatan": "B-ADDRESS", "12": "I-ADDRESS"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("onnx"), WORDS)


def model_of(folder: Path, **options: Any) -> OnnxModel:
    model = load_name_model(ModelConfig(onnx=str(folder), **options))
    assert isinstance(model, OnnxModel)
    return model


def found(model: OnnxModel, window: str) -> list[tuple[str, str]]:
    return [(window[one.start : one.end], one.type) for one in model.entities([window])[0]]


def config_with(**options: Any) -> DeidConfig:
    return CONFIG.model_copy(update={"models": {"en": ModelConfig(**options)}})


def masked(engine: DeidEngine, text: str) -> str:
    return engine.mask_sessions([SessionText(bytes(16), [Segment(text, "user")])])[0].texts[0]


def test_labels_become_people_and_addresses(folder: Path) -> None:
    """Given and family names are one person; a model with labels of its own kind needs no map."""
    text = "I saw Sigrun Aldredsson, she lives at Mossgatan 12 now"
    assert found(model_of(folder), text) == [("Sigrun Aldredsson", "PERSON"), ("Mossgatan 12", "ADDRESS")]


def test_two_people_are_two(folder: Path) -> None:
    """A comma or a word ends a name."""
    assert found(model_of(folder), "Sigrun, Sigrun and Aldredsson") == [
        ("Sigrun", "PERSON"),
        ("Sigrun", "PERSON"),
        ("Aldredsson", "PERSON"),
    ]


def test_each_window_has_the_same_result_in_any_order(folder: Path) -> None:
    """Windows are sorted and padded to one length; the result must still belong to its window."""
    model = model_of(folder)
    windows = [f"{'word ' * n}Sigrun{' word' * (n % 5)}" for n in range(40)] + ["", "Sigrun", "\ud800 Sigrun"]
    together = model.entities(windows)
    assert together == [model.entities([window])[0] for window in windows]
    assert [one[0].start for one in together[:40]] == [n * 5 for n in range(40)]
    assert together[-2:] == [[Found(0, 6, "PERSON")], [Found(2, 8, "PERSON")]]


@pytest.mark.parametrize("before", [0, 447, 448, 510, 511, 512, 1_400])
def test_a_window_longer_than_the_model_reads_is_read_whole(folder: Path, before: int) -> None:
    """Merged windows have up to 8,192 characters; a name at any place of one must be found once and whole."""
    text = "a " * before + "Sigrun Aldredsson" + " a" * 600
    assert found(model_of(folder), text) == [("Sigrun Aldredsson", "PERSON")]


def test_a_word_is_found_whole(tmp_path: Path) -> None:
    """A tokenizer cuts words into pieces, and a part of a name that remains can identify a person."""
    model = model_of(write_model(tmp_path, {"Sig": "PERSON"}))
    model._tokenizer.pre_tokenizer = __import__("tokenizers").pre_tokenizers.Split("Sig", "isolated")
    assert found(model, "dear Sigrun, hi") == [("Sigrun", "PERSON")]


def test_the_probability_decides(folder: Path) -> None:
    """With a higher minimum fewer tokens are a name; 8 against four zeros is 0.9987."""
    assert found(model_of(folder, min_score=0.998), "Sigrun") == [("Sigrun", "PERSON")]
    assert found(model_of(folder, min_score=0.9999), "Sigrun") == []


def test_own_labels_are_mapped(tmp_path: Path) -> None:
    """Models name their labels as they like."""
    write_model(tmp_path, {"Sigrun": "HUMAN", "Oslo": "PERSON"})
    model = model_of(tmp_path, labels={"HUMAN": "PERSON"})
    assert found(model, "Sigrun Oslo") == [("Sigrun", "PERSON")]


def test_a_name_that_only_this_model_finds_is_masked(tmp_path: Path) -> None:
    """With `windows: all` the model decides alone, else the small model has to be in doubt first."""
    text = "I think Trovnik would be late for dinner."
    write_model(tmp_path, {"Trovnik": "PER"})
    # The small model is never sure, and in doubt only in the third engine.
    never = CONFIG.tagger.model_copy(update={"person": 1.0, "person_agreed": 1.0, "person_in_code": 1.0})
    in_doubt = never.model_copy(update={"person_agreed": 0.2})
    for windows, tagger, expected in (
        ("all", never, "I think <PERSON_1> would"),
        ("doubtful", never, "I think Trovnik would"),
        ("doubtful", in_doubt, "I think <PERSON_1> would"),
    ):
        config = config_with(onnx=str(tmp_path), windows=windows).model_copy(update={"tagger": tagger})
        assert masked(new_engine(config), text).startswith(expected)


def test_an_address_of_the_model_is_masked(tmp_path: Path) -> None:
    """The labels of an address are masked as one, if it has the form of an address."""
    write_model(tmp_path, {"Trovnik": "PER", "Kvistbergagatan": "ADDRESS", "17": "ADDRESS"})
    engine = new_engine(
        config_with(onnx=str(tmp_path), windows="all").model_copy(
            update={"tagger": CONFIG.tagger.model_copy(update={"use": False})}
        )
    )
    assert masked(engine, "It was Kvistbergagatan 17, I am sure.") == "It was <ADDRESS_1>, I am sure."
    assert masked(engine, "It was Kvistbergagatan, I am sure.") == "It was Kvistbergagatan, I am sure."


def test_the_digest_covers_every_file(tmp_path: Path) -> None:
    """Another tokenizer or another map of labels gives other spans, so the manifest must differ."""
    digests = set()
    for n, change in enumerate((None, "model.onnx", "tokenizer.json", "config.json")):
        folder = write_model(tmp_path / str(n), WORDS)
        if change == "model.onnx":
            # A doc string, which the graph does not use.
            (folder / change).write_bytes((folder / change).read_bytes() + b"\x32\x01a")
        elif change:
            (folder / change).write_text((folder / change).read_text() + "\n")
        digests.add(deid_digests(config_with(onnx=str(folder)))["model en"])
    assert len(digests) == 4


def test_the_pinned_digest_is_checked(folder: Path) -> None:
    """The digest of a folder can be pinned as that of a package."""
    sha256 = deid_digests(config_with(onnx=str(folder)))["model en"]
    assert found(model_of(folder, sha256=sha256), "Sigrun") == [("Sigrun", "PERSON")]
    with pytest.raises(DeidError, match="not the pinned ones"):
        model_of(folder, sha256="0" * 64)


def _without(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def _with(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without("config.json"), "has no config.json"),
        (_with("config.json", "{"), "config.json is not a JSON object"),
        (_with("config.json", "[1]"), "config.json is not a JSON object"),
        (_with("config.json", "{}"), "config.json has no id2label"),
        (_with("config.json", '{"id2label": {"0": "O", "2": "PER"}}'), "config.json has no id2label"),
        (_with("config.json", '{"id2label": {"0": "O", "1": "ORG"}}'), "none of its labels"),
        (_without("tokenizer.json"), "has no tokenizer.json"),
        (_with("tokenizer.json", "{}"), "tokenizer.json is not of the `tokenizers` library"),
        (_without("model.onnx"), "has no .onnx file"),
        (_with("model.onnx", "no graph"), "cannot be loaded by onnxruntime"),
        (lambda folder: write_model(folder, WORDS, inputs=["pixel_values"]), "has the input pixel_values of"),
        (lambda folder: write_model(folder, WORDS, inputs=["attention_mask"]), "has no input input_ids"),
        (lambda folder: write_model(folder, WORDS, outputs=9), "for each of the 5 labels"),
    ],
)
def test_a_folder_that_does_not_fit_is_one_line(
    tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    """The error names the model and what is wrong before any session is read."""
    damage(write_model(tmp_path, WORDS))
    with pytest.raises(DeidError) as caught:
        model_of(tmp_path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"model {tmp_path}: ")
    assert "\n" not in str(caught.value)


def test_several_graphs_are_ambiguous(tmp_path: Path) -> None:
    """Exports often hold the same model in several precisions; the program does not choose one."""
    write_model(tmp_path, WORDS)
    (tmp_path / "onnx").mkdir()
    data = (tmp_path / "model.onnx").read_bytes()
    (tmp_path / "onnx/model_q4.onnx").write_bytes(data)
    assert found(model_of(tmp_path), "Sigrun") == [("Sigrun", "PERSON")]
    (tmp_path / "model.onnx").unlink()
    assert found(model_of(tmp_path), "Sigrun") == [("Sigrun", "PERSON")]
    (tmp_path / "onnx/model_q8.onnx").write_bytes(data)
    with pytest.raises(DeidError, match=r"more than one \.onnx file"):
        model_of(tmp_path)


def test_an_unknown_label_is_one_line(folder: Path) -> None:
    """A misspelt label would be a type that is never found."""
    with pytest.raises(DeidError, match="labels: HUMAN is no label of the model"):
        model_of(folder, labels={"HUMAN": "PERSON"})


def test_a_missing_folder_and_a_missing_library_are_one_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has to name what to install."""
    with pytest.raises(DeidError, match="there is no such folder"):
        model_of(tmp_path / "none")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DeidError, match="install the extra `onnx`"):
        model_of(folder)


def test_the_folder_is_relative_to_the_config(folder: Path, tmp_path: Path) -> None:
    """A config is used from any working folder."""
    text = Path("configs/deid/default.yaml").read_text()
    begin, end = text.index("    package:"), text.index("tagger:")
    (tmp_path / "deid.yaml").write_text(f"{text[:begin]}    onnx: own/model\n{text[end:]}")
    config, _ = load_deid(tmp_path / "deid.yaml")
    assert config.models["en"].onnx == str(tmp_path / "own/model")
    write_model(tmp_path / "own/model", WORDS)
    assert deid_digests(config)["model en"] == deid_digests(config_with(onnx=str(folder)))["model en"]
    assert masked(engine_for(config), "Nothing to see.") == "Nothing to see."


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"package": "a", "onnx": "b"},
        {"path": "a", "onnx": "b"},
        {"package": "a", "labels": {"X": "PERSON"}},
        {"path": "a", "min_score": 0.4},
        {"onnx": "a", "labels": {"X": "CREDIT_CARD"}},
        {"onnx": "a", "windows": "some"},
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any]) -> None:
    """An option without effect would be taken for one that works."""
    with pytest.raises(ValidationError):
        ModelConfig(**options)
