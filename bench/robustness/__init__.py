"""Corruptions of samples for `bench run --robustness`: pure functions of (seed, index), in numpy. No I/O, no engines.

The idea is that of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations" (ICLR 2019); the models of camera and room, and the three levels, are our own.
"""

from __future__ import annotations

from bench.robustness.conditions import CORRUPTIONS, LEVELS, Condition, Corruption, Kind, change, conditions, kind_of

__all__ = ["CORRUPTIONS", "LEVELS", "Condition", "Corruption", "Kind", "change", "conditions", "kind_of"]
