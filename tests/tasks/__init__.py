"""Tests of `bench.tasks`."""
