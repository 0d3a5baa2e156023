"""What goes with the OpenCL engine besides running: tracing it, building its programs; in a process of its own."""
