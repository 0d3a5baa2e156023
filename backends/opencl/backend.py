"""OpenCL behind the seam: ONNX networks on whatever has an OpenCL driver, by kernels of our own."""

from __future__ import annotations

from bench.backends.base import Model, Options, Unsupported
from bench.backends.checks import check_precision, check_settings
from bench.backends.opencl import device as devices
from bench.backends.opencl.compiled import Compiled
from bench.records.host import Device
from bench.records.plan import Setting

_SETTINGS: dict[str, tuple[Setting, ...]] = {"strict_device": (False, True)}


class OpenClBackend:
    """Settings: `strict_device` = true refuses a network with operators that would run on the host.

    `platform` = part of a platform's name, for hosts with several drivers: refuses a device of another one.
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
        platform = options.settings.get("platform")
        if platform is not None and not isinstance(platform, str):
            raise Unsupported(f"opencl's setting 'platform' is {platform!r}; expected a part of a platform's name.")
        own = {key: value for key, value in options.settings.items() if key != "platform"}
        check_settings(self.name, own, {**_SETTINGS})
        return Compiled(model, devices.look_up(device, platform), options)


BACKEND = OpenClBackend()
