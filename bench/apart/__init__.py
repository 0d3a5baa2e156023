"""The two-process form: an engine in a process of its own behind shared memory, a session to whoever measures."""
