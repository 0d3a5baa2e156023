"""The command line: parse, build one frozen plan, call one function, print. click is imported nowhere else."""
