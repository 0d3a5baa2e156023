"""What the workloads' own making shares: training, rounding, reference answers, figures of `workload.toml`.

Nothing of this takes part in a run; it needs torch, and knows neither a network nor its data.
"""
