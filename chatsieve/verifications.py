"""`verify`: the checks of a version of a dataset or audit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path as LocalPath

from chatsieve.paths import Path, location_of, path_text
from chatsieve.process import contained, masking
from schemas.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong: the class of the check, the file, and what was expected; no text and no id."""

    kind: str
    where: str
    what: str


@dataclasses.dataclass(frozen=True)
class Verification:
    """The result of all checks of a version. `ok`: no check failed.

    `name`: the dataset and the version, such as `out/demo@2`. `checked`: the classes of checks that were
    made. `not_checked`: what was not, and why. `notes`: remarks that are no findings.
    """

    name: str
    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    not_checked: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True if there is no finding."""
        return not self.findings

    @property
    def exit_code(self) -> int:
        """What the command exits with: 1 if there is a finding, else 0."""
        return 0 if self.ok else 1


@contained
def verify(dataset: Path, *, key: str | bytes | None = None, key_file: Path | None = None) -> Verification:
    """Checks a version of a dataset or audit, as `chatsieve verify` does, and gives all findings.

    `dataset`: as for `open_dataset`. `key`: the key of the run, as hex digits or bytes, or `key_file` with
    it, to check HMACs; by default that of the variable CHATSIEVE_KEY, if it is set.

    Raises InputError where there is no dataset, ConfigError for a key that cannot be read.
    """
    from pipeline.commands.verify import key_given
    from pipeline.commands.verify import verify as check
    from schemas.keys import parse_key

    if key is not None and key_file is not None:
        raise ConfigError("verify: key and key_file exclude each other; give one of them")
    if key is None:
        used = key_given(None if key_file is None else LocalPath(path_text("key_file", key_file)))
    else:
        used = key if isinstance(key, bytes) else parse_key(key, "key")
    where = location_of("dataset", dataset)
    with masking(builds=True):
        outcome = check(where, used)
    return Verification(
        outcome.name,
        tuple(Finding(*finding) for finding in outcome.in_order()),
        tuple(outcome.checked),
        {one.what: one.why for one in outcome.not_checked},
        tuple(outcome.notes),
    )
