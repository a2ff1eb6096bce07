"""Secure aggregation over the market: the creator sees sums of updates, never a single one.

A task is secure when its bundle has ``secure.json``. Its rounds on chain are the protocol's
messages; each worker's message is an ordinary result, so the chain says who sent it, and each
request of the creator is the round's bundle, one for everybody, so nobody can be told another
story than the others.

    round 1             everybody sends a channel key
    round 2             announce session 1: a mask key, and sealed shares of two secrets
    round 3             session 1's masked updates
    round 4             shares that unmask session 1's sum, and announce session 2
    round 5             session 2's masked updates
    …                   so T trainings take 2 T + 2 rounds

Who joins later, or comes back, sends a channel key in any round and is in the next roster.
"""
