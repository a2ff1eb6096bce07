"""How a client finds the market, and what it refuses to do there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from decentralml.compat.flower.bundle import Asks, JobNote
from decentralml.compat.flower.client import NumPyClient, start_client
from decentralml.compat.flower.common import Context
from decentralml.compat.flower.errors import ClientMisbehaved, NotAFlowerJob, NotSupported
from decentralml.compat.flower.rooms import Address
from decentralml.errors import ConfigError, InvalidAddress
from pallets_mock.testing import DevChain

ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


class Client(NumPyClient):
    def fit(self, parameters: Any, config: Any) -> Any:
        return parameters, 1, {}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("DECENTRALML_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("DECENTRALML_STORE", str(tmp_path / "store"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ws://127.0.0.1:9944", Address("ws://127.0.0.1:9944")),
        (f"wss://node.example/rpc#{ALICE}", Address("wss://node.example/rpc", ALICE)),
        (f"#{ALICE}", Address(None, ALICE)),
        (None, Address()),
    ],
)
def test_an_address_names_the_node_and_whose_jobs_count(text: str, address: Address) -> None:
    assert Address.parse(text) == address


@pytest.mark.parametrize("text", ["[::]:8080", "localhost:8080", "http://127.0.0.1:9944"])
def test_an_address_of_a_flower_server_is_refused(text: str) -> None:
    with pytest.raises(NotSupported, match="ws://"):
        Address.parse(text)


def test_a_mistyped_account_is_refused() -> None:
    with pytest.raises(InvalidAddress):
        Address.parse(f"ws://127.0.0.1:9944#{ALICE[:-1]}x")


@pytest.mark.parametrize(
    "option",
    [
        {"root_certificates": b""},
        {"transport": "grpc-rere"},
        {"insecure": True},
        {"max_retries": 3},
    ],
)
def test_options_of_grpc_are_refused_by_name(option: dict[str, Any]) -> None:
    with pytest.raises(NotSupported, match=f"the option {next(iter(option))}"):
        start_client(server_address="ws://127.0.0.1:1", client=Client(), **option)


def test_a_key_must_be_named(settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DECENTRALML_KEY", raising=False)
    with DevChain() as chain, pytest.raises(ConfigError, match="DECENTRALML_KEY"):
        start_client(server_address=chain.url, client=Client())


def test_a_client_is_made_from_a_context_or_from_a_text(
    settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECENTRALML_KEY", "//Bob")
    given: list[object] = []

    def from_context(context: Context) -> Client:
        given.append(context)
        return Client()

    def from_text(cid: str) -> Client:
        given.append(cid)
        return Client()

    with DevChain() as chain:
        for make in (from_context, from_text):
            start_client(server_address=chain.url, client_fn=make, stop=lambda: True)

    context, text = given
    assert isinstance(context, Context)
    assert 0 < context.node_id < 2**63
    assert text == "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"


@pytest.mark.parametrize("arguments", [{}, {"client": Client(), "client_fn": Client}])
def test_one_client_is_needed(
    settings: None, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any]
) -> None:
    monkeypatch.setenv("DECENTRALML_KEY", "//Bob")
    with DevChain() as chain, pytest.raises(NotSupported, match="twice or not at all"):
        start_client(server_address=chain.url, **arguments)


@pytest.mark.parametrize("client", [NumPyClient(), object()])
def test_a_client_without_fit_is_refused(
    settings: None, monkeypatch: pytest.MonkeyPatch, client: object
) -> None:
    monkeypatch.setenv("DECENTRALML_KEY", "//Bob")
    with DevChain() as chain, pytest.raises(ClientMisbehaved, match="fit is missing"):
        start_client(server_address=chain.url, client=client)


@pytest.mark.parametrize("asks", Asks)
def test_a_bundle_says_what_is_asked(tmp_path: Path, asks: Asks) -> None:
    note = JobNote(asks, "job")

    assert JobNote.read(note.write(tmp_path / "bundle")) == note


@pytest.mark.parametrize(
    "note",
    [
        b"", b"[]", b"{}", b"[" * 4000, b'{"flower": 1, "asks": "keys", "job": "j"}',
        b'{"flower": 2, "asks": "fit", "job": "j"}', b'{"flower": 1, "asks": "fit", "job": 1}',
        json.dumps({"flower": 1, "asks": "fit", "job": "j" * 5000}).encode(),
    ],
)  # fmt: skip
def test_a_strangers_note_is_read_as_hostile(tmp_path: Path, note: bytes) -> None:
    (tmp_path / "flower.json").write_bytes(note)

    with pytest.raises(NotAFlowerJob):
        JobNote.read(tmp_path)


def test_another_task_is_no_flower_job(tmp_path: Path) -> None:
    with pytest.raises(NotAFlowerJob, match=r"no flower\.json"):
        JobNote.read(tmp_path)
