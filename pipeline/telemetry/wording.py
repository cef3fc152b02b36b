"""Messages of errors without names: only words of the program's own sentences remain.

A message can have the path of an input, which can have the name of a person. The parts of a message are not
known apart, so each of its words must be one that the program itself writes.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pipeline
import schemas
import transforms
from transforms.output.file_names import masked_name

#: Rooms with lists of names, or with texts for samples and pages.
_LISTS = ("transforms/deid/", "transforms/sample/", "transforms/training/", "pipeline/reference/")
#: Arguments of the fields of a configuration that only pages and JSON Schemas show; examples are made up.
_PAGES = ("description", "examples")
#: As words of paths, except numbers, which can be of an id.
_WORD = re.compile(r"(?![0-9])[^\x00-/:-@\[-`{-\x7f]+")
_INSTANT = re.compile(r"((?:19|20)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)", re.ASCII)
#: Words with which Pydantic describes faults.
_PYDANTIC = (
    "Input should be a valid boolean string integer number list dictionary tuple date datetime finite range "
    "greater less equal than extra forbidden permitted required Field missing items characters at most least"
).split()
#: Words of a sentence, at least.
_SENTENCE = 3


def masked_message(text: str) -> str:
    """The message, with identifiers, and every word that is no word of the program, masked as in paths.

    Instants stay.
    """
    return "".join(
        part if _INSTANT.fullmatch(part) else masked_name(part, own_words()) for part in _INSTANT.split(text)
    )


@functools.cache
def own_words() -> frozenset[str]:
    """The words of the sentences in the program's code, except documentation; read from its files.

    Also those with which Pydantic describes faults of a configuration.
    """
    words = set(_PYDANTIC)
    for package in (schemas, transforms, pipeline):
        folder = Path(str(package.__file__)).parent
        for file in sorted(folder.rglob("*.py")):
            if not f"{folder.name}/{file.relative_to(folder)}".startswith(_LISTS):
                tree = ast.parse(file.read_text(encoding="utf-8"))
                words.update(_words_of(tree))
                if package is schemas:
                    words.update(_fields_of(tree))
    return frozenset(words)


def _fields_of(tree: ast.Module) -> Iterator[str]:
    """The words of the keys of a configuration: the fields of its classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield from _WORD.findall(node.target.id)


def _words_of(tree: ast.Module) -> Iterator[str]:
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in _PAGES:
            documentation.update(map(id, ast.walk(node.value)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            found = _WORD.findall(node.value)
            # Part of a sentence: a value between two others of an f-string may be a single word.
            if len(found) >= _SENTENCE or " " in node.value:
                yield from found
