"""Which quarter of a noisy picture is the brightest: a workload to copy from."""
