"""The Dataflow template: its parameters are options of the commands, and its program runs one of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from google.cloud import dataflow_v1beta3
from google.protobuf.json_format import ParseError

from pipeline.cli.main import app
from pipeline.commands.sample import write_sample
from pipeline.runners.template_main import COMMANDS, PARAMETERS, RunCommand, command_of, main
from schemas.errors import PipelineError
from tests.cluster.containerfile import steps_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "configs/dataflow"
METADATA: dict[str, Any] = json.loads((FOLDER / "metadata.json").read_text())


def options(command: str) -> set[str]:
    """The options of a command of chatsieve."""
    group = typer.main.get_group(app)
    return {option for parameter in group.commands[command].params for option in parameter.opts}


def test_every_parameter_is_an_option_of_both_commands() -> None:
    """A parameter that the command line has not would fail on the worker, after the job has begun."""
    names = [each["name"] for each in METADATA["parameters"]]
    assert names == ["command", *PARAMETERS]
    for command in COMMANDS:
        assert {f"--{name.replace('_', '-')}" for name in PARAMETERS} <= options(command)


def test_the_metadata_has_what_dataflow_requires() -> None:
    """Name, and for each parameter name, label and help; patterns compile. No parameter takes a key."""
    assert METADATA["name"]
    for each in METADATA["parameters"]:
        assert each["label"]
        assert each["helpText"]
        assert set(each) <= {"name", "label", "helpText", "isOptional", "regexes", "defaultValue"}
        for pattern in each.get("regexes", ()):
            re.compile(pattern)
        assert "key" not in each["name"]
    required = [each["name"] for each in METADATA["parameters"] if not each.get("isOptional")]
    assert required == ["config"]


def test_the_specification_names_the_image_and_this_metadata() -> None:
    """The file that a job is started from must not have older parameters."""
    specification = json.loads((FOLDER / "template.json").read_text())
    assert specification["sdkInfo"] == {"language": "PYTHON"}
    assert specification["image"].startswith("registry.example.com/chatsieve-template:")
    assert specification["metadata"] == METADATA


def test_the_image_starts_the_program_of_the_template() -> None:
    """The path in the image is that of the module, for the Python of the image."""
    steps = steps_of((FOLDER / "Containerfile").read_text())
    (environment,) = [rest for name, rest in steps if name == "ENV"]
    program = environment.removeprefix("FLEX_TEMPLATE_PYTHON_PY_FILE=")
    inside = re.sub(r"^/opt/chatsieve/lib/python3[.]12/site-packages/", "", program)
    assert (ROOT / inside).is_file()
    assert "python:3.12" in (ROOT / "Containerfile").read_text()


def test_parameters_become_a_command_and_the_rest_goes_to_beam() -> None:
    """Lists are separated by semicolons; the launcher's own options are Beam's."""
    given = [
        "--runner=DataflowRunner",
        "--config=/c.yaml",
        "--input=a;b",
        "--as_of=",
        "--set=output.shards=2",
    ]
    command, beam = command_of([*given, "--command=audit", "--job_name=x"])
    assert command == [
        "audit", "--config=/c.yaml", "--input=a", "--input=b", "--set=output.shards=2", "--quiet",
    ]  # fmt: skip
    assert beam == ["--runner=DataflowRunner", "--job_name=x"]
    with pytest.raises(SystemExit):
        command_of(["--runner=DataflowRunner"])


@pytest.mark.faults
@pytest.mark.e2e
def test_the_job_runs_the_command(tmp_path: Path) -> None:
    """The job must commit a dataset, as the command does, and fail with one line where the command fails."""
    write_sample(tmp_path / "made", conversations=8, seed=3)
    parameters = [f"--config={tmp_path}/made/config.yaml", f"--output={tmp_path}/out"]
    main(["--runner=FnApiRunner", *parameters, "--set=runner.workers=1;output.shards=1"])
    assert (tmp_path / "out/CURRENT").is_file()
    with pytest.raises(
        PipelineError, match=r"^chatsieve ended with exit code 2 \(chatsieve: /missing.yaml: "
    ):
        list(RunCommand().process(["run", "--config=/missing.yaml"]))


def test_the_body_of_the_scheduler_is_a_request_of_dataflow() -> None:
    """Google's type of the request knows every field; the parameters are those of the template; no key."""
    text = (FOLDER / "launch.json").read_text()
    request = dataflow_v1beta3.LaunchFlexTemplateRequest.from_json(text, ignore_unknown_fields=False)
    launch = request.launch_parameter
    assert launch.job_name
    assert launch.container_spec_gcs_path.startswith("gs://")
    parameters = {each["name"]: each for each in METADATA["parameters"]}
    given = dict(launch.parameters)
    del given["sdk_container_image"]  # of the worker's image, for Beam
    assert set(given) <= set(parameters)
    for name, value in given.items():
        assert all(re.search(pattern, value) for pattern in parameters[name].get("regexes", ()))
    assert not re.search(r"[0-9a-f]{64}|key", text.lower())
    with pytest.raises(ParseError):
        dataflow_v1beta3.LaunchFlexTemplateRequest.from_json(
            text.replace("maxWorkers", "mostWorkers"), ignore_unknown_fields=False
        )


@pytest.mark.cluster
def test_two_nights_of_the_scheduler_add_two_versions(tmp_path: Path) -> None:
    """The parameters of the body, given to the program of the template on Beam's local runner."""
    write_sample(tmp_path / "made", conversations=8, seed=3)
    given = json.loads((FOLDER / "launch.json").read_text())["launchParameter"]["parameters"]
    given |= {"config": f"{tmp_path}/made/config.yaml", "output": f"{tmp_path}/out"}
    given["set"] += ";runner.workers=1;output.shards=1"
    del given["sdk_container_image"]
    for moment in ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"):
        parameters = {**given, "as_of": moment}
        main(["--runner=FnApiRunner", *(f"--{name}={value}" for name, value in parameters.items())])
    versions = json.loads((tmp_path / "out/CURRENT").read_bytes())["versions"]
    assert [one["version"] for one in versions] == [1, 2]
