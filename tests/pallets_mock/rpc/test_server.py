"""The wire: what arrives broken, too large or too often is refused, and the chain goes on."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as websocket

from pallets_mock.rpc.limits import RpcLimits
from pallets_mock.testing import DevChain
from tests.pallets_mock.wire import Refused, Wire

JSON = {"content-type": "application/json"}
NAME = b'{"jsonrpc":"2.0","id":1,"method":"system_name"}'


def post(
    chain: DevChain, body: bytes, headers: dict[str, str] = JSON, method: str = "POST"
) -> tuple[int, bytes]:
    address = urlsplit(chain.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    connection.request(method, "/", body, headers)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def lives(chain: DevChain) -> bool:
    with Wire(chain.url) as wire:
        wire.call("dev_newBlock")
        return wire.call("system_health")["isSyncing"] is False


# WebSocket


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("", -32700),
        ("{", -32700),
        ("[1,", -32700),
        (b"\xff\xfe\x00", -32700),
        ("[" * 50_000, -32700),
        ("[]", -32600),
        ("7", -32600),
        ('{"id":1}', -32600),
        ('{"jsonrpc":"1.0","id":1,"method":"system_name"}', -32600),
        ('{"jsonrpc":"2.0","id":{},"method":"system_name"}', -32600),
        ('{"jsonrpc":"2.0","id":1.5,"method":"system_name"}', -32600),
        ('{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        ('{"jsonrpc":"2.0","id":1,"method":"no_such"}', -32601),
        ('{"jsonrpc":"2.0","id":1,"method":"state_getStorage","params":7}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"state_getStorage"}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"state_getStorage","params":["zz"]}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"chain_getHeader","params":["0x12"]}', -32602),
    ],
)
def test_a_bad_frame_gets_its_code_and_the_connection_stays(
    wire: Wire, frame: str | bytes, code: int
):
    wire.socket.send(frame)
    assert json.loads(wire.socket.recv(20))["error"]["code"] == code
    assert wire.call("system_properties")["tokenSymbol"] == "DML"


def test_parameters_may_be_named(wire: Wire):
    genesis = wire.call("chain_getBlockHash", 0)
    answer = wire.raw({"method": "chain_getHeader", "params": {"hash": genesis}})
    assert answer["result"]["number"] == "0x0"


def test_parameters_beyond_the_last_are_ignored_as_by_a_node(wire: Wire):
    assert wire.call("system_name", 1, 2, 3)


def test_a_notification_is_not_answered(wire: Wire):
    wire.socket.send('{"jsonrpc":"2.0","method":"system_name"}')
    assert wire.raw({"method": "system_chain"})["id"] == 1


def test_a_batch_is_answered_in_one_message_in_its_order(wire: Wire):
    requests = [
        {"jsonrpc": "2.0", "id": "a", "method": "system_chain"},
        {"jsonrpc": "2.0", "method": "system_chain"},
        {"jsonrpc": "2.0", "id": "b", "method": "no_such"},
        8,
    ]
    wire.socket.send(json.dumps(requests))
    answers = json.loads(wire.socket.recv(20))
    assert [answer["id"] for answer in answers] == ["a", "b", None]
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, -32601, -32600]


def test_a_subscription_in_a_batch_is_told_after_the_batch(wire: Wire, dev_chain: DevChain):
    wire.socket.send('[{"jsonrpc":"2.0","id":1,"method":"chain_subscribeNewHeads"}]')
    answer = json.loads(wire.socket.recv(20))
    assert wire.next(answer[0]["result"])["number"] == "0x0"


def test_a_message_of_a_hundred_megabytes_ends_only_its_connection(dev_chain: DevChain):
    with (
        websocket(dev_chain.url, compression=None) as large,
        pytest.raises(ConnectionClosed) as closed,
    ):
        large.send(b" " * 100_000_000)
        large.recv(20)
    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    assert lives(dev_chain)


def test_the_largest_message_is_taken_and_one_byte_more_is_not(
    start_chain: Callable[..., DevChain],
):
    chain = start_chain(rpc_limits=RpcLimits(request_bytes=1000))
    with websocket(chain.url) as client:
        client.send(NAME.decode().ljust(1000))
        assert "result" in json.loads(client.recv(20))
        with pytest.raises(ConnectionClosed) as closed:
            client.send(NAME.decode().ljust(1001))
            client.recv(20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_an_answer_that_is_too_large_is_an_error_instead(start_chain: Callable[..., DevChain]):
    chain = start_chain(rpc_limits=RpcLimits(response_bytes=10_000))
    with Wire(chain.url) as wire:
        with pytest.raises(Refused) as refused:
            wire.call("state_getMetadata")
        assert (refused.value.code, refused.value.message) == (-32008, "Response is too big")
        assert wire.call("system_chain")


def test_a_batch_of_too_many_requests_is_refused_whole(start_chain: Callable[..., DevChain]):
    chain = start_chain(rpc_limits=RpcLimits(batch=2))
    request = {"jsonrpc": "2.0", "id": 1, "method": "system_chain"}
    assert len(json.loads(post(chain, json.dumps([request] * 2).encode())[1])) == 2
    refused = json.loads(post(chain, json.dumps([request] * 3).encode())[1])
    assert refused["error"]["code"] == -32010


def test_subscriptions_are_counted_and_given_back(start_chain: Callable[..., DevChain]):
    chain = start_chain(rpc_limits=RpcLimits(subscriptions=2))
    with Wire(chain.url) as wire:
        first = wire.call("chain_subscribeNewHeads")
        wire.call("chain_subscribeNewHeads")
        with pytest.raises(Refused) as refused:
            wire.call("chain_subscribeNewHeads")
        assert refused.value.code == -32006
        assert wire.call("chain_unsubscribeNewHeads", first) is True
        assert wire.call("chain_unsubscribeNewHeads", first) is False
        wire.call("chain_subscribeNewHeads")


def test_connections_are_counted_and_given_back(start_chain: Callable[..., DevChain]):
    chain = start_chain(rpc_limits=RpcLimits(connections=1))
    with Wire(chain.url):
        with pytest.raises(InvalidStatus) as refused, websocket(chain.url):
            pass
        assert refused.value.response.status_code == 429
    assert lives(chain)


def test_who_does_not_read_is_dropped_and_the_others_are_served(
    start_chain: Callable[..., DevChain],
):
    chain = start_chain(rpc_limits=RpcLimits(queued_bytes=3_000_000))
    answers = 0
    with websocket(chain.url, compression=None, max_queue=1) as lazy:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(100):  # some 400 kB each: more than the sockets' buffers hold
                lazy.send('{"jsonrpc":"2.0","id":1,"method":"state_getMetadata"}')
        assert lives(chain)
        with pytest.raises(ConnectionClosed):
            while True:
                lazy.recv(20)
                answers += 1
    assert answers < 100
    assert lives(chain)


def test_pages_of_other_sites_may_not_ask(dev_chain: DevChain):
    with (
        pytest.raises(InvalidStatus) as refused,
        websocket(dev_chain.url, origin="http://evil.com"),
    ):
        pass
    assert refused.value.response.status_code == 403
    assert post(dev_chain, NAME, {**JSON, "origin": "http://evil.com"})[0] == 403
    with websocket(dev_chain.url, origin="http://localhost:3000") as page:
        page.send(NAME)
        assert "result" in json.loads(page.recv(20))


# HTTP


def test_http_answers_what_websocket_answers(dev_chain: DevChain):
    status, body = post(dev_chain, NAME)
    assert status == 200
    assert json.loads(body)["result"] == dev_chain.call("system_name")


def test_http_has_no_subscriptions(dev_chain: DevChain):
    request = b'{"jsonrpc":"2.0","id":1,"method":"chain_subscribeNewHeads"}'
    assert json.loads(post(dev_chain, request)[1])["error"]["code"] == -32601


def test_one_http_connection_carries_many_requests(dev_chain: DevChain):
    address = urlsplit(dev_chain.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    for _ in range(3):
        connection.request("POST", "/", NAME, JSON)
        assert "result" in json.loads(connection.getresponse().read())
    connection.close()


@pytest.mark.parametrize(
    ("body", "headers", "method", "status"),
    [
        (b"{", JSON, "POST", 200),
        (NAME, {"content-type": "text/plain"}, "POST", 415),
        (NAME, {}, "POST", 415),
        (b"", JSON, "PUT", 405),
        (b"", {}, "GET", 405),
        (b"", {}, "OPTIONS", 204),
        (b"", {**JSON, "content-length": str(10**12)}, "POST", 413),
        (b"", {**JSON, "content-length": "many"}, "POST", 400),
    ],
)
def test_http_refuses_by_status(
    dev_chain: DevChain, body: bytes, headers: dict[str, str], method: str, status: int
):
    assert post(dev_chain, body, headers, method)[0] == status
    assert lives(dev_chain)


def test_an_http_connection_can_be_cut_as_asked_for(dev_chain: DevChain):
    dev_chain.drop_connections("system_name")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        post(dev_chain, NAME)
    assert post(dev_chain, NAME)[0] == 200


def test_requests_that_arrive_together_are_answered_one_by_one(dev_chain: DevChain):
    address = urlsplit(dev_chain.url)
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    request = head + b"content-length: %d\r\n\r\n" % len(NAME) + NAME
    last = request.replace(b"host: x", b"host: x\r\nconnection: close")
    with socket.create_connection((address.hostname, address.port), timeout=20) as together:
        together.sendall(request * 3 + last)
        together.shutdown(socket.SHUT_WR)
        answers = b""
        while piece := together.recv(65536):
            answers += piece
    assert answers.count(b"HTTP/1.1 200") == 4


def test_a_body_that_is_too_long_without_saying_so_is_refused(
    start_chain: Callable[..., DevChain],
):
    chain = start_chain(rpc_limits=RpcLimits(request_bytes=1000))
    address = urlsplit(chain.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    connection.request("POST", "/", iter([b" " * 600] * 2), JSON, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_page_of_this_machine_is_told_that_it_may_read(dev_chain: DevChain):
    address = urlsplit(dev_chain.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    connection.request("POST", "/", NAME, {**JSON, "origin": "http://localhost:5173"})
    response = connection.getresponse()
    assert response.getheader("access-control-allow-origin") == "http://localhost:5173"
    response.read()
    connection.close()


def test_a_batch_whose_answers_are_too_large_is_an_error(start_chain: Callable[..., DevChain]):
    chain = start_chain(rpc_limits=RpcLimits(response_bytes=1000))
    request = {"jsonrpc": "2.0", "id": 1, "method": "chain_getHeader"}
    refused = json.loads(post(chain, json.dumps([request] * 9).encode())[1])
    assert refused["error"]["code"] == -32011


def test_health_is_a_page(dev_chain: DevChain):
    address = urlsplit(dev_chain.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    connection.request("GET", "/health")
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["isSyncing"]) == (200, False)
    connection.close()


@pytest.mark.parametrize(
    "start", [b"\x16\x03\x01\x02\x00", b"SSH-2.0-x\r\n\r\n", b"GET / HTTP/9\r\n\r\n"]
)
def test_another_protocol_is_cut_off(dev_chain: DevChain, start: bytes):
    address = urlsplit(dev_chain.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as stranger:
        stranger.sendall(start + b"\r\n" * 3)
        while stranger.recv(4096):
            pass
    assert lives(dev_chain)


def test_a_client_that_leaves_in_the_middle_of_a_request_is_no_trouble(dev_chain: DevChain):
    address = urlsplit(dev_chain.url)
    for start in (b"G", b"POST / HTTP/1.1\r\ncontent-le", NAME):
        socket.create_connection((address.hostname, address.port)).sendall(start)
    assert lives(dev_chain)
