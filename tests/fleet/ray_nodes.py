"""A Ray cluster of several nodes on this machine, in a process of its own; told what to do by lines on stdin.

`add NAME`, `kill NAME` (as a power cut does), `fill` (the object stores, with nowhere to spill), `quit`.
"""

from __future__ import annotations

import os
import sys

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}

import ray  # after its settings
from ray.cluster_utils import Cluster

STORE = 100 << 20


def main() -> None:
    # Neither spilling nor allocating on the disk: a store that is full is full.
    store = {"automatic_object_spilling_enabled": False, "local_fs_capacity_threshold": 0.0001}
    config = {**store, "health_check_period_ms": 500, "health_check_timeout_ms": 2000}
    head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False, "node_name": "head"}
    cluster = Cluster(initialize_head=True, head_node_args={**head, "_system_config": config})
    nodes, filled = {}, []
    say(cluster.address)
    for line in sys.stdin:
        word, _, name = line.strip().partition(" ")
        if word == "add":
            nodes[name] = cluster.add_node(
                num_cpus=1, object_store_memory=STORE, node_name=name, resources={"bench_host": 1}
            )
        elif word == "kill":
            cluster.remove_node(nodes.pop(name), allow_graceful=False)
        elif word == "fill":
            filled += fill(cluster.address)
        else:
            break
        say("ok")
    filled.clear()
    ray.shutdown()
    cluster.shutdown()


def fill(address: str) -> list[object]:
    """Objects until no further one fits; kept on the head's store and on every node's."""
    ray.init(address=address, log_to_driver=False)

    @ray.remote(num_cpus=0)
    class Holder:
        def fill(self) -> int:
            self.held = []
            try:
                for _ in range(40):
                    self.held.append(ray.put(bytes(5 << 20)))
            except (ray.exceptions.ObjectStoreFullError, ray.exceptions.OutOfDiskError):
                pass
            return len(self.held)

    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    alive = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    holders = [Holder.options(scheduling_strategy=On(node, soft=False)).remote() for node in alive]
    counts = ray.get([holder.fill.remote() for holder in holders])
    assert all(10 < count < 40 for count in counts), counts
    return list(holders)


def say(word: str) -> None:
    sys.__stdout__.write(f"@{word}\n")
    sys.__stdout__.flush()


if __name__ == "__main__":
    main()
