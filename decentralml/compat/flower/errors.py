"""What goes wrong when a Flower client or server meets the market.

RoleError
└── FlowerError
    ├── NotSupported        Flower has it, this does not
    ├── ClientMisbehaved    a client's method returned what Flower does not allow
    └── NotAFlowerJob       a task's bundle or model was not made by `start_server`
"""

from __future__ import annotations

from decentralml.errors import RoleError


class FlowerError(RoleError):
    """A Flower client or server cannot go on."""


class NotSupported(FlowerError):
    """Something of Flower's that has no meaning on the market.

    Attributes: `what`, and `instead`, what to write in its place.
    """

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(f"{what} is not supported on the market; {instead}")
        self.what, self.instead = what, instead


class ClientMisbehaved(FlowerError):
    """A client's method raised nothing and returned something that cannot be used.

    Attributes: `method`, `why`.
    """

    def __init__(self, method: str, why: str) -> None:
        super().__init__(f"the client's {method} {why}; correct it, then start the client again")
        self.method, self.why = method, why


class NotAFlowerJob(FlowerError):
    """A task that `start_server` did not post.

    Attributes: `why`.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"this is no job of a Flower server: {why}; choose another task")
        self.why = why


class Stopped(FlowerError):
    """It was asked to end before there was anything to return."""

    def __init__(self) -> None:
        super().__init__("stopped before the job was posted; start it again to go on")
