"""Engines behind one seam.

A backend opens a device, compiles a model and runs batches; clocks, load and statistics are not its
business."""
