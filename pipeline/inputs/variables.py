"""Environment variables in values of the configuration: `${NAME}`."""

from __future__ import annotations

import os
import re

from schemas.errors import ConfigError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def expand(text: str, where: str, advice: str) -> str:
    """The text with each `${ENV}` replaced by its value; ConfigError for a variable that is not set."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if not os.environ.get(name):
            raise ConfigError(f"{where}: the environment variable {name} is not set; {advice}")
        return os.environ[name]

    return _VARIABLE.sub(value, text)


def variable_of(text: str) -> str | None:
    """The name of the variable, if the text is one and nothing else."""
    found = _VARIABLE.fullmatch(text.strip())
    return found.group(1) if found else None
