"""`Scrubber` masks as `chatsieve scrub` and a run do."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import chatsieve
from pipeline.inputs.config import DEFAULT_DEID
from schemas.deid import load_deid
from schemas.keys import KeyedHasher
from tests.api.conftest import state_of_process
from tests.support.command import chatsieve as command
from tests.support.deid_engines import engine_for
from transforms.deid.spans import Segment, SessionText

KEY = "0f" * 32
TEXTS = [
    "🎉 Write to elodie.dias@example.com, says Priya Raghunathan.",
    "Nothing to mask here.",
    "Card 4111 1111 1111 1111, from 203.0.113.7, of Priya Raghunathan.",
    "elodie.dias@example.com " * 60,
]


@pytest.fixture(scope="module")
def scrubber() -> Iterator[chatsieve.Scrubber]:
    with chatsieve.Scrubber(key=KEY) as made:
        yield made


def test_texts_come_out_as_from_the_command(scrubber: chatsieve.Scrubber, tmp_path: Path) -> None:
    """Texts, spans and refusals, line by line. Spans are in code points of the input."""
    lines = tmp_path / "texts.jsonl"
    lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    done = command("scrub", lines, "--jsonl", "--explain", "--json")
    assert done.returncode == 0, done.stderr
    found = list(scrubber.scrub_many(iter(TEXTS)))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each.text for each in found] == [answer["text"] for answer in answers]
    assert [each.refused for each in found] == [answer.get("refused") for answer in answers]
    assert [[list(dataclasses.astuple(span)) for span in each.spans] for each in found] == [
        answer["spans"] for answer in answers
    ]
    assert found[3].refused == "pii_density"
    first = found[0].spans[0]
    assert (TEXTS[0][first.start : first.end], first.type) == ("elodie.dias@example.com", "EMAIL_ADDRESS")


def test_a_refused_text_raises(scrubber: chatsieve.Scrubber) -> None:
    """Whoever masks one text must not take None for a masked one."""
    assert scrubber.scrub(TEXTS[0]).text == "🎉 Write to <EMAIL_ADDRESS_1>, says <PERSON_1>."
    with pytest.raises(chatsieve.DeidError, match="the text is refused: pii_density") as caught:
        scrubber.scrub(TEXTS[3])
    assert "elodie" not in str(caught.value)


def test_a_session_is_masked_as_a_run_masks_it(tmp_path: Path) -> None:
    """With the key of a run and the id of a conversation, surrogates are those of the dataset."""
    file = tmp_path / "realistic.yaml"
    document = {**yaml.safe_load(DEFAULT_DEID.read_text()), "surrogates": "realistic"}
    file.write_text(yaml.safe_dump(document))
    texts, kinds = ["I am Priya Raghunathan.", "Hello Priya!"], ["user", "assistant"]
    key = bytes.fromhex(KEY)
    session = SessionText(KeyedHasher(key).conversation("c1"), list(map(Segment, texts, kinds)))
    (expected,) = engine_for(load_deid(file)[0], key).mask_sessions([session])
    with chatsieve.Scrubber(file, key=key) as made:
        found = made.scrub_session(texts, conversation_id="c1", kinds=kinds)
        other = made.scrub_session(texts, conversation_id="c2", kinds=kinds)
        again = [made.scrub_session(texts, kinds=kinds) for _ in range(2)]
    assert [each.text for each in found] == expected.texts
    assert "Priya" not in "".join(each.text or "" for each in found)
    # Other conversations, and calls without an id, cannot be linked by their surrogates.
    assert len({each[0].text for each in (found, other, *again)}) == 4


def test_threads_share_a_scrubber(scrubber: chatsieve.Scrubber) -> None:
    """A web service masks in its request threads."""
    before = state_of_process()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(scrubber.scrub, [TEXTS[0], TEXTS[2]] * 8))
    assert {each.text for each in found} == {
        "🎉 Write to <EMAIL_ADDRESS_1>, says <PERSON_1>.",
        "Card <CREDIT_CARD_1>, from <IP_ADDRESS_1>, of <PERSON_1>.",
    }
    assert state_of_process() == before


def test_neither_key_nor_text_is_shown(scrubber: chatsieve.Scrubber) -> None:
    """The last line of a cell is saved with the notebook."""
    scrubbed = scrubber.scrub(TEXTS[1])
    assert scrubbed.text == TEXTS[1]
    shown = repr(scrubber) + repr(scrubbed) + repr(list(scrubber.scrub_many(TEXTS)))
    assert not [each for each in (KEY, str(bytes.fromhex(KEY)), "Nothing to mask", "elodie") if each in shown]


def test_what_is_no_text_or_key_is_refused(scrubber: chatsieve.Scrubber) -> None:
    """In one line, without the value."""
    with pytest.raises(chatsieve.InputError, match="expected texts, not bytes"):
        scrubber.scrub(b"CANARY")  # type: ignore[arg-type]
    with pytest.raises(chatsieve.InputError, match="a kind for each of 2 texts, not 1"):
        scrubber.scrub_session(["a", "b"], kinds=["user"])
    for scrub in (scrubber.scrub_session, scrubber.scrub_many):
        with pytest.raises(chatsieve.InputError, match="expected several texts, not one"):
            scrub("CANARY")
    with pytest.raises(chatsieve.InputError, match="unknown kind"):
        scrubber.scrub_session(["a"], kinds=["someone"])  # type: ignore[list-item]
    for key in ("0f", b"0f", "CANARY" * 20):
        with pytest.raises(chatsieve.ConfigError) as caught:
            chatsieve.Scrubber(key=key)
        assert "CANARY" not in str(caught.value)
    with pytest.raises(chatsieve.ConfigError, match="no-such-deid"):
        chatsieve.Scrubber("no-such-deid")


def test_a_closed_scrubber_refuses_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its models are gone."""
    monkeypatch.setattr("transforms.deid.engine.load_name_model", lambda _: None)
    with chatsieve.Scrubber() as made:
        assert made is not None
    with pytest.raises(chatsieve.DeidError, match="the Scrubber is closed"):
        made.scrub("a")


@pytest.mark.parametrize("kinds", [["CANARY text"], [["CANARY text"]]])
def test_a_text_that_is_given_as_a_kind_is_not_shown(kinds: Any) -> None:
    """The two lists are easily exchanged."""
    with (
        chatsieve.Scrubber() as scrubber,
        pytest.raises(chatsieve.InputError, match="unknown kind") as caught,
    ):
        scrubber.scrub_session(["user"], kinds=kinds)
    assert "CANARY" not in str(caught.value)


def test_arguments_of_another_type_are_named() -> None:
    """Not an internal error."""
    wrong: Any = 5
    with pytest.raises(chatsieve.ConfigError, match="key: expected hex digits or bytes, not int"):
        chatsieve.Scrubber(key=wrong)
    with chatsieve.Scrubber() as made, pytest.raises(chatsieve.InputError, match="expected text, not int"):
        made.scrub_session(["hello"], conversation_id=wrong)
