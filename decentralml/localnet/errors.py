"""What can stop a local network: a part of the chain's branch of the error tree.

ChainError
└── LocalNetworkError
    ├── NoNodeBinary         the program that validators run is not on this machine
    ├── NodeCommandFailed    one of its commands ended with an error
    ├── BadNetwork           a number of validators or a folder that cannot be used
    ├── PortTaken            somebody else listens where a validator must
    ├── NetworkRuns          the folder's network runs already
    └── ValidatorEnded       a validator's process is gone, or does not answer
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from decentralml.errors import ChainError


class LocalNetworkError(ChainError):
    """A local network cannot start, or cannot go on."""


class NoNodeBinary(LocalNetworkError):
    """There is no program to run a validator with."""

    def __init__(self, looked: Sequence[str]) -> None:
        super().__init__(
            f"There is no node here (looked at {', '.join(looked)}). `make node` builds one; "
            "or name yours in DECENTRALML_NODE_BINARY."
        )
        self.looked = tuple(looked)


class NodeCommandFailed(LocalNetworkError):
    """A command of the node, or one that prepares its chain, ended with an error."""

    def __init__(self, command: Sequence[str], status: int, said: str) -> None:
        words = " ".join(command[:4])
        super().__init__(f"`{words} …` ended with status {status}:\n{said.strip()[-1500:]}")
        self.command, self.status, self.said = tuple(command), status, said


class BadNetwork(LocalNetworkError):
    """A network that cannot be made as it was asked for; nothing was started."""


class PortTaken(LocalNetworkError):
    """Somebody listens where a validator has to."""

    def __init__(self, port: int, validator: str) -> None:
        super().__init__(
            f"Port {port} of {validator} is taken. Stop what listens there, name another "
            "--base-port, or leave it out for free ones."
        )
        self.port, self.validator = port, validator


class NetworkRuns(LocalNetworkError):
    """Another process runs the network of this folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"The network in {folder} runs already. Stop it, or name another --path.")
        self.folder = folder


class ValidatorEnded(LocalNetworkError):
    """A validator's process is gone, or does not answer in time."""

    def __init__(self, validator: str, why: str, log: Path, end: str) -> None:
        super().__init__(f"{validator} {why}; its log is {log}. The end of it:\n{end.strip()}")
        self.validator, self.why, self.log = validator, why, log
