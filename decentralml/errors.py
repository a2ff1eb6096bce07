"""Every error that a caller of this package can catch, as one tree.

    DecentralMLError
    ├── ConfigError          settings that do not fit together
    ├── ChainError           the chain could not be reached, or refused
    │   ├── NodeUnreachable, WrongRuntime, InvalidTransaction, TransactionLost …
    │   └── CallRejected     included and failed; one subclass for each error of the pallet
    ├── KeyFileError         key files, passwords
    ├── AssetError           bundles and stores
    ├── LearningError        models, weights, data, federating
    ├── RunnerError          start_task.sh and its sandbox
    └── RoleError            a workflow that cannot go on

An error's message is one sentence on what is wrong and one on what to do next; its data are attributes.
"""

from __future__ import annotations


class DecentralMLError(Exception):
    """Base of all: catch it to catch everything this package raises on purpose."""


class ConfigError(DecentralMLError):
    """A setting is missing, malformed, or does not fit another."""


class ChainError(DecentralMLError):
    """The chain could not be reached, or refused what was asked."""


class KeyFileError(DecentralMLError):
    """A key could not be found, read, decrypted or written."""


class AssetError(DecentralMLError):
    """A bundle could not be stored, found or verified."""


class LearningError(DecentralMLError):
    """A model, weights, data or a federated mean could not be used."""


class RunnerError(DecentralMLError):
    """A task's script could not be run, or broke its limits."""


class RoleError(DecentralMLError):
    """A role's step does not fit the state of its task."""
