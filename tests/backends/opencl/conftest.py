"""A device to test on, or the reason why there is none."""

from __future__ import annotations

import pytest

from bench.backends.opencl import device as devices
from bench.backends.opencl.device import Found


@pytest.fixture(scope="session")
def found() -> Found:
    """The first OpenCL device; a host without one skips the test and says why."""
    here = devices.found_devices()
    if not here:
        pytest.skip(f"no OpenCL device: {devices.why_none()}")
    return here[0]
