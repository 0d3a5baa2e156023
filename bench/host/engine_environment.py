"""Environment variables that the parent sets for a child, so that engines keep their caches in ours.

Set for the child only: this process's own environment stays as it is.
"""

from __future__ import annotations

import os
from pathlib import Path

from bench.store.places import CACHE_PARTS


def engine_environment(cache: Path, threads: int) -> dict[str, str]:
    """The child's whole environment: this process's, with engine caches under `cache` and thread counts set."""
    engines = cache / CACHE_PARTS[0]
    places = {
        "POCL_CACHE_DIR": engines / "pocl",
        "PYOPENCL_CACHE_DIR": engines / "pyopencl",
        "BENCH_OPENCL_TILES": engines / "opencl-tiles",
        "TORCHINDUCTOR_CACHE_DIR": engines / "inductor",
        "TRITON_CACHE_DIR": engines / "triton",
        "CUDA_CACHE_PATH": engines / "cuda",
        "MPLCONFIGDIR": engines / "matplotlib",
    }
    return {
        **os.environ,
        **{name: str(path) for name, path in places.items()},
        "OMP_NUM_THREADS": str(threads),
        "POCL_AFFINITY": "1",
        # An engine that phones home or fetches would disturb the run and fail in a laboratory without a network.
        "HF_HUB_OFFLINE": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "PYTHONHASHSEED": "0",
    }
