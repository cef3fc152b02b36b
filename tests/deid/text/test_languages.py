"""Languages: a session is masked by its language's model, or by patterns alone, or refused."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from schemas.deid import DeidConfig
from schemas.sections.name_models import ModelConfig
from tests.support.deid_engines import CONFIG, engine_for
from transforms.deid.engine import DeidEngine
from transforms.deid.spans import Masked, Segment, SessionText

FRENCH = (
    "Bonjour, je voudrais organiser une fête pour mon voisin Thibault Marchandier qui habite près de chez "
    "nous. Il travaille avec Océane Lefebvre depuis des années, et nous avons pensé à un dîner au jardin, "
    "avec de la musique et un gâteau. Pouvez-vous m'écrire une invitation qui soit drôle et élégante ? "
    "Écrivez-moi à o.lefebvre@example.fr ou au +33 6 12 34 56 78."
)
GERMAN = (
    "Guten Tag, ich möchte bitte eine Bescheinigung über meine Arbeit in der Firma haben, weil ich sie für "
    "die Wohnung brauche. Können Sie mir einen Brief an den Vermieter schreiben, der nicht so lang ist und in"
    " dem steht, dass ich seit drei Jahren hier arbeite? Meine Karte ist 4242 4242 4242 4242. Vielen Dank!"
)


def mask(engine: DeidEngine, text: str) -> Masked:
    return engine.mask_sessions([SessionText(bytes(16), [Segment(text, "user")])])[0]


@pytest.fixture(scope="module")
def patterns_only() -> DeidEngine:
    language = CONFIG.language.model_copy(update={"unsupported": "patterns_only"})
    return engine_for(CONFIG.model_copy(update={"language": language}))


@pytest.fixture(scope="module")
def bilingual() -> DeidEngine:
    models = {**CONFIG.models, "fr": ModelConfig(package="fr_core_news_sm")}
    language = CONFIG.language.model_copy(update={"supported": ["en", "fr"]})
    return engine_for(CONFIG.model_copy(update={"models": models, "language": language}))


def test_a_second_language_is_masked_by_its_own_model(bilingual: DeidEngine) -> None:
    """The same program serves other countries: a spaCy model and its language's name are all it takes."""
    masked = mask(bilingual, FRENCH)
    assert masked.language == "fr"
    assert masked.refusal is None
    for value in ("Thibault", "Marchandier", "Océane", "Lefebvre", "o.lefebvre", "12 34 56"):
        assert value not in masked.texts[0]
    assert "une invitation qui soit drôle" in masked.texts[0]


def test_english_stays_english_beside_it(bilingual: DeidEngine) -> None:
    """A second model changes nothing for sessions of the first language."""
    text = "Please ask my colleague Siobhan O'Brien about the French translation of the contract by Friday."
    assert mask(bilingual, text) == mask(engine_for(), text)


def test_a_language_without_a_model_is_refused_or_masked_by_patterns(
    bilingual: DeidEngine, patterns_only: DeidEngine
) -> None:
    """Text that cannot be de-identified is excluded, unless the policy accepts masking by patterns only."""
    assert mask(bilingual, GERMAN).refusal == "language_unsupported"
    masked = mask(patterns_only, GERMAN)
    assert masked.refusal is None
    assert "<CREDIT_CARD_1>" in masked.texts[0]
    assert "Bescheinigung" in masked.texts[0]


def test_a_supported_language_needs_a_model() -> None:
    """Otherwise its sessions would pass with every name in them."""
    given = CONFIG.model_dump(mode="json")
    given["language"]["supported"] = ["en", "it"]
    with pytest.raises(ValidationError, match="no model for it"):
        DeidConfig.model_validate_json(json.dumps(given))


@pytest.mark.parametrize(
    "around",
    [
        "我的邮箱是{}谢谢",
        "私のメールは{}です",
        "اتصل بي على {} من فضلك",
        "мой адрес {} спасибо",
        "이메일은 {}입니다",
        "मेरा ईमेल {} है",
        "อีเมลของฉันคือ {} นะ",
    ],
)
@pytest.mark.parametrize(
    "value",
    [
        "bob.stone@example.com",
        "4242 4242 4242 4242",
        "+49 171 1234567",
        "ghp_a8Kd03mZq1Xy7Lw9Tn5Vb2Rc6Pf4Hg0Js8Eu",
    ],
)
def test_identifiers_are_found_in_every_script(patterns_only: DeidEngine, around: str, value: str) -> None:
    """Names need a language's model; numbers and keys are the same everywhere."""
    assert value not in mask(patterns_only, around.format(value)).texts[0]
