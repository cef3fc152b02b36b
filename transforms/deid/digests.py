"""SHA-256 digests of everything besides the config that decides what an engine masks, for the manifest."""

from __future__ import annotations

from schemas.deid import DeidConfig, is_class
from transforms.deid.model.tagger import tagger_digest
from transforms.deid.people.lexicon import lexicon_digest
from transforms.deid.people.name_models import model_digest
from transforms.deid.plugins import replacements, source_digest


def deid_digests(config: DeidConfig) -> dict[str, str]:
    """Digests of the models, the word lists and the user's own classes, by name.

    No engine is built and no model loaded. Raises DeidError or ConfigError for whatever is missing, not the
    pinned one, or invalid.
    """
    digests = {"lexicon": lexicon_digest()}
    if config.tagger.use:
        digests["tagger"] = tagger_digest()
    if config.finds_names:
        for language, model in sorted(config.models.items()):
            digests[model.package or f"model {language}"] = model_digest(model)
    if config.recognizers:
        # Presidio is imported only to check recognizers of the user.
        from transforms.deid.presidio import SessionAnalyzer

        SessionAnalyzer(lambda _: [], config.thresholds, config.recognizers)
        for name in filter(is_class, config.recognizers):
            digests[f"recognizer {name}"] = source_digest(name)
    for entity in replacements(config.operators):
        name = str(config.operators[entity].class_)
        digests[f"operator {name}"] = source_digest(name)
    return digests
