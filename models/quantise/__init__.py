"""Makes a workload's one int8 file: `python -m bench.models.quantise NAME`.

No workload itself. The file is small: it points into the workload's own weights and says how they are rounded.
"""
