"""Why a coordinator refuses somebody."""

from __future__ import annotations

from decentralml.errors import RoleError


class NoPlace(RoleError):
    """A participant cannot have a place; the message is told to it."""


class StaleChallenge(NoPlace):
    """The challenge was not given out since the coordinator started, is too old, or was used; with
    a new one the same may be asked again."""


class LateResult(RoleError):
    """A result came when its round was over, or after another one of the same participant."""


class Busy(RoleError):
    """There is too much to do at the moment; the same may be asked again."""
