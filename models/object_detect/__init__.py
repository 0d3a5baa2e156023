"""A one-stage detector on rendered scenes of streets, yards and warehouses: pictures, network and weights.

Running the workload needs `data` and the two model files only; `network`, `train` and `build` need torch.
"""
