"""A user's own recognizers and operators in Python run as Presidio documents them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.inputs.config import DEFAULT_DEID
from schemas.deid import DeidConfig, load_deid
from schemas.errors import ConfigError
from tests.support.deid_engines import new_engine
from transforms.deid.digests import deid_digests
from transforms.deid.spans import Segment, SessionText

CODE = """
from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_anonymizer.operators import Operator, OperatorType


class Badges(EntityRecognizer):
    def __init__(self):
        super().__init__(supported_entities=["BADGE"], supported_language="en")

    def load(self):
        pass

    def analyze(self, text, entities, nlp_artifacts):
        start = text.find("badge nine")
        return [RecognizerResult("BADGE", start, start + 10, 0.9)] if start >= 0 else []


class Initials(Operator):
    def operate(self, text, params=None):
        return params["before"] + "".join(word[0] for word in text.split()) + params["entity_type"][0]

    def validate(self, params=None):
        if "before" not in params:
            raise ValueError("before")

    def operator_name(self):
        return "initials"

    def operator_type(self):
        return OperatorType.Anonymize
"""
Configure = Callable[[str, str], DeidConfig]
TEXT = "I am Priya Raghunathan, Priya Raghunathan with badge nine."


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Writes a config with text appended, and a package of the user beside it."""
    (tmp_path / "own_masks.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))

    def written(recognizers: str, operators: str) -> DeidConfig:
        text = DEFAULT_DEID.read_text().replace("recognizers: []", f"recognizers: {recognizers}")
        text = text.replace("thresholds:\n", "thresholds:\n  BADGE: 0.5\n") + f"operators: {operators}\n"
        (tmp_path / "deid.yaml").write_text(text)
        return load_deid(tmp_path / "deid.yaml")[0]

    return written


def test_a_users_recognizer_in_python_runs_with_the_default_ones(configure: Configure) -> None:
    """Some identifiers need code instead of an expression."""
    config = configure('["own_masks:Badges"]', "{}")
    masked = new_engine(config).mask_sessions([SessionText(bytes(16), [Segment(TEXT, "user")])])[0]
    assert masked.texts == ["I am <PERSON_1>, <PERSON_1> with <BADGE_1>."]
    assert len(deid_digests(config)["recognizer own_masks:Badges"]) == 64


def test_an_operator_in_python_replaces_an_entity_type(configure: Configure) -> None:
    """The operator gets its params and the entity type as from Presidio."""
    operators = '{PERSON: {operator: custom, class: "own_masks:Initials", params: {before: "~"}}}'
    config = configure('["own_masks:Badges"]', operators)
    masked = new_engine(config).mask_sessions([SessionText(bytes(16), [Segment(TEXT, "user")])])[0]
    assert masked.texts == ["I am ~PRP, ~PRP with <BADGE_1>."]
    assert masked.entities == {"BADGE": 1, "PERSON": 2}
    assert "operator own_masks:Initials" in deid_digests(config)


@pytest.mark.parametrize(
    ("recognizers", "operators", "words"),
    [
        ('["no_such_module_of_masks:Badges"]', "{}", "cannot be imported"),
        ('["own_masks:Initials"]', "{}", "is no class of presidio_analyzer"),
        ('["own_masks:CODE_OF"]', "{}", "cannot be imported"),
        ("[]", '{PERSON: {operator: custom, class: "own_masks:Badges"}}', "no class of presidio_anonymizer"),
        ("[]", '{PERSON: {operator: custom, class: "own_masks:Initials"}}', "refuses its params"),
        ("[]", "{PERSON: {operator: custom}}", "required for custom"),
        ("[]", '{PERSON: {operator: keep, class: "own_masks:Initials"}}', "not allowed for other operators"),
        ("[]", '{PERSON: {operator: custom, class: "own masks"}}', "pattern"),
        ("[]", "{PERSON: {operator: keep, params: {a: 1}}}", "only custom takes"),
    ],
)
@pytest.mark.parametrize("use", [new_engine, deid_digests])
def test_an_unusable_class_is_an_error_before_anything_is_read(
    configure: Configure, recognizers: str, operators: str, words: str, use: Callable[[DeidConfig], object]
) -> None:
    """One line with the class and the mistake, without the text of the exception.

    A run takes the digests before it writes anything, and builds engines in its workers.
    """
    with pytest.raises(ConfigError, match=words) as raised:
        use(configure(recognizers, operators))
    assert "\n" not in str(raised.value)
