"""The tree of a ChatGPT conversation: parents, and the order of nodes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container
from typing import Any

from schemas.records import Role
from transforms.sources.faults import Fault, bad_field
from transforms.sources.json.once import Fields, Repeated

ROLES: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
Nodes = dict[str, dict[str, Any]]


def linked_nodes(mapping: dict[str, Any], lose: Callable[[str, Fault], None]) -> Nodes:
    """The nodes with their parents. A node that cannot be read has no message, and is given to `lose`.

    If a node's parent cannot be read, it is the node that lists it among its children. Raises Fault if two
    nodes have one name.
    """
    if isinstance(mapping, Fields) and mapping.repeated:
        raise Repeated("mapping[]")
    nodes: Nodes = {}
    above: dict[str, str] | None = None
    for name, node in mapping.items():
        fault = None if node.__class__ is dict and _is_node(node) else _node_fault(node)
        if fault is None:
            nodes[name] = node
            continue
        above = _parents_by_children(mapping) if above is None else above
        lose(name, fault)
        nodes[name] = {"parent": above.get(name)}
    return nodes


def _is_node(node: dict[str, Any]) -> bool:
    message, parent = node.get("message"), node.get("parent")
    return (message is None or message.__class__ is dict) and (parent is None or parent.__class__ is str)


def _node_fault(node: Any) -> Fault | None:
    if not isinstance(node, dict):
        return bad_field("mapping[]", node)
    try:
        message, parent = node.get("message"), node.get("parent")
    except Fault as fault:
        return fault
    if not (message is None or isinstance(message, dict)):
        return bad_field("mapping[].message", message)
    if not (parent is None or isinstance(parent, str)):
        return bad_field("mapping[].parent", parent)
    return None


def _parents_by_children(mapping: dict[str, Any]) -> dict[str, str]:
    above: dict[str, str] = {}
    for name, node in mapping.items():
        listed = node.get("children") if isinstance(node, dict) else None
        for child in listed if isinstance(listed, list) else ():
            if isinstance(child, str):
                above.setdefault(child, name)
    return above


def nearest_above(nodes: Nodes, spoken: Container[str]) -> dict[str, str | None]:
    """For each node, its nearest ancestor with a message; nodes in a cycle keep their parent."""
    found: dict[str, str | None] = {}
    for name, node in nodes.items():
        above = node.get("parent")
        if above is None or above in spoken:
            found[name] = above
            continue
        path: dict[str, None] = {}
        while above is not None and above not in spoken and above in nodes and above not in path:
            if above in found:
                above = found[above]
                break
            path[above] = None
            above = nodes[above].get("parent")
        found[name] = above if above in spoken else None
        found.update({each: found[name] for each in path if each not in spoken})
    return found


def in_order(nodes: Nodes) -> list[str]:
    """Every node once: parents before children, siblings in the order of the export."""
    if _is_chain(nodes):
        return list(nodes)
    children: dict[str | None, list[str]] = {}
    for name, node in nodes.items():
        parent = node.get("parent")
        children.setdefault(parent if parent in nodes else None, []).append(name)
    for parent, several in children.items():
        listed = nodes[parent].get("children") if len(several) > 1 and parent is not None else None
        if isinstance(listed, list):
            place = {child: number for number, child in enumerate(listed) if isinstance(child, str)}
            several.sort(key=lambda child, place=place: place.get(child, len(place)))  # type: ignore[misc]
    done: dict[str, None] = {}
    for start in itertools.chain(children.get(None, ()), nodes):  # nodes in a cycle come last
        if len(done) == len(nodes):
            break
        stack = [start]
        while stack:
            name = stack.pop()
            if name not in done:
                done[name] = None
                if name in children:
                    stack.extend(reversed(children[name]))
    return list(done)


def _is_chain(nodes: Nodes) -> bool:
    """True if each node but the first follows the one before it, as in most conversations."""
    above = None
    for name, node in nodes.items():
        if node.get("parent") != above and (above is not None or node["parent"] in nodes):
            return False
        above = name
    return True
