"""The chain's own runtime, called directly."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pallets_mock.errors import RuntimePanic
from pallets_mock.executor import CallResult
from pallets_mock.host.keystore import ED25519, SR25519
from tests.oracles.slow_overlay import DictView
from tests.pallets_mock.offline import OfflineChain, executor, well_known

ENTRIES = sorted(executor().entries)
CHAIN = OfflineChain()


def test_the_entries_are_the_runtime_apis() -> None:
    assert {"Core_version", "Core_execute_block", "Metadata_metadata"} <= set(ENTRIES)
    assert not [entry for entry in ENTRIES if entry.startswith("__")]


@pytest.mark.parametrize("entry", ENTRIES)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(argument=st.binary(max_size=300))
def test_no_argument_harms_the_host(entry: str, argument: bytes) -> None:
    try:
        result = CHAIN.executor.call(entry, argument, CHAIN.head)
    except RuntimePanic as panic:
        assert panic.message
    else:
        assert isinstance(result, CallResult)


@pytest.mark.parametrize("entry", ["Metadata_metadata", "AuraApi_authorities", "Core_version"])
def test_both_ways_to_execute_give_the_same_output(entry: str) -> None:
    plain = executor(python_hosts=True)

    assert plain.call(entry, b"", CHAIN.head) == CHAIN.executor.call(entry, b"", CHAIN.head)


def test_both_ways_to_execute_make_the_same_block() -> None:
    alice, bob = well_known("Alice"), well_known("Bob")
    transfer = CHAIN.client.transfer(alice, bob, 10**12, nonce=0)
    blocks = [OfflineChain(python_hosts=slow).seal(transfer) for slow in (False, True)]

    fast, slow = (block.header.unsealed().hash() for block in blocks)
    assert fast == slow
    assert blocks[0].diff == blocks[1].diff


def test_session_keys_are_generated_into_the_keystore() -> None:
    owner = well_known("Alice").public_key
    argument = bytes([len(owner) << 2]) + owner + b"\x00"

    CHAIN.executor.call("SessionKeys_generate_session_keys", argument, CHAIN.head)

    keystore = CHAIN.executor.keystore
    assert len(keystore.public_keys(SR25519, b"aura")) == 1
    assert len(keystore.public_keys(ED25519, b"gran")) == 1


def test_a_state_without_anything_is_no_hindrance_to_reading_metadata() -> None:
    output = CHAIN.executor.call("Metadata_metadata", b"", DictView({})).output

    assert b"meta" in output[:10]
