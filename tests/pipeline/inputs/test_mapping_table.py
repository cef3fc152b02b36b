"""Mapping tables and defaults: an id that could match nothing is refused, and so is a column given twice."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pydantic
import pytest

from pipeline.inputs.mapping_table import identities_of
from schemas.errors import ConfigError
from schemas.sections.inputs import InputConfig, InputDefaults, PathDefaults
from transforms.sources.identities import Identities, Owner

UNCLEAN = [" {}", "{} ", "\u00a0{}", "{}\u200b", "\ufeff{}", "a\u0001{}"]
ROW = {"account": "a-1", "user_id": "u-1", "organization_id": "o-1", "tier": "pro", "surface": "chat"}


def read(folder: Path, kind: str, rows: list[dict[str, str]]) -> Identities:
    path = folder / f"table.{kind}"
    if kind == "csv":
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    found = identities_of(InputConfig(path="x"), "", str(path))
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("name", ["account", "user_id", "organization_id"])
@pytest.mark.parametrize("spelling", UNCLEAN)
def test_an_id_that_would_match_nothing_is_refused(
    tmp_path: Path, kind: str, name: str, spelling: str
) -> None:
    """A trimmed id could be another user's; an untrimmed one matches no refusal and no deletion."""
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, kind, [ROW, {**ROW, name: spelling.format("u-77")}])
    place = "table.csv:3" if kind == "csv" else "table.parquet: row 1"
    assert str(refused.value).startswith(f"{tmp_path}/{place}: {name} has white space or an invisible")
    assert "u-77" not in str(refused.value)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_other_values_are_trimmed_and_blank_ones_are_missing(tmp_path: Path, kind: str) -> None:
    """Labels are words of the policy; an id may have white space inside."""
    row = {**ROW, "user_id": "u 1", "organization_id": "  ", "tier": " pro ", "surface": ""}
    found = read(tmp_path, kind, [row])
    assert [each.owner for each in found.accounts["a-1"]] == [Owner("u 1", None, "pro", None)]


def test_a_column_given_twice_is_refused(tmp_path: Path) -> None:
    """The reader would take the last one."""
    path = tmp_path / "table.csv"
    path.write_text("account,user_id,user_id\na-1,u-1,u-2\n")
    table = pa.Table.from_arrays([pa.array(["a"])] * 3, ["account", "user_id", "user_id"])
    pq.write_table(table, tmp_path / "table.parquet")
    for each in (path, tmp_path / "table.parquet"):
        with pytest.raises(ConfigError, match="column user_id occurs twice; keep one"):
            identities_of(InputConfig(path="x"), "", str(each))


@pytest.mark.parametrize("spelling", UNCLEAN)
def test_an_id_in_defaults_that_would_match_nothing_is_refused(spelling: str) -> None:
    """All sessions of an input would get it, and no refusal or deletion would match."""
    for name in ("user_id", "organization_id"):
        for model, more in ((InputDefaults, {}), (PathDefaults, {"path": "*"})):
            with pytest.raises(pydantic.ValidationError, match="white space or an invisible character"):
                model(**{name: spelling.format("u-77"), **more})
            model(**{name: "u 77", **more})
