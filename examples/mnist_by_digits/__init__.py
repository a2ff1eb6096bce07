"""Digits by worker: each worker sees some digits only, and all learn all of them together."""
