"""MobileNetV2 on the pictures of `image_classify`: specification, own timing pictures, network and weights.

Running the workload needs `data` and the two model files only; `network`, `train`, `build` and `assess` need torch.
"""
