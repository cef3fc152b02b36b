"""Checks calls of `chatsieve` against its real commands, without running them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer

from pipeline.cli.main import app

_HERE = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?(.*\n)(?:.*\n)*?\s*\1$", re.M)
_COMMENT = re.compile(r"(^|\s)#.*", re.M)
_SUBSTITUTION = re.compile(r"\$\(([^()]*)\)")
_REDIRECTION = re.compile(r"\d*[<>]+&?\s*\S+")
_ASSIGNMENT = re.compile(r"\w+=.*", re.S)


def calls(script: str) -> Iterator[list[str]]:
    """The arguments of each `chatsieve` in a shell script, also within `$(...)`."""
    for part in _SUBSTITUTION.findall(script):
        yield from calls(part)
    for pattern, instead in ((_HERE, r"\2"), (_SUBSTITUTION, "SUBSTITUTED"), (r"\\\n", " "), (_COMMENT, "")):
        script = re.sub(pattern, instead, script)
    words = shlex.shlex(script.replace("\n", " ; "), posix=True, punctuation_chars=";&|")
    words.whitespace_split, words.commenters = True, ""
    command: list[str] = []
    for word in [*_without_redirections(words), ";"]:
        if not set(word) <= set(";&|"):
            command.append(word)
            continue
        while command and _ASSIGNMENT.fullmatch(command[0]):
            del command[0]
        if command and command[0].rpartition("/")[2] == "chatsieve":
            yield command[1:]
        command = []


def _without_redirections(words: Iterator[str]) -> Iterator[str]:
    """Leaves out `> FILE`, `2>&1` and the like."""
    for word in words:
        if word in {"<", ">", ">>", "2>", "2>>"}:
            next(words, None)
        elif not _REDIRECTION.fullmatch(word):
            yield word


def faults_of(arguments: list[str], partial: bool = False) -> list[str]:
    """Commands and options that do not exist, and arguments too many or too few.

    `partial`: the call names only what a sentence is about, so that arguments and values may be left out.
    """
    command: Any = typer.main.get_command(app)
    rest, names = list(arguments), ["chatsieve"]
    while hasattr(command, "commands"):
        taken = _parse(command, rest)
        if isinstance(taken, str):
            return [taken]
        rest = taken[1]
        if not rest or (partial and rest[0].isupper()):
            return []
        if rest[0] not in command.commands:
            return [f"{' '.join(names)} has no command {rest[0]}"]
        names.append(rest[0])
        command, rest = command.commands[rest[0]], rest[1:]
    if partial:
        known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help"}
        given = [word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
        return [f"{' '.join(names)} has no option {name}" for name in given if name not in known]
    taken = _parse(command, rest)
    if isinstance(taken, str):
        return [f"{' '.join(names)}: {taken}"]
    if taken[0].get("help"):
        return []
    values, rest = taken
    missing = [
        each.name for each in command.params if each.required and values.get(each.name) in (None, (), [])
    ]
    return [f"{' '.join(names)} has no value for {name}" for name in missing] + [
        f"{' '.join(names)} takes no {word}" for word in rest
    ]


def _parse(command: Any, arguments: list[str]) -> tuple[dict[str, Any], list[str]] | str:
    """The values by parameter and the arguments left, or what is wrong."""
    context = command.context_class(command, info_name=command.name)
    try:
        values, rest, _ = command.make_parser(context).parse_args(list(arguments))
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return str(error.format_message())
    return values, rest
