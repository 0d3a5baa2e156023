"""Whether nodes may measure the same plan: the same code and engines everywhere, and the devices that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.records.fleet import FleetNode, FleetPlan, NodeFacts, Problem, ProblemCode
from bench.records.plan import RunPlan

# Machines of one kind report sizes of memory that differ by what their firmware keeps.
_MEMORY_SHARE = 0.02


def problems_of(nodes: Sequence[FleetNode], head: NodeFacts, asked: FleetPlan) -> list[Problem]:
    """All that keeps these nodes from starting, node by node; `head` is this machine.

    Engines are compared among the nodes only: the head needs none.
    """
    found = []
    answering = [(node, node.facts) for node in nodes if node.facts is not None]
    for node in nodes:
        if node.facts is None:
            found.append(Problem(code="no-answer", node=node.name, seen=node.why or "no answer"))
            continue
        found += _versions(node.name, node.facts, head)
        if (first := answering[0][1]) is not node.facts:
            found += _packages(node.name, node.facts, answering[0][0].name, first)
        found += _devices(node.name, node.facts, asked.plan)
    if asked.together and not asked.share_host:
        found += _hosts(nodes)
    return found


def _versions(name: str, there: NodeFacts, here: NodeFacts) -> Iterator[Problem]:
    pairs: tuple[tuple[ProblemCode, str, str], ...] = (
        ("other-suite", there.suite_version, here.suite_version),
        ("other-code", there.code_sha256[:12], here.code_sha256[:12]),
        ("other-python", there.host.python, here.host.python),
        ("other-ray", there.ray_version or "none", here.ray_version or "none"),
    )
    for code, seen, expected in pairs:
        if seen != expected:
            yield Problem(code=code, node=name, seen=seen, expected=expected)


def _packages(name: str, there: NodeFacts, other: str, first: NodeFacts) -> Iterator[Problem]:
    """Engines and libraries that are not the first node's."""
    for package in sorted({*there.host.packages, *first.host.packages}):
        seen, expected = there.host.packages.get(package, "none"), first.host.packages.get(package, "none")
        if seen != expected:
            yield Problem(code="other-packages", node=name, seen=f"{package} {seen}", expected=f"{expected} on {other}")


def _devices(name: str, facts: NodeFacts, plan: RunPlan) -> Iterator[Problem]:
    listed = {device.address for device in facts.devices.get(plan.backend, ())}
    for device in plan.devices:
        if addressed(device) not in listed:
            seen = ", ".join(sorted(listed)) or facts.unusable.get(plan.backend) or "none"
            yield Problem(code="no-device", node=name, seen=seen, expected=f"{plan.backend} {device}")


def _hosts(nodes: Sequence[FleetNode]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for node in nodes:
        before = seen.setdefault(host_of(node), node.name)
        if before != node.name:
            yield Problem(code="host-shared", node=node.name, seen=before)


def addressed(device: str) -> str:
    """A device as backends list it: `kind:index`."""
    return device if ":" in device else f"{device}:0"


def host_of(node: FleetNode) -> str:
    """What tells the node's host from others: nodes may be containers of one."""
    boot = node.facts.boot_id if node.facts is not None else None
    return boot or node.node_id


def identical(one: FleetNode, other: FleetNode) -> bool:
    """Whether one node may stand in for another: the same machine, cards and software in all that both can tell."""
    if one.facts is None or other.facts is None:
        return False
    return _kind(one.facts) == _kind(other.facts) and _alike(one.facts.host.memory_bytes, other.facts.host.memory_bytes)


def _kind(facts: NodeFacts) -> tuple[object, ...]:
    host = facts.host
    machine = (host.cpu_model, host.architecture, host.cores_physical, host.cores_usable, host.numa_nodes)
    return (*machine, host.python, host.packages, facts.code_sha256, facts.profile.accelerators, facts.devices)


def _alike(one: int, other: int) -> bool:
    return abs(one - other) <= _MEMORY_SHARE * max(one, other)
