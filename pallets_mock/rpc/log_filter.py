"""Log levels as a node's directives set them: `target=level,other=level`."""

from __future__ import annotations

import logging

from pallets_mock.rpc.errors import RpcError

LEVELS = {
    "off": logging.CRITICAL + 10,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": logging.DEBUG,
}
ROOT = "pallets_mock"


class LogFilter:
    """Changes levels below `pallets_mock`, and puts them back."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}

    def add(self, directives: str) -> None:
        """Set levels; a directive without a target is for everything.

        Raises:
            RpcError: no such level.
        """
        parsed = [self._parse(one.strip()) for one in directives.split(",") if one.strip()]
        for name, level in parsed:
            logger = logging.getLogger(name)
            self._before.setdefault(name, logger.level)
            logger.setLevel(level)

    def reset(self) -> None:
        """All levels as they were at the start."""
        for name, level in self._before.items():
            logging.getLogger(name).setLevel(level)
        self._before.clear()

    def _parse(self, directive: str) -> tuple[str, int]:
        target, _, level = directive.rpartition("=")
        if level.lower() not in LEVELS:
            raise RpcError(-32603, f"invalid log level in {directive[:80]!r}")
        name = f"{ROOT}.{target.replace('::', '.')}" if target else ROOT
        return name[:200], LEVELS[level.lower()]
