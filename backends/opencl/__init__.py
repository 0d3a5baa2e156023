"""An ONNX engine on OpenCL: import, rewriting, layouts, kernels written for each layer, memory, launches.

The way through: `importer` → `rewrite` → `shapes` → `lowering` (with `kernels`) → `plan` → `memory` → `session`.
"""
