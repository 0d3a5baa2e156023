"""ResNet-50 v1.5 on rendered pictures of industrial surfaces: specification, pictures, network and weights.

Running the workload needs `data` and the two model files only; `network`, `train` and `build` need torch.
"""
