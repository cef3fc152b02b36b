"""Names of source files for the output: relative, reduced to words that cannot be personal data.

Folder names of coding sessions contain the user's name, names of export archives the e-mail address, and
names of session files are ids. No list has all names of people, so a name keeps only the words of a list.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from schemas.windows import split_dates

if TYPE_CHECKING:
    from transforms.deid.rules.scanner import PatternScanner
    from transforms.deid.spans import Span

#: A process masks this many names without a pattern scanner, which takes long to build.
_FEW = 500
_ASKED = itertools.count()
#: The words that are written, in any case. All others could be of a name.
_WORDS = frozenset(
    (
        "agent agents anthropic api archive archives assistant at audit audits authorization "
        "authorizations backup backups batch bedrock bucket call calls canonical cassette cassettes chat "
        "chatgpt chats chatsieve claude code codex config configs consent consents consumer conv "
        "conversation conversations copy csv daily data dataset datasets day db decisions default deid "
        "deletion deletions demo dev download downloads draft dt en enterprise etc eu event events "
        "example examples export exports file files filtered final free full gov gpt gs gz gzip home hour "
        "identities input inputs json jsonl keep legacy lmsys log logs main map mapping merged message "
        "messages mnt model month monthly ndjson new of old openai opentelemetry opt org orgs otel out "
        "output outputs parquet part parts policies policy postgres postgresql prior prod production "
        "project projects public query raw records redacted refusals region request requests response "
        "responses root run runs s3 sample samples segment session sessions shard shards sharegpt snapshot "
        "snapshots span spans split srv staging state states store strict subset system table tar team "
        "temp terms test tests tmp today trace traces train training tsv txt unit us user users v var "
        "version versions vertex week weekly wildchat work yaml year yesterday yml zip zst zstd"
    ).split()
)
#: Folders of versions; else runs of ASCII letters and digits, and of everything that is not ASCII.
_WORD = re.compile(r"(?<![^/])v\d{4,}-[0-9a-f]{6}(?![^/])|[^\x00-/:-@\[-`{-\x7f]+")
#: Years, dates, small numbers and numbers with leading zeros. Others could be ids or telephone numbers.
_NUMBER = re.compile(r"(?:19|20)\d\d(?:[01]\d(?:[0-3]\d)?)?|0\d{1,5}|\d{1,2}", re.ASCII)
_VERSION = re.compile(r"v\d{1,6}|([a-z]+)\d{1,2}", re.ASCII)
_REPEATED = re.compile(r"<NAME>(?:[ ._-]*<NAME>)+")


def display_name(path: str, roots: Sequence[str], input_number: int) -> str:
    """The path relative to its input's root, masked."""
    return masked_name(os.path.relpath(path, roots[input_number] or os.curdir))


def masked_path(path: str) -> str:
    """The path of an input, masked; placeholders of a date stay."""
    return "".join(
        piece if number % 2 else masked_name(piece) for number, piece in enumerate(split_dates(path))
    )


@functools.lru_cache(16_384)
def masked_name(name: str, known: frozenset[str] = frozenset()) -> str:
    """A name with identifiers replaced by their entity type, and words that may be of a name by `<NAME>`.

    `known`: further words that stay, in this case alone.
    """

    def masked(found: re.Match[str]) -> str:
        return found.group() if found.group() in known else _masked_word(found)

    pieces: list[str] = []
    done = 0
    for span in _spans(name):
        pieces += (_WORD.sub(masked, name[done : span.start]), f"<{span.type}>")
        done = span.end
    pieces.append(_WORD.sub(masked, name[done:]))
    return _REPEATED.sub("<NAME>", "".join(pieces))


def _masked_word(found: re.Match[str]) -> str:
    word = found.group()
    if "-" in word:
        return word
    lower = word.lower()
    version = _VERSION.fullmatch(lower)
    known = lower in _WORDS or (version is not None and (version.group(1) or "v") in _WORDS)
    single = len(word) == 1 and word.isascii()
    return word if known or single or _NUMBER.fullmatch(word) else "<NAME>"


def _spans(name: str) -> list[Span]:
    """The spans of identifiers in a name. The rules are imported here because few processes need them."""
    if next(_ASKED) < _FEW:
        from transforms.deid.rules.catalogue import spans_of

        return spans_of(name)
    return _scanner().scan([name])[0]


@functools.cache
def _scanner() -> PatternScanner:
    from transforms.deid.rules.scanner import PatternScanner

    return PatternScanner()
