"""What survives the process: blocks, the nodes of every state, and where the chain's head is."""

from pallets_mock.store.sqlite import ChainStore, Head, StoredBlock

__all__ = ["ChainStore", "Head", "StoredBlock"]
