"""The page of files: all that chatsieve reads and writes, with every column."""

from __future__ import annotations

from pipeline.reference import files_read, files_written, state_files
from pipeline.reference.columns import File, types_of
from pipeline.reference.markdown import code, table, wrapped

_INTRODUCTION = """\
# Files

All files that chatsieve reads and writes, and their columns. Names and types of the Parquet columns are
those of the Arrow schemas in `schemas/`; `verify` refuses a dataset with others. The column "null" is
"no" if a value is always present.

- Times are instants in UTC with microseconds, dates are days in UTC, sizes are bytes.
- A **key** is a keyed digest of an id: the first 16 bytes of HMAC-SHA256 over `"user\\0"`,
  `"conversation\\0"` or another kind and the id, under the run's key. It is written as 32 hex digits,
  and in `restricted/state/` as 16 bytes. Only with the run's key can ids be matched to it.
- `a[].b` is the field `b` of the structs in the list `a`.

[Data model](data-model.md) explains how each format is read, [policy](policy.md) how sessions are
decided, and [operations](operations.md#versions-of-a-dataset) how versions are made and removed.

## Files that are read

Paths may be local or URLs, `s3://BUCKET/PATH` and `gs://BUCKET/PATH`, except for those of keys.
[Configuration](configuration.md) has the keys that name them.
"""

_WRITTEN = """
## Files of a dataset

A dataset is a folder with one folder for each version, such as `v0001-3f2a9c/`. Files of a version
never change, except by `forget` and `expire`. Those of an audit are the ledger, the quarantine, the
reports, the manifest and `restricted/sessions-*`. Parquet files are in parts; all parts of a kind have
the same schema, also empty ones. Files have mode 0640, those in `restricted/` 0600.
"""

_STATE = """
## Files for the next run

A run, but no audit, writes `restricted/state/` for the [run after it](../how-to/daily-run.md). It has
no text, no path and no raw id, unless logs have one in place of a tier or surface: see `unlisted` of
`units-*`. Equal inputs give equal files. `facts-*` and `units-*` have a part for
each 128 MiB of input.
"""

_OTHER = """
## Other files that are written
"""


def page() -> str:
    """The page in Markdown."""
    return "".join(
        [
            _INTRODUCTION,
            *(described(file) for file in files_read.FILES),
            files_read.OTHERS,
            _WRITTEN,
            *(described(file) for file in files_written.FILES),
            _STATE,
            *(described(file) for file in state_files.FILES),
            _OTHER,
            *(described(file) for file in files_written.OTHERS),
            files_written.REST,
            table(["file", "content"], files_written.REST_ROWS),
        ]
    )


def described(file: File) -> str:
    """The section of a file in Markdown."""
    kinds = types_of(file)
    rows = [
        (code(name), kinds[name], null or "no", meaning) for name, (null, meaning) in file.columns.items()
    ]
    heading = f"\n### {file.title}\n\n{wrapped(file.text)}\n\n"
    return heading + table(["column", "type", "null", "meaning"], rows)
