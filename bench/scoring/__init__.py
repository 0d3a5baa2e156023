"""Scoring: pure functions from numpy arrays to numbers (`docs/measurement.md`). No clocks, no engines, no files."""
