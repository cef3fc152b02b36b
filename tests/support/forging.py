"""A finished dataset to forge: copies that share its files, edits, and seals as a forger can make them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset.card import dataset_card
from schemas.manifest import Manifest, Parent, decode, digest_of, encode
from transforms.output.shards import rewrite_table

Rows = list[dict[str, Any]]


def linked_copy(source: Path, target: Path) -> Path:
    """A copy whose files are other names of the same ones; `Dataset` writes none of them in place."""
    for folder, folders, files in os.walk(source):
        here = target / Path(folder).relative_to(source)
        here.mkdir()
        here.chmod(Path(folder).stat().st_mode & 0o777)
        for name in [*folders, *files]:
            if (Path(folder) / name).is_symlink():
                (here / name).symlink_to((Path(folder) / name).readlink())
        for name in files:
            if not (Path(folder) / name).is_symlink():
                os.link(Path(folder) / name, here / name)
    return target


@dataclasses.dataclass
class Dataset:
    """A dataset, by the folder of its current version."""

    root: Path

    @property
    def current(self) -> dict[str, Any]:
        return json.loads((self.root / "CURRENT").read_bytes())

    @property
    def folder(self) -> Path:
        return self.root / self.current["folder"]

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.folder / "manifest.json").read_bytes())

    def part(self, start: str, place: int = 0) -> str:
        """The name of a listed file."""
        return [file["path"] for file in self.manifest["files"] if file["path"].startswith(start)][place]

    def put(self, name: str, data: bytes, mode: int | None = None) -> None:
        """Replaces or adds a file of the dataset; `name` is relative to its root."""
        path = self.root / name
        before = path.stat().st_mode & 0o777 if path.exists() else None
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        path.chmod(mode or before or 0o640)

    def put_in(self, name: str, data: bytes, mode: int | None = None) -> None:
        """Replaces or adds a file of the version."""
        self.put(f"{self.folder.name}/{name}", data, mode)

    def set_current(self, change: Callable[[dict[str, Any]], Any]) -> None:
        """Changes the catalog."""
        tree = self.current
        change(tree)
        self.put("CURRENT", _json(tree))

    def set_manifest(self, change: Callable[[dict[str, Any]], Any], digest: bool = True) -> None:
        """Changes the manifest, gives it a digest that fits, and the catalog the digest of its file."""
        tree = self.manifest
        change(tree)
        try:
            sealed = decode(json.dumps(tree).encode())
            if digest:
                sealed = msgspec.structs.replace(sealed, digest=digest_of(sealed))
            data = _json(msgspec.to_builtins(sealed))
        except msgspec.DecodeError:
            data = _json(tree)
        self.put_manifest(data)

    def put_manifest(self, data: bytes) -> None:
        """Replaces the manifest's bytes, and its digest in the catalog."""
        folder = self.folder.name
        self.put(f"{folder}/manifest.json", data)
        digest = hashlib.sha256(data).hexdigest()
        self.set_current(lambda tree: _of(tree["versions"], folder).update(manifest_sha256=digest))

    def put_listed(self, name: str, data: bytes, rows: int | None = None) -> None:
        """Replaces a listed file, and its size and digest in the manifest."""
        self.put_in(name, data)
        facts = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        if rows is not None:
            facts["rows"] = rows
        self.set_manifest(
            lambda tree: next(file for file in tree["files"] if file["path"] == name).update(facts)
        )

    def rows(self, name: str) -> Rows:
        return pq.read_table(self.folder / name).to_pylist()

    def set_rows(self, name: str, change: Callable[[Rows], Any]) -> None:
        """Changes the rows of a Parquet file; the new bytes are those that a run writes."""
        table = pq.read_table(self.folder / name)
        rows = table.to_pylist()
        changed = change(rows)
        made = pa.Table.from_pylist(changed if isinstance(changed, list) else rows, schema=table.schema)
        (self.folder / name).unlink()
        rewrite_table(made, self.folder, name)
        self.put_listed(name, (self.folder / name).read_bytes(), made.num_rows)

    def set_report(self, change: Callable[[dict[str, Any]], Any]) -> None:
        """Changes report.json and makes its page anew."""
        from pipeline.report.full import encode_report
        from schemas.reports.document import Report

        tree = json.loads((self.folder / "report/report.json").read_bytes())
        change(tree)
        report = msgspec.convert(tree, Report)
        self.put_listed("report/report.json", encode_report(report))
        self.renew_page()

    def renew_page(self) -> None:
        """Makes report.html fit report.json and the manifest."""
        self.put_listed(
            "report/report.html", self._page(decode((self.folder / "manifest.json").read_bytes()))
        )

    def _page(self, manifest: Manifest) -> bytes:
        from pipeline.pages.report import identity_of, report_page

        report = json.loads((self.folder / "report/report.json").read_bytes())
        return report_page(report, identity_of(manifest))

    def renew_card(self) -> None:
        """Makes README.md fit the manifest."""
        manifest = decode((self.folder / "manifest.json").read_bytes())
        self.put_listed("README.md", dataset_card(manifest).encode())

    def add_version(self, key: bytes) -> None:
        """Adds a version that has the rows of the current one, sealed with the key."""
        before, entry = self.folder, self.current["versions"][-1]
        number = entry["version"] + 1
        folder = f"v{number:04d}-{number:06x}"
        linked_copy(before, self.root / folder)
        (self.root / "latest").unlink()
        (self.root / "latest").symlink_to(folder)
        manifest = decode((before / "manifest.json").read_bytes())
        parent = Parent(entry["version"], entry["manifest_sha256"])
        manifest = msgspec.structs.replace(manifest, dataset_version=number, parent=parent)
        pages = {"README.md": dataset_card(manifest).encode(), "report/report.html": self._page(manifest)}
        fits = {}
        for name, page in pages.items():
            self.put(f"{folder}/{name}", page)
            fits[name] = {"bytes": len(page), "sha256": hashlib.sha256(page).hexdigest()}
        files = [msgspec.structs.replace(file, **fits.get(file.path, {})) for file in manifest.files]
        data = encode(msgspec.structs.replace(manifest, files=files), key)
        self.put(f"{folder}/manifest.json", data)
        added = {
            **entry,
            "version": number,
            "folder": folder,
            "manifest_sha256": hashlib.sha256(data).hexdigest(),
        }
        self.set_current(
            lambda tree: tree.update(version=number, folder=folder, versions=[*tree["versions"], added])
        )


def _of(versions: list[dict[str, Any]], folder: str) -> dict[str, Any]:
    return next(one for one in versions if one["folder"] == folder)


def _json(tree: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(tree), indent=2) + b"\n"
