"""The words that all rooms share: identifiers and units that a plain ``int`` would hide."""

from __future__ import annotations

from typing import NewType

Cid = NewType("Cid", str)
"""Content identifier, version 1, base32 lower case (``bafy…``, ``bafk…``), as kubo prints it."""

AccountId = NewType("AccountId", str)
"""An account as an SS58 address with the chain's prefix (42 on development chains)."""

Planck = NewType("Planck", int)
"""An amount in the token's smallest unit: 10**-12 of a token."""

BlockNumber = NewType("BlockNumber", int)
"""Height of a block, or a span of time counted in blocks."""

TaskId = NewType("TaskId", int)
"""A task's number on chain: a ``u64`` counted from 0."""

Round = NewType("Round", int)
"""A federated round of a task, counted from 1."""
