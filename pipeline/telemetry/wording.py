"""Messages of errors without names: only words of the program's own sentences and of known paths remain.

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

#: Rooms with lists of names, or with texts for samples.
_LISTS = ("transforms/deid/", "transforms/sample/", "transforms/training/")
_WORD = re.compile(r"[^\x00-/:-@\[-`{-\x7f]+")
_REPEATED = re.compile(r"<NAME>(?:[ ._-]*<NAME>)+")
#: Words of a sentence, at least.
_SENTENCE = 3


def masked_message(text: str) -> str:
    """The message, with every word that is no word of the program and of no known path as `<NAME>`."""
    known = own_words()
    pieces: list[str] = []
    done = 0
    for found in _WORD.finditer(text):
        pieces += (text[done : found.start()], _masked(found.group(), known))
        done = found.end()
    return _REPEATED.sub("<NAME>", "".join((*pieces, text[done:])))


def _masked(word: str, known: frozenset[str]) -> str:
    return word if word in known else masked_name(word)


@functools.cache
def own_words() -> frozenset[str]:
    """The words of the sentences in the program's code, except documentation; read from its files."""
    words: set[str] = set()
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
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            found = _WORD.findall(node.value)
            # Part of a sentence: a value between two others of an f-string may be a single word.
            if len(found) >= _SENTENCE or " " in node.value:
                yield from found
