"""Another runtime takes over while the chain runs, and old blocks keep theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pallets_mock.executor import executor_for
from pallets_mock.runtime import blob, compress, compressed_blob
from pallets_mock.testing import DevChain
from tests.pallets_mock.wire import Wire

CODE = "0x" + b":code".hex()


@pytest.fixture(scope="module")
def newer() -> bytes:
    """The same runtime with a higher spec version in its version section."""
    version = executor_for(compressed_blob()).version
    start = replace(version, apis=()).encode()[: -len(b"\x00" + bytes(5))]
    assert blob().count(start) == 1
    raised = replace(version, apis=(), spec_version=version.spec_version + 1)
    return blob().replace(start, raised.encode()[: len(start)])


@pytest.mark.parametrize("compressed", [False, True])
def test_a_newer_runtime_is_in_force_from_the_next_block_on(
    dev_chain: DevChain, newer: bytes, compressed: bool
):
    code = compress(newer) if compressed else newer
    with Wire(dev_chain.url) as wire:
        old = wire.call("state_getRuntimeVersion")
        versions = wire.call("state_subscribeRuntimeVersion")
        assert wire.next(versions) == old
        block = wire.call("dev_setStorage", [[CODE, "0x" + code.hex()]])
        now = wire.next(versions)
        assert now["specVersion"] == old["specVersion"] + 1
        assert wire.call("state_getRuntimeVersion", block) == now
        assert wire.call("state_getRuntimeVersion", dev_chain.genesis_hash) == old
        wire.call("dev_newBlock", 2)


def test_who_follows_the_head_is_told_of_the_new_runtime(dev_chain: DevChain, newer: bytes):
    with Wire(dev_chain.url) as wire:
        following = wire.call("chainHead_v1_follow", True)
        first, _ = wire.next(following), wire.next(following)
        block = wire.call("dev_setStorage", [[CODE, "0x" + newer.hex()]])
        told = wire.next(following)
    old = first["finalizedBlockRuntime"]["spec"]["specVersion"]
    assert (told["event"], told["blockHash"]) == ("newBlock", block)
    assert told["newRuntime"]["spec"]["specVersion"] == old + 1
