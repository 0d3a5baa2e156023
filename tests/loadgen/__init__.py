"""Tests of `bench.loadgen`."""
