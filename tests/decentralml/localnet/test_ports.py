"""Ports of a local network."""

from __future__ import annotations

import socket

from decentralml.localnet.ports import free_ports, is_free, pairs


def test_free_ports_are_different_and_free() -> None:
    found = free_ports(20)
    assert len(set(found)) == 20
    assert all(is_free(port) for port in found)


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_clients_get_the_base_port_and_the_next_ones_peers_those_after_them() -> None:
    assert list(pairs(9944, 3)) == [(9944, 9947), (9945, 9948), (9946, 9949)]


def test_without_a_base_port_no_port_is_given_twice() -> None:
    found = [port for pair in pairs(None, 6) for port in pair]
    assert len(set(found)) == 12
