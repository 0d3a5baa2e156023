"""A backend's compiled workload served by the Open Inference Protocol: the system under test of a tester elsewhere."""
