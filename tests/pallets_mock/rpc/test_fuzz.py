"""Whatever arrives, the chain answers in the node's form, and goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pallets_mock.testing import DevChain
from tests.pallets_mock.offline import OfflineChain, well_known
from tests.pallets_mock.wire import Wire

# Both do what they are told, to this test's own connection.
NOT_HERE = {"dev_dropConnections", "dev_delayAnswers"}
UNFORESEEN = "Internal error"  # what the server says when a handler raised what it should not

SETTINGS = settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def chain() -> Iterator[DevChain]:
    with DevChain() as chain:
        transfer = OfflineChain().client.transfer(well_known("Alice"), well_known("Bob"), 5, 0)
        chain.call("author_submitExtrinsic", "0x" + transfer.hex())
        chain.new_block(3)
        yield chain


@pytest.fixture
def wire(chain: DevChain) -> Iterator[Wire]:
    with Wire(chain.url) as wire:
        yield wire


@pytest.fixture
def methods(wire: Wire) -> list[str]:
    return [name for name in wire.call("rpc_methods")["methods"] if name not in NOT_HERE]


def near_misses(chain: DevChain) -> st.SearchStrategy[Any]:
    """Values that some method takes, and neighbours of them that none should choke on."""
    block = chain.call("chain_getBlockHash")
    extrinsic = chain.call("chain_getBlock", chain.call("chain_getBlockHash", 1))
    return st.sampled_from(
        [
            block,
            block[:-1],
            block[2:],
            "0x" + "00" * 32,
            "0x",
            "0x0",
            "",
            *extrinsic["block"]["extrinsics"],
            extrinsic["block"]["extrinsics"][-1][:-8],
            well_known("Alice").ss58_address,
            well_known("Alice").ss58_address[:-1] + "Z",
            "0x3a636f6465",
            "Core_version",
            "Metadata_metadata_at_version",
            "BlockBuilder_apply_extrinsic",
            "memory",
            "aura",
            "PERSISTENT",
            "2027-01-01",
            0,
            1,
            1001,
            -1,
            2**31,
            2**32 - 1,
            2**32,
            2**64,
            1e308,
            True,
        ]
    )


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 40),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    st.binary(max_size=70).map(lambda data: "0x" + data.hex()),
)


def anything(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
        ),
        max_leaves=8,
    )


def is_answer(answer: dict[str, Any]) -> bool:
    if "error" not in answer:
        return "result" in answer
    error = answer["error"]
    return type(error["code"]) is int and error["message"] not in ("", UNFORESEEN)


@pytest.mark.slow
@SETTINGS
@given(data=st.data())
def test_no_parameters_of_any_method_break_the_chain(
    chain: DevChain, wire: Wire, methods: list[str], data: st.DataObject
):
    method = data.draw(st.sampled_from(methods))
    leaves = plain | near_misses(chain)
    params = data.draw(st.lists(anything(leaves), max_size=5) | anything(leaves))
    before = chain.snapshot()

    answer = wire.raw({"method": method, "params": params})

    assert is_answer(answer), (method, params, answer)
    chain.revert(before)
    chain.call("dev_setBlockTime", "instant")
    assert wire.call("system_health")["isSyncing"] is False


@pytest.mark.slow
@SETTINGS
@given(text=st.text(max_size=200) | st.binary(max_size=200))
@example(text="")
@example(text="[" * 100_000)
@example(text='{"jsonrpc":"2.0","id":1,"method":"system_name"')
@example(text='{"jsonrpc":"2.0","id":' + "9" * 5000 + ',"method":"system_name"}')
@example(text="\x00" * 100)
@example(text='"\\ud800"')
@example(text=b"\xff\xfe")
def test_no_frame_breaks_the_connection(wire: Wire, text: str | bytes):
    wire.socket.send(text)
    answer = json.loads(wire.socket.recv(20))
    assert answer["error"]["code"] in (-32700, -32600)
    assert wire.call("system_chain") == "DecentralML Development"


@pytest.mark.slow
@SETTINGS
@given(
    requests=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "jsonrpc": st.sampled_from(["2.0", "1.0", 2]),
                "id": plain,
                "method": st.sampled_from(["system_name", "nothing", "chain_getHeader", 7, None]),
                "params": anything(plain),
            },
        )
        | plain,
        min_size=1,
        max_size=5,
    )
)
def test_every_request_of_a_batch_has_one_answer_or_is_a_notification(
    wire: Wire, requests: list[Any]
):
    wire.socket.send(json.dumps(requests))
    wire.socket.send('{"jsonrpc":"2.0","id":"end","method":"system_health"}')
    silent = all(
        isinstance(one, dict)
        and one.get("jsonrpc") == "2.0"
        and isinstance(one.get("method"), str)
        and "id" not in one
        for one in requests
    )
    answers = [] if silent else json.loads(wire.socket.recv(20))
    assert json.loads(wire.socket.recv(20))["id"] == "end"
    assert len(answers) <= len(requests)
    assert all(is_answer(answer) for answer in answers)
