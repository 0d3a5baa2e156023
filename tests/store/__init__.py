"""Tests of `bench.store`."""
