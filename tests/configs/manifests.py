"""What is wrong with a Kubernetes manifest of this project, as lines; none for a good one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

#: Images of this project: their containers can run with every restriction.
OWN = "registry.example.com/chatsieve-"
#: Required fields of each kind, as dotted paths.
REQUIRED = {
    "ConfigMap": ("data",),
    "CronJob": ("spec.schedule", "spec.jobTemplate.spec.template.spec"),
    "Job": ("spec.template.spec",),
    "FlinkDeployment": (
        "spec.image",
        "spec.flinkVersion",
        "spec.serviceAccount",
        "spec.jobManager.resource.memory",
        "spec.jobManager.resource.cpu",
        "spec.taskManager.resource.memory",
        "spec.taskManager.resource.cpu",
    ),
    "NetworkPolicy": ("spec.podSelector", "spec.ingress"),
}
VERSIONS = {
    "ConfigMap": "v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
    "FlinkDeployment": "flink.apache.org/v1beta1",
    "NetworkPolicy": "networking.k8s.io/v1",
}
_POD_FIELDS = {
    "Job": ("spec.template.spec",),
    "CronJob": ("spec.jobTemplate.spec.template.spec",),
    "FlinkDeployment": ("spec.jobManager.podTemplate.spec", "spec.taskManager.podTemplate.spec"),
}


def documents(path: Path) -> list[dict[str, Any]]:
    """The documents of a manifest."""
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def field(tree: Any, path: str) -> Any:
    """The value at a dotted path; None if it is missing."""
    for name in path.split("."):
        tree = tree.get(name) if isinstance(tree, Mapping) else None
    return tree


def pods(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The pod specifications of a document."""
    for path in _POD_FIELDS.get(document["kind"], ()):
        found = field(document, path)
        if found is not None:
            yield found


def containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All containers of a pod, also those that start before the others."""
    return [*pod.get("initContainers", ()), *pod["containers"]]


def failure_action(policy: Mapping[str, Any], container: str, code: int, conditions: list[str]) -> str:
    """What Kubernetes does with a pod that failed: the action of the first rule that matches, else Count."""
    for rule in policy["rules"]:
        codes = rule.get("onExitCodes")
        if codes is not None and codes.get("containerName", container) == container:
            if (code in codes["values"]) == (codes["operator"] == "In"):
                return str(rule["action"])
        elif {condition["type"] for condition in rule.get("onPodConditions", ())} & set(conditions):
            return str(rule["action"])
    return "Count"


def faults(document: Mapping[str, Any]) -> list[str]:
    """Missing fields, and containers with more rights than they need or a key in plain text."""
    kind = document.get("kind", "")
    if VERSIONS.get(kind) != document.get("apiVersion"):
        return [f"{kind}: apiVersion {document.get('apiVersion')}"]
    found = [f"{kind}: no {path}" for path in REQUIRED[kind] if not field(document, path)]
    for pod in pods(document):
        found += _pod_faults(pod)
    return found


def _pod_faults(pod: Mapping[str, Any]) -> list[str]:
    found = []
    volumes = {volume["name"] for volume in pod.get("volumes", ())}
    for container in containers(pod):
        name = container["name"]
        rights = {**pod.get("securityContext", {}), **container.get("securityContext", {})}
        if rights.get("runAsNonRoot") is not True or not rights.get("runAsUser"):
            found.append(f"{name}: may run as root")
        found += [
            f"{name}: volume {mount['name']}"
            for mount in container.get("volumeMounts", ())
            if mount["name"] not in volumes
        ]
        found += [
            f"{name}: {variable['name']} is literal"
            for variable in container.get("env", ())
            if "KEY" in variable["name"] and not field(variable, "valueFrom.secretKeyRef.key")
        ]
        if str(container.get("image", "")).startswith(OWN):
            found += _own_faults(container, rights)
    return found


def _own_faults(container: Mapping[str, Any], rights: Mapping[str, Any]) -> Iterator[str]:
    name = container["name"]
    if rights.get("readOnlyRootFilesystem") is not True:
        yield f"{name}: the root file system can be written"
    if rights.get("allowPrivilegeEscalation") is not False or field(rights, "capabilities.drop") != ["ALL"]:
        yield f"{name}: may gain rights"
    if not field(container, "resources.limits.memory"):
        yield f"{name}: no limit of memory"
    if "/tmp" not in {mount["mountPath"] for mount in container.get("volumeMounts", ())}:  # noqa: S108
        yield f"{name}: no volume for temporary files"
