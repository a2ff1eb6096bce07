"""One workflow per person: post, accept, run, send, validate, federate.

The rooms that a role needs (chain, assets, runner) arrive by constructor; what a role has done
stands in its journal, so that it can be killed at any instruction and started again.
"""
