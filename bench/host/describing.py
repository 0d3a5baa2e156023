"""The profile of this machine: what its files and libraries say, and what engines and OpenCL drivers see on it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.hardware.agreement import hardware
from bench.hardware.detect import detect, told_by_python
from bench.hardware.profiles import load_profile, profile_hash
from bench.host.inventory import package_versions
from bench.host.opencl_devices import opencl_devices
from bench.host.probe import Probe, probe_backends
from bench.records.profile import Hardware, Profile, Use

# A backend that plays engines is no way to use a machine.
_NO_ENGINE = "fake"
# Kinds of devices that are elsewhere: onnxruntime's provider that asks a service, and served models.
_NOT_HERE = frozenset({"azure", "server"})


def quick_profile() -> Profile:
    """The machine without asking drivers of engines: some milliseconds, and nothing that could crash."""
    return detect(told_by_python(package_versions()))


def hardware_beside(profile: str | None) -> Hardware:
    """This machine, beside the profile that a run names. Raises BadProfile or BadFile."""
    if profile is None:
        return hardware(quick_profile(), None, None, None)
    typed = load_profile(profile)
    return hardware(quick_profile(), typed, typed.name, profile_hash(profile))


def whole_profile(backends: Sequence[str]) -> Profile:
    """The machine with what OpenCL and `backends` see on it, each asked in a process of its own: some seconds."""
    seen = opencl_devices()
    probes = probe_backends([name for name in backends if name != _NO_ENGINE])
    told = msgspec.structs.replace(
        told_by_python(package_versions()),
        opencl=seen.devices,
        use=_use(probes),
        unknown={"opencl": seen.why} if seen.why else {},
    )
    return detect(told)


def _use(probes: Sequence[Probe]) -> Use | None:
    """The first accelerator that an engine sees and can start, else the CPU."""
    seen = [(probe, one) for probe in probes for one in probe.devices if one.kind not in _NOT_HERE]
    able = [(probe, one) for probe, one in seen if not {one.kind, one.address, "others"} & set(probe.unusable)]
    ordered = sorted(able, key=lambda pair: pair[1].kind == "cpu")
    return Use(backend=ordered[0][0].backend, devices=(ordered[0][1].address,)) if ordered else None
