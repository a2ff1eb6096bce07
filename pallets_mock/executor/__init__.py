"""Executing the runtime's WebAssembly: the one room that knows wasmtime.

A call is a function from (entry, argument, state) to (output, diff); what becomes of the
diff is the caller's business.
"""

from pallets_mock.executor.executor import CallResult, Execute, Executor, executor_for
from pallets_mock.executor.version import RuntimeVersion

__all__ = ["CallResult", "Execute", "Executor", "RuntimeVersion", "executor_for"]
