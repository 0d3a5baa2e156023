"""Tests of `bench.soaking` and `bench.scaling`, on the fake backend, and of the trend that a verdict rests on."""
