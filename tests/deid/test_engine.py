"""The engine, with Presidio and the model: surrogates are consistent in a session and unlinkable across."""

from __future__ import annotations

import gc
import json
import random
import re
import weakref
from pathlib import Path

import pytest
import yaml

from schemas.decisions import Reason
from schemas.deid import DeidConfig, Operator, load_deid
from schemas.errors import ConfigError, DeidError
from schemas.sections.name_models import ModelConfig
from tests.support.deid_engines import CONFIG, engine_for, new_engine
from tests.support.samples import sample
from transforms.deid.engine import DeidEngine
from transforms.deid.masking.surrogates import Surrogates
from transforms.deid.people.known_people import propagate_names
from transforms.deid.people.name_models import load_name_model
from transforms.deid.residual import MaskedText
from transforms.deid.spans import Kind, Masked, Segment, SessionText, Span
from transforms.deid.text.propagate import propagate_values
from transforms.sample.texts.fill import generate_texts

KEY = bytes(range(32))
GERMAN = "Ich habe gestern mit meinem Bruder über das neue Haus gesprochen und wir sind uns nicht einig. "
ENGLISH = "The meeting was moved twice, so please confirm the room with them before you travel to it. "


@pytest.fixture(scope="module")
def engine() -> DeidEngine:
    return engine_for(CONFIG, KEY)


def session(*texts: str | tuple[str, Kind] | tuple[str, Kind, str], key: bytes = b"k" * 16) -> SessionText:
    return SessionText(key, [Segment(t, "user") if isinstance(t, str) else Segment(*t) for t in texts])


def one(engine: DeidEngine, text: SessionText) -> Masked:
    return engine.mask_sessions([text])[0]


CONVERSATION = session(
    "Hi, I'm Priya Raghunathan, mail me at priya.r@example.com or call +44 7700 900123.",
    ("Thanks Priya! I wrote to PRIYA.R@EXAMPLE.COM.", "assistant"),
    ("The user Priya Raghunathan wants a call on +44-7700-900123.", "thinking"),
    ("cat /home/priyar/notes.txt", "tool_input", "command"),
    ("Owner: Priya Raghunathan <priya.r@example.com>\n/home/priyar/notes.txt", "tool_result"),
)


def test_a_value_is_one_surrogate_through_all_turns_and_tool_results(engine: DeidEngine) -> None:
    """A model trained on the text must be able to distinguish people."""
    assert one(engine, CONVERSATION).texts == [
        "Hi, I'm <PERSON_1>, mail me at <EMAIL_ADDRESS_1> or call <PHONE_NUMBER_1>.",
        "Thanks <PERSON_1>! I wrote to <EMAIL_ADDRESS_1>.",
        "The user <PERSON_1> wants a call on <PHONE_NUMBER_1>.",
        "cat /home/USERNAME_1/notes.txt",
        "Owner: PERSON_1 <EMAIL_ADDRESS_1>\n/home/USERNAME_1/notes.txt",
    ]


def test_a_session_is_masked_equally_alone_and_with_others(engine: DeidEngine) -> None:
    """Equal input gives equal bytes, regardless of the other sessions of a worker."""
    rng = random.Random(3)
    names = [
        "Tomasz Kowalczyk",
        "Ana Beatriz Souza",
        "Li Wei",
        "Oyelaran Adeyemi",
        "Bill Grace",
        "Noor al Fayed",
    ]
    sessions = [
        session(
            *(f"{rng.choice(names)} told {rng.choice(names)} that {ENGLISH}" for _ in range(5)),
            key=bytes([n]) * 16,
        )
        for n in range(24)
    ]
    alone = [one(engine, each) for each in sessions]
    order = rng.sample(range(24), 24)
    together = engine.mask_sessions([sessions[n] for n in order])
    assert [together[order.index(n)] for n in range(24)] == alone
    assert new_engine(CONFIG, KEY).mask_sessions(sessions) == alone


def test_realistic_surrogates_agree_in_a_session_and_differ_across(engine: DeidEngine) -> None:
    """Surrogates are keyed by session, so a person cannot be linked across sessions."""
    realistic = engine_for(CONFIG.model_copy(update={"surrogates": "realistic"}), KEY)
    here, again, there = (
        one(realistic, SessionText(key, CONVERSATION.segments)).texts
        for key in (b"a" * 16, b"a" * 16, b"b" * 16)
    )
    assert here == again
    assert here[0] != there[0]
    email = re.findall(r"[\w.]+@example\.\w+", " ".join(here))
    assert len(email) == 3
    assert len(set(email)) == 1
    assert "Priya" not in " ".join(here)
    assert (
        engine_for(CONFIG, bytes(32)).mask_sessions([CONVERSATION])[0].texts
        == one(engine, CONVERSATION).texts
    )


@pytest.mark.parametrize(
    "text",
    [
        "I met John Smith in the office yesterday.",
        "Please ask Dr. Maria-Luisa Fernández about it.",
        "My colleague Siobhan O'Brien will answer.",
        "CUSTOMER: JOHN SMITH",
        "my name is priya and i have a question",
        "Regards, Tomasz",
        "Kind regards\nJürgen Müller",
        "We hired Oluwaseun Adebayo last week, and she is very good.",
    ],
)
def test_names_are_found(engine: DeidEngine, text: str) -> None:
    """Names occur in many forms."""
    masked = one(engine, session(text))
    assert masked.entities.get("PERSON") == 1, masked.texts


@pytest.mark.parametrize(
    "text",
    [
        "Python and Docker run on Linux; React renders in Chrome.",
        "class UserService extends BaseService { constructor() {} }",
        "from collections import OrderedDict, Counter",
        "The Paris Agreement was signed in April.",
        "May I use Rust? Will Mark Down work on Monday in March?",
        "def merge(left, right):\n    return Result.Ok(Left(left))",
    ],
)
def test_ordinary_capitalised_words_are_not_masked_as_people(engine: DeidEngine, text: str) -> None:
    """Masking technical words degrades the data without protecting a person."""
    assert one(engine, session(text, (text, "assistant"))).texts == [text, text]


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("password", "correct-horse-7", "SECRET"),
        ("phone_number", "4155550133", "PHONE_NUMBER"),
        ("ssn", "123456789", "GOV_ID"),
        ("full_name", "Priya Raghunathan", "PERSON"),
        ("username", "praghu", "USERNAME"),
        ("address", "7 Rosenweg", "ADDRESS"),
    ],
)
def test_a_json_value_has_the_type_of_its_key(engine: DeidEngine, key: str, value: str, kind: str) -> None:
    """In JSON the context of a value is its key, which is not part of the same text."""
    assert one(engine, session((value, "tool_input", key))).texts == [f"<{kind}_1>"]


def test_a_placeholder_in_the_text_is_not_used_as_a_surrogate(engine: DeidEngine) -> None:
    """If a user writes <PERSON_1>, the first person found must get another number."""
    texts = one(engine, session("I wrote <PERSON_1> myself. Ask Priya Raghunathan.")).texts
    assert texts == ["I wrote <PERSON_1> myself. Ask <PERSON_2>."]


def test_each_refusal_has_its_reason(engine: DeidEngine) -> None:
    """A session that cannot be masked safely is excluded completely, with a reason in the ledger."""
    german = GERMAN * 4
    dense = " ".join(f"user{n}@example.com" for n in range(80))
    assert one(engine, session(german)).refusal == Reason.LANGUAGE_UNSUPPORTED
    assert one(engine, session(dense)).refusal == Reason.PII_DENSITY
    small = CONFIG.model_copy(update={"refuse": CONFIG.refuse.model_copy(update={"max_characters": 50})})
    assert engine_for(small, KEY).mask_sessions([session(ENGLISH)])[0].refusal == Reason.OVERSIZE
    assert one(engine, session(ENGLISH * 3)).refusal is None


def test_a_residual_hit_after_the_second_masking_refuses_the_session(
    engine: DeidEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If masking fails, the text must not be written."""
    monkeypatch.setattr("transforms.deid.engine.mask_text", lambda text, *_: MaskedText(text, [], []))
    assert one(engine, session("write to bob@example.com")).refusal == Reason.RESIDUAL_PII


def test_patterns_only_masks_identifiers_of_another_language() -> None:
    """If the config allows it, numbers and addresses are masked even if names cannot be detected."""
    language = CONFIG.language.model_copy(update={"unsupported": "patterns_only"})
    german = GERMAN * 4 + "bob@example.com"
    masked = engine_for(CONFIG.model_copy(update={"language": language}), KEY).mask_sessions(
        [session(german)]
    )[0]
    assert masked.refusal is None
    assert masked.language == "de"
    assert "bob@example.com" not in masked.texts[0]


def refused_for_language(engine: DeidEngine, texts: list[str]) -> list[str]:
    masked = engine.mask_sessions([session(text) for text in texts])
    return [
        text for text, one in zip(texts, masked, strict=True) if one.refusal == Reason.LANGUAGE_UNSUPPORTED
    ]


def test_english_and_code_are_never_refused_for_language(engine: DeidEngine) -> None:
    """A wrong refusal loses data without notice."""
    texts = [
        *(made.text for made in generate_texts(150, 5)),
        "def f(x):\n    return x * 2\n" * 40,
        "ls -la && make -j4\n" * 40,
    ]
    assert refused_for_language(engine, texts) == []


@pytest.mark.samples
def test_public_english_is_never_refused_for_language(engine: DeidEngine) -> None:
    """The same for English texts from outside this project."""
    lines = sample("pii/pr_synth_v2.jsonl").read_text().splitlines()[:150]
    assert refused_for_language(engine, [json.loads(line)["text"] for line in lines]) == []


def test_a_dropped_engine_is_freed_at_once() -> None:
    """An engine holds 250 MB; in a reference cycle it would stay until the next garbage collection."""
    gc.disable()
    try:
        dropped = new_engine()
        dropped.mask_sessions([CONVERSATION])
        reference = weakref.ref(dropped)
        del dropped
        assert reference() is None
    finally:
        gc.enable()


def test_a_model_that_is_not_the_pinned_one_is_refused() -> None:
    """Another model would give other spans under the same manifest."""
    model = ModelConfig(package=CONFIG.models["en"].package, sha256="0" * 64)
    with pytest.raises(DeidError, match="not the pinned ones"):
        DeidEngine(CONFIG.model_copy(update={"models": {"en": model}}), KEY)
    missing = ModelConfig(package="no_such_model_package")
    with pytest.raises(DeidError, match="not installed"):
        DeidEngine(CONFIG.model_copy(update={"models": {"en": missing}}), KEY)


def test_a_folder_that_is_no_model_is_refused_when_loaded(tmp_path: Path) -> None:
    """Loaded at its first use, it would fail each session instead of the run."""
    (tmp_path / "config.cfg").write_text("[nlp]\n")
    model = ModelConfig(path=str(tmp_path))
    engine = DeidEngine(CONFIG.model_copy(update={"models": {"en": model}}), KEY)
    with pytest.raises(DeidError, match="cannot be loaded as a spaCy model"):
        engine.load_models()


def test_presidio_without_recognizers_of_the_user_changes_nothing(engine: DeidEngine) -> None:
    """`scrub` does not load it, and must mask what a run masks."""
    texts = [
        session(made.text, (made.text, "tool_result"), key=number.to_bytes(16, "big"))
        for number, made in enumerate(generate_texts(120, 8))
    ]
    alone = DeidEngine(CONFIG, KEY, load_name_model, presidio=False)
    assert alone.explain_sessions([CONVERSATION, *texts]) == engine.explain_sessions([CONVERSATION, *texts])


def test_a_users_own_recognizer_runs(tmp_path: Path) -> None:
    """Organisations describe their own identifiers in Presidio's YAML."""
    (tmp_path / "own.yaml").write_text(
        "recognizers:\n  - name: Badge\n    supported_entity: BADGE\n    supported_language: en\n"
        "    patterns: [{name: badge, regex: 'BDG-\\d{5}', score: 0.9}]\n"
    )
    text = Path("configs/deid/default.yaml").read_text()
    text = text.replace("recognizers: []", "recognizers: [own.yaml]").replace(
        "thresholds:\n", "thresholds:\n  BADGE: 0.5\n"
    )
    (tmp_path / "deid.yaml").write_text(text)
    own: DeidConfig = load_deid(tmp_path / "deid.yaml")[0]
    masked = new_engine(own, KEY).mask_sessions([session("My badge is BDG-12345, says Priya Raghunathan.")])[
        0
    ]
    assert masked.texts == ["My badge is <BADGE_1>, says <PERSON_1>."]
    (tmp_path / "own.yaml").write_text("recognizers: [1, 2")
    with pytest.raises(ConfigError, match=r"own\.yaml:1: not valid YAML"):
        new_engine(own, KEY)


def test_a_mistake_in_the_config_names_its_line(tmp_path: Path) -> None:
    """The user needs the line to correct the mistake."""
    text = Path("configs/deid/default.yaml").read_text().replace("  PERSON: 0.6", "  PERSON: 1.6")
    (tmp_path / "deid.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"deid\.yaml:\d+: thresholds"):
        load_deid(tmp_path / "deid.yaml")


CASES = Path(__file__).resolve().parents[2] / "tests/cases"


@pytest.mark.parametrize(("text", "value"), yaml.safe_load((CASES / "deid_forms.yaml").read_text("utf-8")))
def test_values_in_unusual_forms_are_masked(engine: DeidEngine, text: str, value: str) -> None:
    """Values may be obfuscated, wrapped, or in prompts, headers, trailers and signatures."""
    assert value not in one(engine, session(text)).texts[0]


@pytest.mark.parametrize("text", yaml.safe_load((CASES / "deid_forms_left.yaml").read_text("utf-8")))
def test_text_similar_to_a_value_is_unchanged(engine: DeidEngine, text: str) -> None:
    """Without evidence, common words are neither names nor passwords."""
    assert one(engine, session(text)).texts == [text]


def test_a_greek_name_is_found_again_with_either_form_of_sigma() -> None:
    """The lower case of a capital sigma depends on its context: an apostrophe and a letter change it."""
    texts = ["Νίκος Παππάς", "ΝΊΚΟΣ’Σ"]
    _, again = propagate_names(texts, [[Span(0, 12, "PERSON", 0.9)], []])
    assert [(span.start, span.end) for span in again] == [(0, 5)]
    # A dotted I has two code points in lower case. Offsets must not change.
    texts = ["/home/νίκος/x", "İİ ΝΊΚΟΣ’S"]
    _, again = propagate_values(texts, [[Span(6, 11, "USERNAME", 0.85)], []])
    assert [(span.start, span.end) for span in again] == [(3, 8)]


def test_a_lone_surrogate_does_not_fail_the_engine() -> None:
    """JSON can escape lone surrogates, so the spaCy model may get windows that contain them."""
    tagger = CONFIG.tagger.model_copy(update={"use": False})
    hashed = {"SECRET": Operator(operator="hash")}
    engine = engine_for(CONFIG.model_copy(update={"tagger": tagger, "operators": hashed}), KEY)
    text = "Yesterday \ud800 Wolfram Quessel met us \udfff in the park. password=hunt\ud800er2xyz!9"
    masked = one(engine, session(text))
    assert re.fullmatch(
        "Yesterday \ud800 <PERSON_1> met us \udfff in the park[.] password=[0-9a-f]{16}", masked.texts[0]
    )


def test_a_realistic_surrogate_differs_from_values_in_the_config() -> None:
    """Two values with one surrogate would appear to be the same value."""
    texts, found = ["ann@corp.example"], [[Span(0, 16, "EMAIL_ADDRESS", 0.9)]]
    made = Surrogates("realistic", bytes(32), texts, found, {}).of("EMAIL_ADDRESS", texts[0])
    fixed = {"USERNAME": Operator(operator="replace", value=made)}
    assert Surrogates("realistic", bytes(32), texts, found, fixed).of("EMAIL_ADDRESS", texts[0]) != made
