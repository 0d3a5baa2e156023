"""Whether a backend, ours or a vendor's, keeps the contract of `bench/backends/base.py`; no speed is measured."""
