"""The OpenCL engine beside onnxruntime: `make perf-opencl` prints the table."""
