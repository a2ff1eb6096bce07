"""A real network on this machine: validators as processes on loopback, for trying and for tests.

    with LocalNetwork.make(folder, binary, validators=4) as network:
        client = SomeClient(network.validators[0].url)

Nothing of it is meant for money that is worth something: the first six validators have keys that
everybody knows.
"""

from decentralml.localnet.binary import find_binary
from decentralml.localnet.errors import LocalNetworkError
from decentralml.localnet.network import LocalNetwork
from decentralml.localnet.status import NetworkStatus, ValidatorStatus
from decentralml.localnet.validator import Validator

__all__ = [
    "LocalNetwork", "LocalNetworkError", "NetworkStatus", "Validator", "ValidatorStatus",
    "find_binary",
]  # fmt: skip
