"""Runs a task's ``start_task.sh``, which is hostile until proven otherwise, inside limits.

`find_sandbox` says what this machine has, `describe` what a run may touch, `run_task` runs it.
"""

from decentralml.runner.finding import SandboxReport, find_sandbox
from decentralml.runner.limits import Limits
from decentralml.runner.run import RunOutcome, run_task
from decentralml.runner.sandbox import BubblewrapSandbox, Sandbox, TrustedRunner
from decentralml.runner.task import TaskRun, describe

__all__ = [
    "BubblewrapSandbox",
    "Limits",
    "RunOutcome",
    "Sandbox",
    "SandboxReport",
    "TaskRun",
    "TrustedRunner",
    "describe",
    "find_sandbox",
    "run_task",
]
