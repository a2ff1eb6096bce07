"""Secure aggregation: somebody who collects updates learns their sum and no single one.

Bonawitz and others, *Practical Secure Aggregation for Privacy-Preserving Machine Learning* (CCS
2017), for one collector. Pure: who carries the messages, and how a member knows that a key is
another member's, is up to the caller.

    keys       each member makes a channel key; all get the roster of them (``Session``)
    announce   each makes two secrets, and sends every member a sealed share of both (``member``)
    mask       each adds to its update one mask of its own and one for every other member who
               announced; the masks of a pair cancel in the sum
    reveal     for each member whose masked update arrived, shares of its own mask; for each who
               dropped out, shares of the secret behind its pairs' masks; never both
    unmask     the collector takes the masks that are left off the sum (``collector``)

Numbers are whole numbers modulo 2**64 (``fixed``), so the sum is exact and a masked update is
evenly distributed over all of them, whatever the update.
"""
