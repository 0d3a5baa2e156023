"""Intel's OpenCL runtime for CPUs and its FPGA emulator, from the package index into a folder: `python -m
tests.backends.opencl.intel DIR`. The tests take it where BENCH_INTEL_OPENCL names that folder.

2024.1.0 is the last version on the index whose wheel holds the emulator. What the wheel lacks is made here: the
emulator's settings, and files that name the drivers to the loader.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

VARIABLE: Final = "BENCH_INTEL_OPENCL"
PACKAGES: Final = ("intel-opencl-rt==2024.1.0", "intel-cmplr-lib-rt==2024.1.0", "tbb>=2021,<2022")
DRIVERS: Final = {"emulator": "libintelocl_emu.so.*", "cpu": "libintelocl.so.2*"}
# The loader is pyopencl's own.
_NOT_TAKEN: Final = "libOpenCL.so"


def install(folder: Path) -> None:
    """Download and unpack both drivers; some 280 MB. Raises CalledProcessError where pip cannot."""
    libraries = folder / "lib"
    libraries.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", place, *PACKAGES], check=True
        )
        for wheel in Path(place).glob("*.whl"):
            _unpack(wheel, libraries)
    settings = (libraries / "cl.cfg").read_text()
    (libraries / "cl.fpga_emu.cfg").write_text(f"{settings}\nCL_CONFIG_DEVICES = fpga-emu\n")
    for name, pattern in DRIVERS.items():
        vendors = folder / name
        vendors.mkdir(exist_ok=True)
        (vendors / "intel.icd").write_text(f"{next(libraries.glob(pattern)).absolute()}\n")


def environment(folder: Path, name: str) -> dict[str, str]:
    """The environment in which the loader finds one of the drivers."""
    return {**os.environ, "OCL_ICD_VENDORS": str(folder / name), "LD_LIBRARY_PATH": str(folder / "lib")}


def _unpack(wheel: Path, libraries: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            name = Path(entry.filename).name
            wanted = "/lib/" in entry.filename or ".so" in name or name.endswith((".cfg", ".rtl"))
            if name and wanted and not name.startswith(_NOT_TAKEN):
                (libraries / name).write_bytes(archive.read(entry))


if __name__ == "__main__":
    install(Path(sys.argv[1]))
    sys.stdout.write(f"export {VARIABLE}={Path(sys.argv[1]).absolute()}\n")
