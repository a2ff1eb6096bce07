"""What can be wrong with a seal: a branch of the error tree below `AssetError`.

SealingError
├── InvalidSealingKey     nothing can be sealed to this key
├── SealingFileUnusable   a file with secret keys cannot be read, or others can read it
├── SealRefused           it is no age file, or its header asks for what no honest one does
├── SealedForAnother      none of the keys at hand opens it
└── SealBroken            it was cut, extended or changed
"""

from __future__ import annotations

from decentralml.errors import AssetError


class SealingError(AssetError):
    """Something could not be sealed or opened."""


class InvalidSealingKey(SealingError):
    """A key to which nothing can be sealed.

    Attributes: `key`, as it was given, and `why`.
    """

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key[:80]!a} is no sealing key: {why}. Copy it again from its owner.")
        self.key, self.why = key, why


class SealingFileUnusable(SealingError):
    """A file of secret keys that cannot be used. No message repeats what is in it.

    Attributes: `path`, `why`, and `advice`: the next step.
    """

    def __init__(self, path: str, why: str, advice: str) -> None:
        super().__init__(f"The key file {path} cannot be used: {why}. {advice}.")
        self.path, self.why, self.advice = path, why, advice


class SealRefused(SealingError):
    """Not opened: its header is none that is made here, or could cost more than a look.

    Attributes: `why`.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"this is no file sealed to one key: {why}")
        self.why = why


class SealedForAnother(SealingError):
    """The header was wrapped for another key.

    Attributes: `key`, the public key that should open it.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"it is sealed for another key than {key}")
        self.key = key


class SealBroken(SealingError):
    """The seal is broken: its bytes are not those that were sealed, or not all of them, or more.

    Attributes: `why`.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"its seal is broken: {why}")
        self.why = why
