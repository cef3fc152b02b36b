"""Contexts: what surrounds a value identifies it, whatever the lists of names and words contain."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from schemas.deid import load_deid
from tests.support.deid_engines import engine_for
from transforms.deid.engine import DeidEngine
from transforms.deid.people.lexicon import ambiguous_names, first_names, is_common_word, not_people
from transforms.deid.spans import Segment, SessionText

CASES = yaml.safe_load((Path(__file__).resolve().parents[2] / "cases/deid_contexts.yaml").read_text("utf-8"))
CONFIG = load_deid(Path("configs/deid/default.yaml"))[0]


@pytest.fixture(scope="module")
def engine() -> DeidEngine:
    return engine_for(CONFIG)


def masked(engine: DeidEngine, text: str) -> str:
    """The masked text of a session of one user turn."""
    return engine.mask_sessions([SessionText(bytes(16), [Segment(text, "user")])])[0].texts[0]


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        pytest.param(case["text"], case["hidden"], id=f"{kind}: {case['text'][:40]!r}")
        for kind, cases in CASES["found"].items()
        for case in cases
    ],
)
def test_a_value_is_masked_by_what_surrounds_it(engine: DeidEngine, text: str, hidden: list[str]) -> None:
    """Without its context, a name that is also a word, or a password of letters, is an ordinary word."""
    left = masked(engine, text)
    assert [value for value in hidden if value in left] == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=f"{kind}: {text[:40]!r}")
        for kind, texts in CASES["left"].items()
        for text in texts
    ],
)
def test_text_that_only_looks_alike_is_unchanged(engine: DeidEngine, text: str) -> None:
    """Each case is the other side of a context: the same form without a person, an account or a secret."""
    assert masked(engine, text) == text


def test_a_listed_name_is_common_only_if_english_writes_it_in_lower_case() -> None:
    """Frequency alone made the most frequent nicknames and family names common words, which no model could
    overrule.
    """
    assert [name for name in ("trish", "gabe", "lexi", "nakamura", "priyanka") if is_common_word(name)] == []
    assert [name for name in ("rose", "grace", "hunter", "hope") if not is_common_word(name)] == []
    assert ambiguous_names() & first_names() > {"rose", "grace", "hope"}
    assert not not_people() & {"rose", "grace", "hunter", "trish"}
