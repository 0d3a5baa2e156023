"""Served models over the Open Inference Protocol (KServe v2), by gRPC or HTTP."""
