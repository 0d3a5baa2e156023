"""Meaning of answers, per task: from raw outputs to an answer, from answers and labels to a metric."""

from __future__ import annotations

from bench.tasks.base import Task
from bench.tasks.classify import CLASSIFY, COMMAND
from bench.tasks.detect import DETECT
from bench.tasks.verify import VERIFY

TASKS: dict[str, Task] = {task.name: task for task in (CLASSIFY, COMMAND, VERIFY, DETECT)}

# Id of what answers to unlabelled samples are worth: the share that a reference engine gives as well.
AGREEMENT = "agreement"

__all__ = ["AGREEMENT", "CLASSIFY", "COMMAND", "DETECT", "TASKS", "VERIFY", "Task"]
