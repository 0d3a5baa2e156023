"""What both drivers are compared on: scenarios of a system that sleeps, and of DS-CNN on onnxruntime."""

from __future__ import annotations

from .one_run import Asked

# Runs of about a second.
CASES: dict[str, Asked] = {
    "sleep 1 ms, single stream": Asked(system="sleep", scenario="single_stream", rows=1000),
    "sleep 1 ms, multi stream, 4 × 2": Asked(
        system="sleep", scenario="multi_stream", rows=1000, batch=2, samples_per_query=8
    ),
    "sleep 1 ms, offline, batch 8": Asked(system="sleep", scenario="offline", rows=1000, batch=8),
    "sleep 1 ms, server, 300/s": Asked(system="sleep", scenario="server", rows=400, rate_per_s=300.0),
    "DS-CNN, single stream": Asked(system="speech_command", scenario="single_stream", rows=4000),
    "DS-CNN, multi stream, 4 × 2": Asked(
        system="speech_command", scenario="multi_stream", rows=2400, batch=2, samples_per_query=8
    ),
    "DS-CNN, offline, batch 8": Asked(system="speech_command", scenario="offline", rows=800, batch=8),
    "DS-CNN, server, 500/s": Asked(system="speech_command", scenario="server", rows=700, rate_per_s=500.0),
}
