"""Choosing batch, workers, threads and wait of a measurement by trying them, within a time, before it is measured."""
