"""The market on chain: its calls, reads and events, the node that serves them, and keys.

Nothing is imported here: `records` and `calls` are plain data, `node` is what costs time to load.
"""
