"""A runtime that misbehaves is caught by the builder, before a block is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pallets_mock.block.builder import BlockBuilder
from pallets_mock.block.header import Header
from pallets_mock.block.outcome import Included
from pallets_mock.errors import InvalidBlock
from pallets_mock.state.overlay import Overlay
from tests.pallets_mock.offline import START_MS, OfflineChain, well_known

Lie = Callable[[bytes, Overlay], bytes]


@pytest.fixture
def chain() -> OfflineChain:
    return OfflineChain()


def build(chain: OfflineChain, entry: str, lie: Lie) -> BlockBuilder:
    """A block by the real runtime, but that one entry's output is changed on the way."""

    def execute(called: str, argument: bytes, overlay: Overlay) -> bytes:
        output = chain.executor.execute(called, argument, overlay)
        return lie(output, overlay) if called == entry else output

    now = START_MS + chain.slot_ms
    return BlockBuilder(execute, chain.header, chain.head, now, chain.slot_ms)


def header_with(**changes: object) -> Lie:
    return lambda output, _: replace(Header.decode(output), **changes).encode()


def write_after(output: bytes, overlay: Overlay) -> bytes:
    overlay.set(b"late", b"write")
    return output


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (header_with(extrinsics_root=bytes(32)), "extrinsics root"),
        (header_with(state_root=bytes(32)), "took its root"),
        (header_with(number=7), "another block's"),
        (header_with(parent_hash=bytes(32)), "another block's"),
        (write_after, "took its root"),
        (lambda output, _: output[:-1], "no header"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(chain: OfflineChain, lie: Lie, words: str) -> None:
    builder = build(chain, "BlockBuilder_finalize_block", lie)

    with pytest.raises(InvalidBlock, match=words):
        builder.finalise(chain.authority)


def test_inherents_that_are_none_are_refused(chain: OfflineChain) -> None:
    with pytest.raises(InvalidBlock, match="inherents"):
        build(chain, "BlockBuilder_inherent_extrinsics", lambda *_: b"\x04")


def test_an_inherent_that_the_runtime_refuses_itself_is_refused(chain: OfflineChain) -> None:
    with pytest.raises(InvalidBlock, match="its own inherent"):
        build(chain, "BlockBuilder_apply_extrinsic", lambda *_: b"\x01\x00\x05")


def test_a_runtime_in_the_middle_of_a_migration_says_so(chain: OfflineChain) -> None:
    assert build(chain, "Core_initialize_block", lambda *_: b"\x01").only_inherents
    assert not build(chain, "Core_initialize_block", lambda output, _: output).only_inherents


def test_an_error_of_the_host_rolls_the_extrinsic_back(chain: OfflineChain) -> None:
    calls: list[int] = []

    def fail_on_the_second(output: bytes, _: Overlay) -> bytes:
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError
        return output

    builder = build(chain, "BlockBuilder_apply_extrinsic", fail_on_the_second)
    transfer = chain.client.transfer(well_known("Alice"), well_known("Bob"), 10**12, nonce=0)
    before = builder.overlay.diff()

    with pytest.raises(MemoryError):
        builder.apply(transfer)
    assert (builder.overlay.diff(), len(builder.extrinsics)) == (before, 1)
    assert builder.apply(transfer) == Included()


def test_a_result_that_is_none_rolls_the_extrinsic_back(chain: OfflineChain) -> None:
    results = [b"\x00\x00", b"\x09"]
    builder = build(chain, "BlockBuilder_apply_extrinsic", lambda *_: results.pop(0))
    before = builder.overlay.diff()

    with pytest.raises(InvalidBlock, match="apply_extrinsic"):
        builder.apply(chain.client.transfer(well_known("Alice"), well_known("Bob"), 1, nonce=0))
    assert builder.overlay.diff() == before
    assert builder.overlay.depth == 0
