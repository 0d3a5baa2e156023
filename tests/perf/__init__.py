"""Speed of the harness, reported with pytest-benchmark; run by `make perf`."""
