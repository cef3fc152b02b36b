"""The Kubernetes manifests: complete, without rights that are not needed, and without a key."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.config import RunConfig
from tests.configs.manifests import OWN, containers, documents, failure_action, faults, field, pods

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "configs/kubernetes").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_manifest_is_complete_and_restricted(path: Path) -> None:
    """A cluster with the restricted policy must accept our containers, and no key may be in a file."""
    assert [fault for document in documents(path) for fault in faults(document)] == []
    assert not re.search(r"[0-9a-f]{64}", path.read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_configuration_in_a_manifest_is_valid(path: Path) -> None:
    """A user copies it with the manifest: the key is a reference, paths are in volumes or stores."""
    (text,) = [each["data"]["run.yaml"] for each in documents(path) if each["kind"] == "ConfigMap"]
    config = RunConfig.model_validate(yaml.safe_load(text))
    assert config.key == "${CHATSIEVE_KEY}"
    mounted = [
        mount["mountPath"]
        for document in documents(path)
        for pod in pods(document)
        for container in containers(pod)
        for mount in container.get("volumeMounts", ())
    ]
    named = [config.inputs[0].path, *config.consent.snapshots, config.output.path]
    assert [each for each in named if not each.startswith(("s3://", *mounted))] == []


def test_the_user_of_the_manifests_is_that_of_the_image() -> None:
    """Files of a volume belong to this user: an image with another one could not write them."""
    (user,) = re.findall(r"^USER (\d+):\1$", (ROOT / "Containerfile").read_text(), re.M)
    ours = [
        ({**pod.get("securityContext", {}), **container.get("securityContext", {})}, container)
        for path in FILES
        for document in documents(path)
        for pod in pods(document)
        for container in containers(pod)
        if container.get("image", "").startswith(OWN)
    ]
    assert len(ours) == 3
    assert {rights["runAsUser"] for rights, _ in ours} == {int(user)}


def test_flink_runs_one_slot_for_each_worker_pool() -> None:
    """The parallelism is the number of task managers: each has one slot, and a pool at its port."""
    config, flink, policy, job = documents(ROOT / "configs/kubernetes/flink.yaml")
    runner = yaml.safe_load(config["data"]["run.yaml"])["runner"]
    assert runner["workers"] == flink["spec"]["taskManager"]["replicas"]
    assert field(flink, "spec.flinkConfiguration")["taskmanager.numberOfTaskSlots"] == "1"
    assert runner["environment"] == {"type": "EXTERNAL", "config": "localhost:50000"}
    (worker,) = [
        each for each in flink["spec"]["taskManager"]["podTemplate"]["spec"]["containers"] if "args" in each
    ]
    assert worker["args"] == ["--worker_pool"]
    server = job["spec"]["template"]["spec"]["initContainers"][0]
    assert f"--flink-master={runner['flink_master']}" in server["args"]
    assert server["image"].rpartition(":")[2] == _beam_version()
    ports = [each for rule in policy["spec"]["ingress"] for each in rule["ports"]]
    assert not [each for each in ports if each["port"] <= 50000 <= each["endPort"]]


def _beam_version() -> str:
    (version,) = re.findall(r"^apache-beam==(\S+) ", (ROOT / "requirements.lock").read_text(), re.M)
    return version


@pytest.mark.parametrize(
    ("code", "conditions", "action"),
    [
        (1, [], "FailJob"),
        (2, [], "FailJob"),
        (3, [], "FailJob"),
        (3, ["DisruptionTarget"], "Ignore"),
        (4, [], "Count"),
        (137, [], "Count"),
    ],
)
def test_the_cronjob_retries_only_what_another_attempt_can_change(
    code: int, conditions: list[str], action: str
) -> None:
    """Four hours of attempts after a refusal would be lost; one attempt before the export is there, too."""
    spec = documents(ROOT / "configs/kubernetes/cronjob.yaml")[1]["spec"]
    job = spec["jobTemplate"]["spec"]
    container = containers(job["template"]["spec"])[0]["name"]
    assert failure_action(job["podFailurePolicy"], container, code, conditions) == action
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # a failure policy requires it
    assert spec["concurrencyPolicy"] == "Forbid"
    # Kubernetes doubles the pause from 10 seconds up to 6 minutes.
    waited = sum(min(10 * 2**attempt, 360) for attempt in range(job["backoffLimit"]))
    assert 3 * 3600 < waited < 4 * 3600
    assert waited < job["activeDeadlineSeconds"] < 24 * 3600


def test_a_run_of_the_cronjob_adds_a_version() -> None:
    """With `refuse` the second night would end with exit code 2."""
    (text,) = [
        each["data"]["run.yaml"]
        for each in documents(ROOT / "configs/kubernetes/cronjob.yaml")
        if each["kind"] == "ConfigMap"
    ]
    assert yaml.safe_load(text)["output"]["on_exists"] == "new_version"


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("securityContext.runAsNonRoot", False, "chatsieve: may run as root"),
        ("containers.0.securityContext.readOnlyRootFilesystem", False, "can be written"),
        ("containers.0.securityContext.allowPrivilegeEscalation", True, "may gain rights"),
        ("containers.0.env.0", {"name": "CHATSIEVE_KEY", "value": "5" * 64}, "CHATSIEVE_KEY is literal"),
        ("containers.0.resources.limits", {}, "no limit of memory"),
        ("containers.0.volumeMounts", [], "no volume for temporary files"),
        ("volumes", [], "volume config"),
    ],
)
def test_a_planted_fault_is_found(path: str, value: object, fault: str) -> None:
    """A check that finds nothing proves nothing."""
    document = copy.deepcopy(documents(ROOT / "configs/kubernetes/cronjob.yaml")[1])
    place: Any = document["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    *above, last = path.split(".")
    for name in above:
        place = place[int(name)] if name.isdigit() else place[name]
    place[int(last) if last.isdigit() else last] = value
    assert [each for each in faults(document) if each.endswith(fault)]


def test_missing_fields_and_other_versions_are_found() -> None:
    """Both sides of the check of fields."""
    assert faults({"apiVersion": "v1", "kind": "Job"}) == ["Job: apiVersion v1"]
    assert faults({"apiVersion": "batch/v1", "kind": "Job", "spec": {}}) == ["Job: no spec.template.spec"]
