"""OpenCL behind the seam: ONNX networks on whatever has an OpenCL driver, by kernels of our own."""

from __future__ import annotations

from bench.backends.base import Model, Options, Unsupported
from bench.backends.checks import check_precision, check_settings
from bench.backends.opencl import device as devices
from bench.backends.opencl.compiled import Compiled
from bench.backends.opencl.handover import HANDOVERS
from bench.backends.opencl.tables import tiles_of
from bench.records.host import Device
from bench.records.plan import Setting

# Settings that any text may stand for, and what it should be.
_TEXTS = {
    "platform": "a part of a platform's name",
    "programs": "a folder that `bench opencl build` wrote",
    "tiles": "a file that `bench opencl tune` wrote, or `rule`",
}
_SETTINGS: dict[str, tuple[Setting, ...]] = {
    "strict_device": (False, True),
    "winograd": (True, False),
    "integers": (True, False),
    "host_memory": tuple(HANDOVERS),
}


class OpenClBackend:
    """Settings: `strict_device` = true refuses a network with operators that would run on the host.

    `platform` = part of a platform's name, for hosts with several drivers: refuses a device of another one.
    `tiles` = file that `bench opencl tune -o` wrote: how each layer is cut up, as it ran fastest; `rule`: by rule.
    Without it: as was tuned on this device (`bench opencl tune`), else as ships for its driver, else by rule.
    `winograd` = false computes every 3x3 convolution directly, with more multiplications and other last bits.
    `integers` = false computes the products of a quantised file in floats.
    `host_memory` = mapped writes inputs to, and reads outputs from memory that the driver allocates; copied: it copies.
    `programs` = folder that `bench opencl build` wrote: its binaries are loaded, nothing is compiled, as on FPGA cards.
    """

    name = "opencl"

    def devices(self) -> list[Device]:
        return [one.device for one in devices.found_devices()]

    def unusable(self) -> dict[str, str]:
        return devices.refused_devices()

    def why_none(self) -> str:
        return devices.why_none()

    def compile(self, model: Model, device: Device, options: Options) -> Compiled:
        check_precision(self.name, device, options)
        for key, what in _TEXTS.items():
            value = options.settings.get(key, "")
            if not isinstance(value, str):
                raise Unsupported(f"opencl's setting {key!r} is {value!r}; expected {what}.")
        texts = {key: (options.settings.get(key, ""),) for key in _TEXTS}
        check_settings(self.name, options.settings, {**_SETTINGS, **texts})
        platform = options.settings.get("platform")
        found = devices.look_up(device, None if platform is None else str(platform))
        return Compiled(model, found, options, tiles_of(options.settings, found))


BACKEND = OpenClBackend()
