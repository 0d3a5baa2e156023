"""OpenCL C, written for each layer: what is fixed when a layer is known stands in its source as a number.

Sources do not hold the number of samples, so that one program serves every batch.
"""
