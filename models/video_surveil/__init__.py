"""Video surveillance: the detector of `object_detect` on cameras, whose films are drawn by the same renderer.

Running the workload needs the network and data of `object_detect`, and `footage` where films are decoded.
"""
