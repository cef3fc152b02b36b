"""`open_dataset`: a version of a dataset or audit, and its rows as Arrow, Polars or pandas."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from chatsieve.paths import Path, location_of
from chatsieve.process import contained, contained_parts
from schemas.errors import ConfigError, InputError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from pipeline.dataset.committed import Committed

_BATCH_ROWS = 1000


class Rows:
    """The rows of Parquet files with one schema, in their order. `len` of it is the number of rows.

    Nothing is read before a method needs it, and nothing is kept. `files`: their paths or URLs, for
    other programs such as DuckDB and Spark.
    """

    def __init__(self, name: str, paths: Sequence[PurePath], rows: int) -> None:
        self._name, self._paths, self._rows = name, tuple(paths), rows

    def __len__(self) -> int:
        return self._rows

    def __repr__(self) -> str:
        return f"<{self._name}: {self._rows} rows>"

    @property
    def files(self) -> list[str]:
        """The paths or URLs of the Parquet files, in order."""
        return [str(path) for path in self._paths]

    @property
    @contained
    def schema(self) -> pa.Schema:
        """The Arrow schema, which docs/reference/data-model.md describes."""
        return self._schema()

    @property
    @contained
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._schema().names)

    @contained
    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows as a pyarrow.Table; `columns`: only these, in this order.

        Raises ConfigError for an unknown column, InputError for a file that is missing or damaged.
        """
        import pyarrow as pa

        names = self._chosen(columns)
        batches = list(self._batches(names, _BATCH_ROWS))
        schema = self._schema()
        chosen = pa.schema([schema.field(name) for name in names])
        return pa.Table.from_batches(batches, chosen).unify_dictionaries()

    @contained
    def to_polars(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """All rows as a polars.DataFrame; `columns` as for `to_arrow`. Needs the package polars."""
        polars = _package("polars", "to_polars")
        frame: pl.DataFrame = polars.from_arrow(self.to_arrow(columns))
        return frame

    @contained
    def to_pandas(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """All rows as a pandas.DataFrame; `columns` as for `to_arrow`. Needs the package pandas."""
        _package("pandas", "to_pandas")
        frame: pd.DataFrame = self.to_arrow(columns).to_pandas()
        return frame

    def batches(
        self, columns: Sequence[str] | None = None, rows: int = _BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """The rows in batches of at most `rows`, without holding all of them; `columns` as for `to_arrow`."""
        if rows < 1:
            raise ConfigError(f"batches: rows: expected 1 or more, not {rows}")
        return contained_parts(lambda: ([batch] for batch in self._batches(self._chosen(columns), rows)))

    def _batches(self, names: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        import pyarrow.parquet as pq

        from pipeline.dataset.committed import readable
        from transforms.storage.places import arrow_file

        for path in self._checked():
            with readable(path), arrow_file(path) as source, pq.ParquetFile(source) as file:
                for batch in file.iter_batches(rows, columns=names, use_threads=False):
                    yield batch.select(names)

    def _chosen(self, columns: Sequence[str] | None) -> list[str]:
        known = list(self._schema().names)
        for name in columns or ():
            if name not in known:
                raise ConfigError(f"{self._name}: no column {name!r}; it has {', '.join(known)}")
        return known if columns is None else list(columns)

    def _schema(self) -> pa.Schema:
        import pyarrow.parquet as pq

        from pipeline.dataset.committed import readable
        from transforms.storage.places import arrow_file

        first = self._checked()[0]
        with readable(first), arrow_file(first) as source:
            return pq.read_schema(source)

    def _checked(self) -> tuple[PurePath, ...]:
        if not self._paths:
            raise InputError(f"{self._name}: has no rows of this kind; an audit has a ledger only")
        return self._paths


class Dataset(Rows):
    """A version of a dataset: its training rows, and under `ledger` the decision on every session.

    `name`: the dataset and the version, such as `out/demo@2`. `kind`: `run`, or `audit` for a version that
    has a ledger but no training rows. `folder`: that of the version. `version`: its number; None for a
    version's folder that was given by itself. `report`: the path of the report's page.
    """

    name: str
    kind: Literal["run", "audit"]
    folder: str
    version: int | None
    as_of: dt.datetime
    report: str
    ledger: Rows

    def __init__(self, committed: Committed) -> None:
        manifest, folder = committed.manifest, committed.path
        data = [file for file in manifest.files if file.path.startswith("data/")]
        ledger = [file for file in manifest.files if file.path.startswith("ledger/")]
        super().__init__(committed.name, [folder / file.path for file in data], sum(one.rows for one in data))
        self.name = committed.name
        self.kind = "audit" if manifest.kind == "audit" else "run"
        self.folder = str(folder)
        self.version = committed.entry.version if committed.entry else None
        self.as_of = dt.datetime.fromisoformat(manifest.as_of)
        self.report = str(folder / "report/report.html")
        self.ledger = Rows(
            f"ledger of {committed.name}",
            [folder / file.path for file in ledger],
            sum(one.rows for one in ledger),
        )


@contained
def open_dataset(where: Path) -> Dataset:
    """The version of a dataset or audit that `where` names; it stays the same if a new one is committed.

    `where`: `out/demo` for the current version, `out/demo@2` for another one, or the folder of a version, on
    disk or in a bucket (`s3://bucket/demo`, `gs://bucket/demo@2`). Files are read when rows are asked for.

    Raises InputError where there is no dataset, no such version, or one that cannot be read.
    """
    from pipeline.dataset.committed import open_committed

    return Dataset(open_committed(location_of("where", where)))


def _package(name: str, method: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise ConfigError(f"{method} needs the package {name}; install it, or use to_arrow") from None
