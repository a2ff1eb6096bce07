"""A node: what it must be to be worked with, and what becomes of a lost or a lying one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from decentralml.chain.keys import KeyStore, open_signer, well_known
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.token import Token
from decentralml.errors import (
    InvalidKeyName,
    MalformedChainData,
    NodeUnreachable,
    RequestRefused,
    StateDiscarded,
    WellKnownKeyRefused,
    WrongRuntime,
)
from pallets_mock.genesis import from_preset
from pallets_mock.runtime import compressed_blob
from pallets_mock.testing import DevChain
from tests.chains import uri_of

Change = Callable[[Any], Any]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- what the chain is


@pytest.mark.development_only("is about what a development chain says")
def test_a_development_chain_says_what_it_is(dev_chain: DevChain) -> None:
    with Node(dev_chain.url, timeout=60) as node:
        assert node.is_development()
        assert node.wait == "inclusion"
        assert node.genesis == dev_chain.genesis_hash
        assert node.token() == Token("DML", 12)
        assert node.runtime().version.spec_name == "decentralml"
        assert node.runtime().constant("Balances", "ExistentialDeposit") > 0
        assert node.runtime().constant("Balances", "NoSuchConstant") is None


@pytest.mark.parametrize(
    ("kind", "wait", "counts_when"),
    [
        ("Live", "auto", "finality"),
        ("Local", "auto", "finality"),
        ({"Custom": "x"}, "auto", "finality"),
        ("Development", "auto", "inclusion"),
        ("Live", "inclusion", "inclusion"),
        ("Development", "finality", "finality"),
    ],
)
def test_a_call_counts_when_the_setting_says_so(
    proxy: Any, kind: Any, wait: Any, counts_when: str
) -> None:
    proxy.tamper["system_chainType"] = lambda _: kind
    with Node(proxy.url, timeout=20, wait=wait) as node:
        assert node.wait == counts_when


@pytest.mark.parametrize(
    ("method", "change", "why"),
    [
        ("state_getRuntimeVersion", lambda v: {**v, "specName": "polkadot"}, "it runs 'polkadot'"),
        ("state_getRuntimeVersion", lambda v: {**v, "specName": "\x1b[2J"}, "it runs '"),
        (
            "state_getRuntimeVersion",
            lambda v: {**v, "apis": v["apis"][:3], "specVersion": 98},
            "decentralml-98 has no DecentralMLApi",
        ),
    ],
)
def test_a_runtime_that_does_not_fit_is_named(
    proxy: Any, method: str, change: Change, why: str
) -> None:
    proxy.tamper[method] = change
    with Node(proxy.url, timeout=60) as node, pytest.raises(WrongRuntime, match=why):
        node.runtime()


def test_a_pallet_that_lacks_a_call_is_named(proxy: Any) -> None:
    calls = b"prune_task".hex(), b"prune_tusk".hex()
    proxy.tamper["state_getMetadata"] = lambda metadata: metadata.replace(*calls)
    with (
        Node(proxy.url, timeout=60) as node,
        pytest.raises(WrongRuntime, match="lacks the calls prune_task"),
    ):
        node.runtime()


@pytest.mark.parametrize("metadata", [None, 7, "", "0x", "0x6d657461", "0x6d6574610e04ff"])
def test_what_is_no_metadata_is_refused(proxy: Any, metadata: Any) -> None:
    proxy.tamper["state_getMetadata"] = lambda _: metadata
    with Node(proxy.url, timeout=60) as node, pytest.raises(MalformedChainData):
        node.runtime()


def test_what_the_metadata_does_not_have_is_said_by_name(dev_chain: DevChain) -> None:
    with Node(dev_chain.url, timeout=60) as node:
        runtime = node.runtime()
        assert runtime.errors_of("NoSuchPallet") == runtime.calls_of("NoSuchPallet") == frozenset()
        with pytest.raises(MalformedChainData, match=r"NoSuchPallet\.Item"):
            runtime.storage_type("NoSuchPallet", "Item")
        with pytest.raises(MalformedChainData, match=r"DecentralML\.NoSuchItem"):
            runtime.storage_type("DecentralML", "NoSuchItem")
        with pytest.raises(MalformedChainData, match="pallet_decentralml::NoSuchType"):
            runtime.type_named("pallet_decentralml", "NoSuchType")
        for pallet, error in ((250, 0), (10, 250)):
            with pytest.raises(MalformedChainData, match="dispatch error"):
                runtime.error_name(pallet, error)


def test_a_node_without_version_news_is_asked_for_its_version(proxy: Any) -> None:
    proxy.refuse["state_subscribeRuntimeVersion"] = {"code": -32601, "message": "no such method"}
    with Node(proxy.url, timeout=60) as node:
        first = node.runtime()
        before = proxy.asked.count("state_getRuntimeVersion")
        assert node.runtime() is first
        assert proxy.asked.count("state_getRuntimeVersion") == before + 1


@pytest.mark.parametrize("block", [7, {}, {"block": None}, {"block": {"header": {}}}])
def test_what_is_no_block_is_refused(proxy: Any, block: Any) -> None:
    proxy.tamper["chain_getBlock"] = lambda _: block
    with Node(proxy.url, timeout=60) as node, pytest.raises(MalformedChainData):
        node.block(node.genesis)


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("state_getRuntimeVersion", lambda _: None),
        ("state_getRuntimeVersion", lambda _: {"specName": "decentralml"}),
        ("state_getRuntimeVersion", lambda v: {**v, "apis": 7}),
        ("system_properties", lambda _: {"tokenDecimals": 2**40}),
        ("system_properties", lambda _: {"tokenDecimals": -1}),
        ("system_properties", lambda _: {"tokenSymbol": "\x1b]0;"}),
        ("system_properties", lambda _: {"tokenSymbol": {}}),
        ("chain_getHeader", lambda _: None),
        ("chain_getHeader", lambda _: {"number": "many"}),
        ("state_getStorage", lambda _: "0x00"),
        ("state_getStorage", lambda _: "0x" + "ff" * 1000),
    ],
)
def test_answers_of_another_shape_are_errors_and_no_guesses(
    proxy: Any, method: str, change: Change
) -> None:
    with Node(proxy.url, timeout=60) as node:
        proxy.tamper[method] = change
        market = Market(node, well_known(uri_of("Alice"), node))
        with pytest.raises(MalformedChainData):
            for read in (market.token, market.head, market.balance):
                read()


def test_a_page_that_claims_a_thousand_million_tasks_is_refused_at_once(proxy: Any) -> None:
    with Node(proxy.url, timeout=60) as node:
        proxy.tamper["state_call"] = lambda _: "0x" + "02093d00"  # a vector's length, nothing more
        began = time.monotonic()
        with pytest.raises(MalformedChainData):
            Market(node).open_tasks()
        assert time.monotonic() - began < 5


def test_a_list_property_gives_its_first_token(proxy: Any) -> None:
    proxy.tamper["system_properties"] = lambda _: {"tokenSymbol": ["AB"], "tokenDecimals": [3]}
    with Node(proxy.url, timeout=60) as node:
        assert node.token() == Token("AB", 3)


def test_an_upgrade_is_noticed_by_the_next_read(proxy: Any) -> None:
    with Node(proxy.url, timeout=60) as node:
        assert node.runtime().version.spec_version != 77
        proxy.tamper["state_getRuntimeVersion"] = lambda v: {**v, "specVersion": 77}
        proxy.tamper["state_runtimeVersion"] = lambda v: {**v, "specVersion": 77}
        node.connected().close()  # the new subscription begins with the version as it is now
        assert node.runtime().version.spec_version == 77
        asked = proxy.asked.count("state_getMetadata")
        assert node.runtime().version.spec_version == 77
        assert proxy.asked.count("state_getMetadata") == asked


def test_the_metadata_is_asked_for_once_and_reads_cost_one_request(proxy: Any) -> None:
    with Node(proxy.url, timeout=60) as node:
        market = Market(node, well_known(uri_of("Alice"), node))
        market.balance()
        before = len(proxy.asked)
        market.balance()
        assert proxy.asked[before:] == ["state_getStorage"]
        assert proxy.asked.count("state_getMetadata") == 1


# -- lost nodes


def test_nobody_there_is_an_error_that_says_how_to_start_a_chain() -> None:
    with pytest.raises(NodeUnreachable, match="decentralml chain dev"):
        Node(f"ws://127.0.0.1:{free_port()}", timeout=5)


@pytest.mark.development_only("cuts connections at a chosen request")
def test_a_read_survives_lost_connections(dev_chain: DevChain) -> None:
    with Node(dev_chain.url, timeout=60) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        alice.balance()
        dev_chain.call("dev_dropConnections", "state_getStorage", "after", 5)
        assert alice.balance().free > 0


def test_a_node_that_stays_away_is_given_up_after_the_time_limit(
    start_chain: Callable[..., DevChain],
) -> None:
    chain = start_chain()
    with Node(chain.url, timeout=1.0) as node:
        chain.stop()
        began = time.monotonic()
        with pytest.raises(NodeUnreachable):
            node.best()
        assert time.monotonic() - began < 5


def test_another_chain_at_the_address_is_not_taken_for_the_same(
    start_chain: Callable[..., DevChain],
) -> None:
    chain = start_chain()
    port = int(chain.url.rsplit(":", 1)[1])
    with Node(chain.url, timeout=10) as node:
        chain.stop()
        start_chain(port=port, genesis=from_preset(compressed_blob(), "local_testnet"))
        with pytest.raises(WrongRuntime, match="genesis"):
            node.best()


def test_many_threads_read_through_one_node(dev_chain: DevChain) -> None:
    with Node(dev_chain.url, timeout=60) as node, ThreadPoolExecutor(8) as pool:
        alice = Market(node, well_known(uri_of("Alice"), node))
        found = list(pool.map(lambda _: alice.balance().free, range(40)))
    assert len(set(found)) == 1


def test_threads_that_lose_their_connection_together_share_the_new_one(
    dev_chain: DevChain,
) -> None:
    with Node(dev_chain.url, timeout=60) as node, ThreadPoolExecutor(8) as pool:
        node.runtime()
        gate = threading.Barrier(8, timeout=10)

        def read(_: int) -> str | None:
            gate.wait()
            return node.block_hash(0)

        node.connected().close()
        assert set(pool.map(read, range(8))) == {node.genesis}


def test_an_error_of_the_node_keeps_its_code(dev_chain: DevChain) -> None:
    with Node(dev_chain.url, timeout=60) as node:
        with pytest.raises(RequestRefused) as refusal:
            node.request("no_such_method")
        assert refusal.value.code == -32601


def test_a_state_that_the_node_threw_away_is_an_error_of_its_own(proxy: Any) -> None:
    words = "Client error: UnknownBlock: State already discarded for 0xab"
    proxy.refuse["state_getStorage"] = {"code": 4003, "message": words}
    with Node(proxy.url, timeout=60) as node, pytest.raises(StateDiscarded, match="archive"):
        node.storage("System", "Number", at="0x" + "ab" * 32)


def test_an_unknown_block_is_not_taken_for_a_discarded_one(dev_chain: DevChain) -> None:
    with Node(dev_chain.url, timeout=60) as node, pytest.raises(RequestRefused) as refusal:
        node.storage("System", "Number", at="0x" + "ab" * 32)
    assert refusal.value.code == 4003


# -- well-known keys


def test_a_key_that_everybody_knows_is_refused_where_money_is_real(
    proxy: Any, dev_chain: DevChain, tmp_path: Any
) -> None:
    proxy.tamper["system_chainType"] = lambda _: "Live"
    with Node(proxy.url, timeout=60) as node, pytest.raises(WellKnownKeyRefused, match="//Alice"):
        open_signer("//Alice", KeyStore(tmp_path), node)
    with Node(dev_chain.url, timeout=60) as node:
        signer = open_signer("//Alice", KeyStore(tmp_path), node)
        assert signer.ss58_address == "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


@pytest.mark.parametrize("uri", ["/Alice", "//", "//Alice///password", "//Al ice", "//é"])
def test_what_is_no_path_of_a_well_known_key_is_refused(dev_chain: DevChain, uri: str) -> None:
    with Node(dev_chain.url, timeout=60) as node, pytest.raises(InvalidKeyName):
        well_known(uri, node)


def test_a_named_key_opens_with_the_password_of_whoever_is_asked(
    dev_chain: DevChain, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DECENTRALML_PASSWORD", raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    store = KeyStore(tmp_path)
    made, _ = store.create("mine", "secret")
    with Node(dev_chain.url, timeout=60) as node:
        opened = open_signer("mine", store, node, lambda question: "secret")
    assert opened.public_key == made.public_key
