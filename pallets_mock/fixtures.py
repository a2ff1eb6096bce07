"""Development chains as pytest fixtures: `from pallets_mock.fixtures import dev_chain`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pallets_mock.testing import DevChain


@pytest.fixture
def dev_chain() -> Iterator[DevChain]:
    """A chain of its own for the test, with instant blocks, final at once."""
    with DevChain() as chain:
        yield chain


@pytest.fixture
def start_chain() -> Iterator[Callable[..., DevChain]]:
    """Starts chains with `DevChain`'s arguments; stops them after the test."""
    chains: list[DevChain] = []

    def start(*arguments: object, **options: object) -> DevChain:
        chains.append(DevChain(*arguments, **options).start())  # type: ignore[arg-type]
        return chains[-1]

    yield start
    for chain in reversed(chains):
        chain.stop()
