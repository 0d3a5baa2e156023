"""Tests of `bench.report`: what is shown of good, void, partial, failed and hostile records."""
