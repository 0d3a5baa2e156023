"""The workload suite.

One folder per workload: `workload.toml`, data, network, training and weights. Engines are not known here.
"""
