"""Transactions that wait for a block: which are valid, in which order, and how they fared."""
