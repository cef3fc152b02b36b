"""`chatsieve completion`, and the answers to the shell that its scripts ask for.

The scripts and their protocol are Typer's. An answer reads the commands and the packaged names only: it loads
no runner, writes no file and never fails.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, MutableMapping
from typing import Annotated, Any, Literal

import typer

#: Set by a shell that asks for completions, such as `complete_bash`.
VARIABLE = "_CHATSIEVE_COMPLETE"
#: Bash splits words at these characters, and replaces only what follows them.
_BREAKS = "=:"


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"], typer.Argument(metavar="bash|zsh|fish", help="The name of the shell.")
    ],
) -> None:
    """Print a script that completes commands, options and names.

    It completes formats, policies and other fixed values, too, and files everywhere else. New shells use it.

    Examples:
        Install it for Bash:
            chatsieve completion bash >> ~/.bashrc
        Install it for Zsh, after a line with compinit:
            chatsieve completion zsh >> ~/.zshrc
        Install it for fish:
            chatsieve completion fish > ~/.config/fish/completions/chatsieve.fish
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    typer.echo(get_completion_script(prog_name="chatsieve", complete_var=VARIABLE, shell=shell))


def complete(app: typer.Typer, environment: MutableMapping[str, str]) -> int:
    """Prints the completions that the environment asks for; the exit code of the protocol.

    What goes wrong is left out: an error would be printed into the line that a person is typing.
    """
    from typer.completion import completion_init, shell_complete  # type: ignore[attr-defined]

    printed = io.StringIO()
    code: object = 1
    begun = ""
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        try:
            begun = _join_words(environment)
            environment["COLUMNS"] = "1000"  # a text that Typer wraps would be read as two completions
            completion_init()
            command: Any = typer.main.get_command(app)
            code = shell_complete(command, {}, "chatsieve", VARIABLE, environment[VARIABLE])
        except SystemExit as ended:
            code = ended.code
        except Exception:  # noqa: BLE001 - see above
            return 1
    lines = filter(None, printed.getvalue().splitlines())
    with contextlib.suppress(OSError):  # no buffer, which would fail when the process ends
        os.write(1, "".join(f"{line.removeprefix(begun)}\n" for line in lines).encode())
    return int(code) if isinstance(code, int) else 0


def _join_words(environment: MutableMapping[str, str]) -> str:
    """Joins the words that Bash split at = and :, in its variables.

    Gives the part of the value being typed that Bash keeps, which its completions must not repeat.
    """
    if environment.get(VARIABLE) != "complete_bash" or "COMP_WORDS" not in environment:
        return ""
    words = environment["COMP_WORDS"].split("\n")
    current = int(environment.get("COMP_CWORD", "0"))
    joined: list[str] = []
    glue = False
    for word in words[: current + 1]:
        is_break = word != "" and not word.strip(_BREAKS)
        if joined and (is_break or glue):
            joined[-1] += word
        else:
            joined.append(word)
        glue = is_break
    environment["COMP_WORDS"] = "\n".join(joined)
    environment["COMP_CWORD"] = str(len(joined) - 1)
    typed = joined[-1]
    value = typed.partition("=")[2] if typed.startswith("-") else typed
    return value[: max(value.rfind(each) for each in _BREAKS) + 1]


def policies() -> list[str]:
    """The names of the included policies."""
    from pipeline.inputs.packaged import packaged_names

    return packaged_names("policies")


def deid_configs() -> list[str]:
    """The names of the included de-identification configs."""
    from pipeline.inputs.packaged import packaged_names

    return packaged_names("deid")


def formats() -> list[str]:
    """The formats of logs, also those of installed packages."""
    from schemas.formats import BUILT_IN, registered

    return [*BUILT_IN, *registered()]


def settings() -> list[str]:
    """KEY=VALUE for each key of a configuration with a fixed set of values, such as runner.name=direct."""
    from pipeline.inputs.packaged import packaged_folder

    schema = json.loads((packaged_folder("configs") / "schemas/run.schema.json").read_bytes())
    found = {f"{key}={value}" for key, value in _values(schema, schema["$defs"], ())}
    return sorted(found)


def _values(
    node: dict[str, Any], models: dict[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[str, object]]:
    """(dotted key, value) of the fixed values below a node of a JSON Schema."""
    node = models[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    for part in (each for kind in ("anyOf", "oneOf", "allOf") for each in node.get(kind, [])):
        yield from _values(part, models, path)
    for name, part in node.get("properties", {}).items():
        yield from _values(part, models, (*path, name))
    values = node.get("enum", [node["const"]] if "const" in node else [])
    for value in ["true", "false"] if node.get("type") == "boolean" else values:
        yield ".".join(path), value
