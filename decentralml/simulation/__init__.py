"""Many contributors on one machine, without a chain: the same strategies and adapters."""
