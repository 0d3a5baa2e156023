"""MobileFaceNet on rendered faces, an identity document against a live picture: pictures, network and weights.

Running the workload needs `data` and the two model files only; `network`, `train` and `build` need torch.
"""
