"""`chatsieve explain` as a user calls it: it agrees with the ledger, and it shows no text."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from pipeline.commands.explain import explain as explain_here
from pipeline.inputs.config import load_settings
from tests.support.command import Corpus, chatsieve, table_of

OTHER_KEY = ("--set", "key_file=null", "--set", f"key={'a7' * 32}")
Finished = tuple[Path, CompletedProcess[str]]


def explained(corpus: Corpus, conversation: str, *more: object) -> dict[str, Any]:
    done = chatsieve("explain", "-c", corpus.config, conversation, "--json", *more)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def one_of(corpus: Corpus, reason: str) -> str:
    return next(str(row["conversation_id"]) for row in corpus.truth() if row["reason"] == reason)


@pytest.mark.faults
@pytest.mark.e2e
def test_every_conversation_is_explained_as_the_run_decided_it(corpus: Corpus, finished: Finished) -> None:
    """Decision, reason and number of kept messages of every ledger row, found again from the inputs."""
    run, _ = finished
    settings = load_settings(corpus.config, {})
    ledger = {row["conversation_key"]: row for row in table_of(run, "ledger") if row["conversation_key"]}
    seen = set()
    conversations = {str(row["conversation_id"]) for row in corpus.truth() if row["conversation_id"]}
    for conversation in sorted(conversations):
        document = explain_here(settings, conversation, run, check_text=False)
        assert document["ledger"]["agrees"], conversation
        seen.add(document["conversation_key"])
        for session in document["sessions"]:
            fired = [rule["reason"] for rule in session["rules"] if rule["outcome"] == "fires"]
            assert fired == ([] if session["decision"] == "eligible" else [session["reason"]])
            if session["reason"] == ledger[document["conversation_key"]]["reason"]:
                assert session["messages_kept"] == sum(line["kept"] for line in session["messages"])
    assert seen == ledger.keys()


@pytest.mark.e2e
def test_the_text_stage_is_explained_too(corpus: Corpus, tmp_path: Path) -> None:
    """If the text stage refuses a session that the rules accept, ledger and explanation could differ."""
    asked = "2025-10-01T10:00:00Z"
    text = (
        "Necesito que me ayudes con una carta para mi vecino, porque la música de su casa no me deja dormir. "
        "Todas las noches pone canciones hasta muy tarde y los niños van a la escuela por la mañana"
    )
    record = {
        "conversation_id": "in-spanish",
        "user_id": next(str(row["user_id"]) for row in corpus.truth() if row["reason"] == "eligible"),
        "tier": "free",
        "surface": "chat",
        "created_at": asked,
        "messages": [
            {"message_id": "1", "role": "user", "sent_at": asked, "content": text},
            {"message_id": "2", "role": "assistant", "sent_at": asked, "content": text},
        ],
    }
    log, out = tmp_path / "log.jsonl", tmp_path / "out"
    log.write_text(json.dumps(record) + "\n")
    done = chatsieve("run", "-c", corpus.config, "--input", log, "--output", out)
    assert done.returncode == 0, done.stderr
    document = explained(corpus, "in-spanish", "--input", log, "--run", out)
    assert (document["decision"], document["reason"]) == ("excluded", "language_unsupported")
    assert document["ledger"]["agrees"]
    (session,) = document["sessions"]
    assert (session["messages_kept"], session["would_change"]) == (0, [])
    assert session["rules"][-4] | {"because": ""} == {
        "number": 15,
        "reason": "language_unsupported",
        "clause": "de-identify",
        "summary": "In a language that masking does not cover",
        "outcome": "fires",
        "because": "",
        "would_fire": None,
    }
    assert explained(corpus, "in-spanish", "--input", log, "--no-text")["reason"] == "eligible"


@pytest.mark.e2e
def test_an_explanation_shows_the_decision_and_no_text(corpus: Corpus) -> None:
    """Timeline, states, rules, verdict, clause and remedy; no text and no id of a user."""
    conversation = one_of(corpus, "not_resumed")
    done = chatsieve("explain", "-c", corpus.config, conversation)
    assert done.returncode == 0, done.stderr
    for words in ("EXCLUDED: not_resumed, clause new-or-resumed", "Consent timeline", "granted", "undecided"):
        assert words in done.stdout
    assert "eligible" in done.stdout.split("Changes that give another decision")[1]
    assert max(map(len, done.stdout.splitlines())) <= 80
    everything = done.stdout + done.stderr + json.dumps(explained(corpus, conversation))
    user = next(str(row["user_id"]) for row in corpus.truth() if row["conversation_id"] == conversation)
    assert conversation not in everything
    assert user not in everything
    values = [str(row["value"]) for row in corpus.planted()]
    assert [value for value in values if len(value) > 5 and value in everything] == []


@pytest.mark.e2e
def test_a_key_explains_as_well_as_an_id(corpus: Corpus, finished: Finished) -> None:
    """An auditor holds the ledger, and its keys are all they have."""
    run, _ = finished
    conversation = one_of(corpus, "opted_out")
    key = corpus.key_of(conversation)
    by_id = explained(corpus, conversation, "--run", run)
    assert explained(corpus, key, "--run", run) == by_id
    done = chatsieve("explain", "--run", run, key, "--json")
    assert done.returncode == 0, done.stderr
    alone = json.loads(done.stdout)
    assert (alone["decision"], alone["reason"], alone["clause"]) == ("excluded", "opted_out", "opt-out")
    outcomes = {rule["reason"]: rule["outcome"] for rule in alone["ledger"]["rows"][0]["rules"]}
    assert (outcomes["undecided"], outcomes["opted_out"], outcomes["not_resumed"]) == (
        "does not fire",
        "fires",
        "not reached",
    )


@pytest.mark.e2e
def test_a_quarantined_record_is_explained_by_its_code(corpus: Corpus, tmp_path: Path) -> None:
    """A record that cannot be read has a ledger row, and someone will ask for it."""
    record = {
        "conversation_id": "odd",
        "user_id": "u",
        "tier": "free",
        "surface": "chat",
        "created_at": "2025-10-01T00:00:00",
        "messages": [],
    }
    (tmp_path / "odd.jsonl").write_text(json.dumps(record) + "\n")
    document = explained(corpus, "odd", "--input", tmp_path / "odd.jsonl")
    assert (document["decision"], document["reason"]) == ("quarantined", "naive_timestamp")
    assert document["sessions"] == []


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-c", "CONFIG", "no-such-conversation"), "no input has a record of this conversation"),
        (("no-such-conversation",), "expected -c CONFIG, or --run FOLDER"),
        (("-c", "CONFIG", "\udcff"), "cannot be printed"),
        (
            ("-c", "CONFIG", "--set", "key_file=null", "--set", f"key={'a7' * 32}", "--run", "RUN", "x"),
            "another key",
        ),
        (("--run", "RUN", "no-such-conversation"), "32 hex digits"),
        (("--run", "RUN", "0" * 32), "no row with conversation key"),
        (("--run", "/nowhere", "0" * 32), "no CURRENT"),
        (("-c", "CONFIG", "--run", "RUN", "--as-of", "2026-01-01T00:00:00Z", "x"), "cannot be combined"),
    ],
)
def test_an_unknown_conversation_gives_one_line(
    corpus: Corpus, finished: Finished, arguments: tuple[str, ...], words: str
) -> None:
    """The id could be personal data: it is not repeated."""
    places = {"CONFIG": str(corpus.config), "RUN": str(finished[0])}
    done = chatsieve("explain", *(places.get(argument, argument) for argument in arguments))
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "no-such-conversation" not in done.stderr


@pytest.mark.e2e
def test_inputs_that_changed_since_the_run_are_reported(
    corpus: Corpus, finished: Finished, tmp_path: Path
) -> None:
    """An explanation of changed data must not pass as one of the run's data."""
    run, _ = finished
    conversation = one_of(corpus, "eligible")
    document = {
        "conversation_id": conversation,
        "user_id": None,
        "tier": "free",
        "surface": "chat",
        "created_at": "2025-10-01T00:00:00Z",
        "messages": [],
    }
    (tmp_path / "changed.jsonl").write_text(json.dumps(document) + "\n")
    done = chatsieve(
        "explain", "-c", corpus.config, conversation, "--run", run, "--input", tmp_path / "changed.jsonl"
    )
    assert done.returncode == 1
    assert "The ledger differs" in done.stdout
    assert "inputs changed since the run" in done.stderr
