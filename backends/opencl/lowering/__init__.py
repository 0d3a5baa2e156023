"""From nodes to kernels: which layout a value takes, which kernel a node, and with which tiles."""
