"""Packaged configs: found by name, and paths as before."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands.policy import list_document
from pipeline.inputs.config import find_config, load_settings, policy_argument
from pipeline.inputs.packaged import check_found, copy_demo, packaged_file, packaged_names
from schemas.config_schemas import MODELS
from schemas.errors import ConfigError, OutputError
from schemas.policy import load_pack

NAME = "consumer-terms-2025-09-28"
CONFIG = """
inputs: [{path: logs, format: canonical}]
consent: {snapshots: [consent.csv]}
policy: POLICY
deid: DEID
key: "KEY"
output: {path: out}
""".replace("KEY", "5" * 64)


def _settings(folder: Path, policy: str, deid: str) -> tuple[str, str]:
    path = folder / "run.yaml"
    path.write_text(CONFIG.replace("POLICY", policy).replace("DEID", deid))
    settings = load_settings(path, {})
    return settings.packs[0].sha256, settings.deid_sha256


def test_a_name_and_a_path_give_the_same_pack_and_config(tmp_path: Path) -> None:
    """A configuration that is copied to another folder still finds what it names."""
    by_path = _settings(tmp_path, str(packaged_file("policies", NAME)), str(packaged_file("deid", "default")))
    assert _settings(tmp_path, NAME, "default") == by_path


def test_every_packaged_policy_has_its_id_as_its_name_and_a_title() -> None:
    """The ledger and the report show the id. It must be the name by which the pack was asked for."""
    listed = list_document()
    assert [pack["name"] for pack in listed] == packaged_names("policies")
    for pack in listed:
        assert load_pack(packaged_file("policies", pack["name"])).policy.id == pack["name"]
        assert pack["title"]
        assert pack["effective_at"] == "2025-08-28"


def test_a_file_in_the_folder_does_not_replace_a_packaged_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a name means must not depend on the folder. `./NAME` is the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).write_text("id: mine")
    assert find_config("policies", NAME, tmp_path) == packaged_file("policies", NAME)
    assert find_config("policies", f"./{NAME}", tmp_path) == tmp_path / NAME
    assert policy_argument(NAME) == NAME
    assert policy_argument(f"./{NAME}") == str(tmp_path / NAME)


@pytest.mark.parametrize("given", ["consumer-terms", "consumer-terms.yaml"])
def test_an_unknown_name_is_one_line_with_the_names(given: str, tmp_path: Path) -> None:
    """A misspelt name is corrected from the list in the error."""
    for find in (lambda: find_config("policies", given, tmp_path), lambda: policy_argument(given)):
        with pytest.raises(ConfigError) as caught:
            find()
        names = ", ".join(packaged_names("policies"))
        told = f"policy: {given}: neither a packaged policy ({names}) nor a file"
        assert str(caught.value) == f"{told}; did you mean consumer-terms-2025-09-28?"


def test_the_demo_is_copied_only_into_a_new_or_empty_folder(tmp_path: Path) -> None:
    """Nothing of a user is overwritten."""
    config = copy_demo(tmp_path / "demo")
    settings = load_settings(config, {})
    assert Path(settings.resolve(settings.config.output.path)) == tmp_path / "demo/out/demo"
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match="is not empty"):
        copy_demo(tmp_path / "demo")
    assert sorted(tmp_path.rglob("*")) == before


def test_the_demo_has_the_configs_of_a_run_and_no_manifests(tmp_path: Path) -> None:
    """A clone and a wheel give the same files; only a clone has configs/kubernetes and configs/dataflow."""
    configs = copy_demo(tmp_path / "demo").parent
    found = {path.relative_to(configs).as_posix() for path in configs.rglob("*") if path.is_file()}
    policies = {f"policies/{name}.yaml" for name in packaged_names("policies")}
    schemas = {f"schemas/{name}.schema.json" for name in MODELS}
    assert found == {"demo.yaml", "claude-code.yaml", "deid/default.yaml"} | policies | schemas


@pytest.mark.parametrize("name", ["a" * 5_000, "nul\0name"])
def test_a_name_that_no_file_can_have_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    """The system refuses to look such names up; that is no internal error."""
    with pytest.raises(ConfigError, match="neither a packaged policy"):
        check_found("policies", name, tmp_path / name)
