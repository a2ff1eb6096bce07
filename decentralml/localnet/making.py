"""A network's folder: keys, chain spec and ports, made once and found again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from decentralml.localnet import keys, ports, spec
from decentralml.localnet.errors import BadNetwork, PortTaken
from decentralml.localnet.validator import Place

MOST_VALIDATORS = 32
FILE = "network.json"
VERSION = 1


def make_places(  # noqa: PLR0913 - as `LocalNetwork.make`
    folder: Path,
    binary: Path,
    validators: int,
    base_port: int | None,
    host: Callable[[int], str],
    *,
    template: dict[str, Any] | None = None,
) -> list[Place]:
    """Make a network in `folder`, which is empty or not there yet; see `LocalNetwork.make`."""
    if not 1 <= validators <= MOST_VALIDATORS:
        raise BadNetwork(
            f"{validators} validators cannot be: from 1 to {MOST_VALIDATORS} can. "
            "Four are the fewest that go on when one fails."
        )
    _check_base_port(base_port, validators)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BadNetwork(f"{folder} is not empty. Name another --path, or remove it.")
    found = list(ports.pairs(base_port, validators))
    for index, pair in enumerate(found):
        check_free(keys.name_of(index), host(index), *pair)
    places = [
        _make_place(folder.resolve(), binary, index, pair, host(index))
        for index, pair in enumerate(found)
    ]
    _make_spec(folder.resolve(), binary, places, template)
    _remember(folder, places)
    return places


def find_places(folder: Path, base_port: int | None) -> list[Place]:
    """The places of a network that was made before; see `LocalNetwork.resume`."""
    places = _remembered(folder)
    if base_port is None:
        return places
    _check_base_port(base_port, len(places))
    found = ports.pairs(base_port, len(places))
    places = [
        replace(place, rpc_port=rpc, p2p_port=p2p)
        for place, (rpc, p2p) in zip(places, found, strict=True)
    ]
    _remember(folder, places)
    return places


def check_free(name: str, host: str, *wanted: int) -> None:
    """Raise PortTaken when somebody on this machine's own address listens at one of them."""
    for port in wanted:
        if host == ports.LOOPBACK and not ports.is_free(port):
            raise PortTaken(port, name)


def spec_in(folder: Path) -> Path:
    """The raw chain spec that every node of the folder starts from."""
    return folder / "spec.json"


def _check_base_port(base_port: int | None, validators: int) -> None:
    if base_port is not None and not 1 <= base_port <= ports.HIGHEST + 1 - 2 * validators:
        raise BadNetwork(
            f"There are no {2 * validators} ports from {base_port} on. Name another --base-port."
        )


def _make_place(folder: Path, binary: Path, index: int, found: tuple[int, int], host: str) -> Place:
    name = keys.name_of(index)
    home = folder / name.lower()
    home.mkdir(mode=0o700)
    place = Place(name, home, found[0], found[1], "", host)
    keys.make_session_secret(binary, index, place.secret)
    return replace(place, peer_id=keys.make_node_key(binary, place.node_key))


def _make_spec(
    folder: Path, binary: Path, places: Sequence[Place], template: dict[str, Any] | None
) -> None:
    session = [keys.session_keys(binary, place.secret) for place in places]
    readable = folder / "spec-readable.json"
    readable.write_text(json.dumps(spec.readable_spec(session, template), indent=2))
    spec.write_raw_spec(binary, readable, spec_in(folder))
    for place in places:
        keys.insert_session_keys(binary, spec_in(folder), place.secret, place.keystore)


def _remember(folder: Path, places: Sequence[Place]) -> None:
    known = [
        {"name": p.name, "rpc": p.rpc_port, "p2p": p.p2p_port, "peer": p.peer_id, "host": p.host}
        for p in places
    ]
    partial = folder / f"{FILE}.partial"
    partial.write_text(json.dumps({"version": VERSION, "validators": known}, indent=2))
    partial.replace(folder / FILE)


def _remembered(folder: Path) -> list[Place]:
    try:
        said: dict[str, Any] = json.loads((folder / FILE).read_text())
        if said["version"] != VERSION:
            raise ValueError(f"version {said['version']}")
        return [_place_of(folder, one) for one in said["validators"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"{folder} holds no local network ({error}). Name another --path."
        raise BadNetwork(why) from error


def _place_of(folder: Path, said: dict[str, Any]) -> Place:
    name = str(said["name"])
    ours = int(said["rpc"]), int(said["p2p"])
    return Place(name, folder / name.lower(), *ours, str(said["peer"]), str(said["host"]))
