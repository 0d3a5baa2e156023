"""Tests of `bench.plots`: pictures of good, void, partial, failed and hostile records."""
