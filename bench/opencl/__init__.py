"""What goes with the OpenCL engine besides runs: tracing, tuning, building programs; in a process of its own."""
