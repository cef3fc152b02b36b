"""The help texts of commands, without the types and ranges that typer adds."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand

#: The Python type after the name of an argument, and the range of a number.
_TYPE = re.compile(r" <[^>]+>$")
_RANGE = re.compile(r"; x>=\d+|x>=\d+; ")


class Command(TyperCommand):
    """A command whose help has names and defaults only: `PATH`, not `{PATH}` or `PATH <str>`."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words after the command in the usage line."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the sections of arguments and options."""
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            found = (
                each.get_help_record(ctx) for each in self.get_params(ctx) if each.param_type_name == kind
            )
            rows = [(_TYPE.sub("", name), _RANGE.sub("", text)) for name, text in filter(None, found)]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
