"""The Beam options after `--`: each by its full name, and none that the configuration decides."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from schemas.errors import ConfigError

#: Options that say where a graph runs and who works: the section `runner` sets them. The workers of
#: `direct_running_mode`, for example, listen on all network interfaces.
_CONFIGURED = frozenset(
    {
        "artifact_endpoint",
        "artifact_port",
        "artifacts_dir",
        "bootstrap_servers",
        "direct_embed_docker_python",
        "direct_num_workers",
        "direct_running_mode",
        "environment_cache_millis",
        "environment_config",
        "environment_options",
        "environment_type",
        "expansion_port",
        "flink_job_server_jar",
        "flink_master",
        "flink_submit_uber_jar",
        "job_endpoint",
        "job_port",
        "job_server_timeout",
        "kafka_streams_job_server_jar",
        "no_wait_until_finish",
        "output_executable_path",
        "prism_beam_version_override",
        "prism_location",
        "prism_log_kind",
        "prism_log_level",
        "project",
        "region",
        "runner",
        "sdk_container_image",
        "service_account_email",
        "spark_job_server_jar",
        "spark_master_url",
        "spark_rest_url",
        "spark_submit_uber_jar",
        "staging_location",
        "streaming",
        "subnetwork",
        "temp_location",
        "use_public_ips",
        "wait_until_finish_duration",
        "worker_harness_container_image",
        "machine_type",
        "worker_machine_type",
    }
)
#: Options are part of the graph, and every job service shows them.
_SECRET = frozenset(
    {"azure_connection_string", "s3_access_key_id", "s3_secret_access_key", "s3_session_token"}
)
#: Workers have this package, of this version, before a job begins; nothing is sent to them.
_PACKAGING = frozenset(
    {
        "beam_plugins",
        "extra_packages",
        "files_to_stage",
        "prebuild_sdk_container_engine",
        "requirements_cache",
        "requirements_file",
        "save_main_session",
        "setup_file",
    }
)
_ADVICE = (
    (_CONFIGURED, "set `runner` in the configuration"),
    (_SECRET, "set the variables of the environment of the workers"),
    (_PACKAGING, "install what workers need in their environment or image"),
)


def checked(arguments: Sequence[str]) -> list[str]:
    """The options as `--name` or `--name=value`, with the names that Beam has for them.

    ConfigError for those that are unknown, abbreviated, or decided elsewhere, however they are spelt. Beam
    itself ignores what it does not know.
    """
    actions = _actions()
    rest = iter(arguments)
    return [_option(argument, rest, actions) for argument in rest]


def parsed(arguments: Sequence[str]) -> Any:
    """The options of Beam; ConfigError for a value that Beam refuses."""
    from apache_beam.options.pipeline_options import PipelineOptions

    try:
        options = PipelineOptions(list(arguments))
        options.get_all_options()
    except SystemExit:
        raise ConfigError(
            "the Beam options after -- cannot be parsed; see the Apache Beam documentation"
        ) from None
    return options


def _option(argument: str, rest: Iterator[str], actions: dict[str, argparse.Action]) -> str:
    name, sign, value = argument.partition("=")
    shown = name[:60]
    if not name.startswith("--"):
        raise ConfigError(f"unknown Beam option {shown}; expected --NAME=VALUE after --")
    action = actions.get(_plain(name))
    if action is None:
        raise ConfigError(f"unknown Beam option {shown}; check its spelling")
    # The destinations too: several names may set one option.
    names = {_plain(each) for each in action.option_strings} | {action.dest}
    for refused, advice in _ADVICE:
        if names & refused:
            raise ConfigError(f"the Beam option {shown} cannot be used; {advice}")
    canonical = action.option_strings[0]
    if action.nargs == 0:
        if sign:
            raise ConfigError(f"the Beam option {shown} takes no value")
        return canonical
    if not sign:
        value = next(rest, "")
        value = "" if value.startswith("--") else value
    if not value:
        raise ConfigError(f"the Beam option {shown} needs a value; write {shown}=VALUE")
    return f"{canonical}={value}"


def _actions() -> dict[str, argparse.Action]:
    """Every option of Beam, by its names with underscores."""
    from apache_beam.options import pipeline_options

    parser = pipeline_options._BeamArgumentParser(allow_abbrev=False, add_help=False)
    for each in pipeline_options.PipelineOptions.__subclasses__():
        each._add_argparse_args(parser)
    return {_plain(name): action for name, action in parser._option_string_actions.items()}


def _plain(name: str) -> str:
    return name.removeprefix("--").replace("-", "_")
