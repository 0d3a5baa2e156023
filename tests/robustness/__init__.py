"""Tests of `bench.robustness`."""
