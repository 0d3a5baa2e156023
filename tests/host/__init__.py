"""Tests of `bench.host`."""
