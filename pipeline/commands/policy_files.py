"""`chatsieve policy new` and `chatsieve policy check`: a policy pack of your own, begun and checked."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.inputs.config import find_config
from pipeline.inputs.packaged import packaged_folder
from pipeline.inputs.packs import pack_at
from schemas.errors import Faults, OutputError, PolicyError
from schemas.policy import POLICY_ID, Pack
from transforms.sources.suggest.lines import scalar

_ID = re.compile(r"^id:.*$", re.MULTILINE)


def new_policy(target: Path, source: str, policy_id: str | None) -> Pack:
    """Writes a copy of a pack with an id of its own to a new file, and gives the pack that was written.

    `source`: a packaged name or a file. `policy_id`: by default the file's name without suffix. Raises
    PolicyError for a source or id that cannot be used, and OutputError for a file that exists or cannot be
    written; then no file is left.
    """
    given = find_config("policies", source, Path.cwd())
    origin = pack_at(given).policy.id
    if not isinstance(given, Path):
        raise PolicyError(f"{source}: is an object in a store; give a local file or a packaged name")
    name = policy_id if policy_id is not None else target.stem
    if not re.fullmatch(POLICY_ID, name):
        raise PolicyError(
            "--id: expected 1 to 100 letters of English, digits, dots, `_` or `-`; give another --id"
        )
    lines = given.read_text(encoding="utf-8").splitlines(keepends=True)
    body = "".join(itertools.dropwhile(lambda line: line.startswith("#"), lines))
    text, count = _ID.subn(lambda _: f"id: {scalar(name)}", body)
    if count != 1:
        raise PolicyError(f"{source}: has no line `id: ...` of its own; give another policy to copy")
    head = (
        f"# yaml-language-server: $schema={packaged_folder('configs') / 'schemas/policy.schema.json'}\n"
        f"# A copy of {origin}. Write the dates, plans, clauses and sources of your terms into it.\n"
    )
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(head + text)
    except FileExistsError:
        raise OutputError(f"{target}: exists already; give another file") from None
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror}); give another file") from None
    try:
        return pack_at(target)
    except PolicyError:
        target.unlink()
        raise


def check_policies(given: Sequence[str]) -> list[tuple[str, Pack]]:
    """Each policy, as it was named, with its pack; one PolicyError with the faults of all."""
    faults = Faults()
    found = [
        (each, faults.kept(lambda each=each: pack_at(find_config("policies", each, Path.cwd()))))  # type: ignore[misc]
        for each in given
    ]
    packs = [(each, pack) for each, pack in found if pack is not None]
    if len(packs) < len(found):
        raise faults.error()
    return packs
