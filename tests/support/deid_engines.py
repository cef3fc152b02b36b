"""De-identification engines and their parts, built once in a test process and shared by all test files.

An engine loads a spaCy model of 200 MB, which takes a second. Use `engine_for` if a test only masks texts,
and `new_engine` if it tests a new engine. Both share loaded models. Earlier sessions do not affect the
results of an engine. A test that replaces a part of an engine must restore it (`monkeypatch`).
"""

from __future__ import annotations

import functools

from pipeline.inputs.config import DEFAULT_DEID
from schemas.deid import DeidConfig, load_deid
from schemas.sections.name_models import ModelConfig
from transforms.deid.engine import DeidEngine
from transforms.deid.people.line_signs import LineSigns
from transforms.deid.people.name_models import NameModel, load_name_model
from transforms.deid.rules.scanner import PatternScanner

CONFIG = load_deid(DEFAULT_DEID)[0]
_MODELS: dict[str, NameModel] = {}
_ENGINES: dict[tuple[str, bytes], DeidEngine] = {}


def engine_for(config: DeidConfig = CONFIG, key: bytes = bytes(32)) -> DeidEngine:
    """The shared engine for a config and a key."""
    known = config.model_dump_json(by_alias=True), key
    if known not in _ENGINES:
        _ENGINES[known] = new_engine(config, key)
    return _ENGINES[known]


def new_engine(config: DeidConfig = CONFIG, key: bytes = bytes(32)) -> DeidEngine:
    """A new engine; only the loaded models are shared."""
    return DeidEngine(config, key, _model)


@functools.cache
def pattern_scanner() -> PatternScanner:
    """The shared scanner of all pattern rules."""
    return PatternScanner()


@functools.cache
def line_signs() -> LineSigns:
    """The shared expressions for lines."""
    return LineSigns()


def _model(config: ModelConfig) -> NameModel:
    known = config.model_dump_json()
    if known not in _MODELS:
        _MODELS[known] = load_name_model(config)
    return _MODELS[known]
