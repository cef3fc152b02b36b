"""Recognizers and operators that a user writes in Python, as Presidio documents them."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.deid import Operator, is_class
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

#: From a value to its replacement.
Replace = Callable[[str], str]


def recognizer_of(reference: str) -> EntityRecognizer:
    """An instance of the recognizer class `module:Class`; raises ConfigError if it is not one."""
    from presidio_analyzer import EntityRecognizer

    kind = _class(reference)
    if not issubclass(kind, EntityRecognizer):
        raise ConfigError(f"recognizers: {reference}: is no class of presidio_analyzer.EntityRecognizer")
    try:
        return kind()
    except Exception as error:  # noqa: BLE001 - a user's code raises what it likes
        raise ConfigError(f"recognizers: {reference}: cannot be made ({type(error).__name__})") from None


def replacements(operators: Mapping[str, Operator]) -> dict[str, Replace]:
    """By entity type, the function of its `custom` operator; raises ConfigError if the class or its params
    are invalid.
    """
    own = {entity: one for entity, one in operators.items() if one.operator == "custom"}
    return {entity: _replacement(entity, one) for entity, one in own.items()}


def source_digest(reference: str) -> str:
    """SHA-256 of the file that defines a class, for the manifest."""
    file = inspect.getsourcefile(_class(reference))
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else "unknown"


def _replacement(entity: str, one: Operator) -> Replace:
    from presidio_anonymizer.operators import Operator as PresidioOperator
    from presidio_anonymizer.operators import OperatorType

    kind = _class(str(one.class_))
    if not issubclass(kind, PresidioOperator):
        raise ConfigError(
            f"operators.{entity}: {one.class_}: is no class of presidio_anonymizer.operators.Operator"
        )
    params = {**one.params, "entity_type": entity}
    try:
        operator: Any = kind()
        operator.validate(params)
        anonymizes = operator.operator_type() == OperatorType.Anonymize
    except Exception as error:  # noqa: BLE001 - a user's code raises what it likes
        raise ConfigError(
            f"operators.{entity}: {one.class_}: refuses its params ({type(error).__name__})"
        ) from None
    if not anonymizes:
        raise ConfigError(f"operators.{entity}: {one.class_}: is no operator that anonymizes")
    return lambda value: str(operator.operate(value, dict(params)))


def _class(reference: str) -> type:
    if not is_class(reference):
        raise ConfigError(f"{reference}: expected module:Class")
    module, _, name = reference.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # noqa: BLE001 - importing runs a user's code
        raise ConfigError(
            f"{reference}: cannot be imported ({type(error).__name__}); install its package beside chatsieve"
        ) from None
    if not isinstance(found, type):
        raise ConfigError(f"{reference}: is no class")
    return found
