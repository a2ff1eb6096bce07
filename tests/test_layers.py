"""Data flows one way: which room may import which, and which library lives where."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

COMMON = {"decentralml.types", "decentralml.errors", "pallets_mock.errors"}

# room → rooms it may import, besides itself and the common words.
ALLOWED = {
    "decentralml.types": set(),
    "decentralml.errors": set(),
    "decentralml.config": set(),
    "decentralml.chain": set(),
    "decentralml.assets": set(),
    "decentralml.learning": set(),
    "decentralml.runner": set(),
    "decentralml.roles": {
        "decentralml.chain", "decentralml.assets", "decentralml.learning", "decentralml.runner",
    },
    "decentralml.simulation": {"decentralml.learning"},
    "decentralml.localnet": set(),
    "decentralml.compat": {
        "decentralml.config", "decentralml.roles", "decentralml.chain", "decentralml.assets",
        "decentralml.learning",
    },
    "decentralml.cli": {
        "decentralml.config", "decentralml.roles", "decentralml.chain", "decentralml.assets",
        "decentralml.learning", "decentralml.runner", "decentralml.simulation",
        "decentralml.compat", "decentralml.localnet",
    },
    "pallets_mock.errors": set(),
    "pallets_mock.state": set(),
    "pallets_mock.host": {"pallets_mock.state"},
    "pallets_mock.executor": {"pallets_mock.host", "pallets_mock.state", "pallets_mock.runtime"},
    "pallets_mock.block": {"pallets_mock.state", "pallets_mock.executor", "pallets_mock.host"},
    "pallets_mock.genesis": {
        "pallets_mock.block", "pallets_mock.executor", "pallets_mock.state",
        "pallets_mock.runtime",
    },
    "pallets_mock.pool": {"pallets_mock.block", "pallets_mock.executor", "pallets_mock.state"},
    "pallets_mock.store": {"pallets_mock.block", "pallets_mock.state"},
    "pallets_mock.runtime": set(),
    "pallets_mock.clock": set(),
    "pallets_mock.node": {
        "pallets_mock.block", "pallets_mock.pool", "pallets_mock.store", "pallets_mock.genesis",
        "pallets_mock.executor", "pallets_mock.state", "pallets_mock.clock",
        "pallets_mock.runtime",
    },
    "pallets_mock.rpc": {
        "pallets_mock.node", "pallets_mock.pool", "pallets_mock.block", "pallets_mock.state",
        "pallets_mock.executor", "pallets_mock.store", "pallets_mock.genesis", "pallets_mock.host",
        "pallets_mock.clock",
    },
}  # fmt: skip
# These wire all rooms together.
ROOTS = {"pallets_mock.__main__", "pallets_mock.testing", "pallets_mock.fixtures"}

# third-party library → the only places that may import it.
LIBRARY_ROOMS = {
    "wasmtime": ("pallets_mock.executor",),
    "sqlite3": ("pallets_mock.store", "decentralml.roles.journal"),
    "websockets": ("pallets_mock.rpc", "decentralml.chain.connection"),
    "h11": ("pallets_mock.rpc",),
    "substrateinterface": ("decentralml.chain.runtime", "decentralml.chain.keys"),
    "keras": ("decentralml.learning.frameworks.keras",),
    "tensorflow": ("decentralml.learning.frameworks.keras",),
    "cryptography": ("decentralml.learning.secagg",),
    "pyrage": ("decentralml.assets.sealing",),
    "bech32": ("decentralml.assets.sealing.keys",),
    "dp_accounting": ("decentralml.learning.privacy",),
    "torch": ("decentralml.learning.frameworks.pytorch",),
    "pydantic_settings": ("decentralml.config",),
    "ray": ("decentralml.simulation.ray_pool",),
    "fsspec": ("decentralml.assets.cloud.bucket",),
    "requests": (
        "decentralml.compat.xain.client",
        "decentralml.assets.bounded",
        "decentralml.assets.requesting",
        "decentralml.assets.ipfs",
    ),
    "ipfshttpclient": ("decentralml.assets.ipfs.api",),
    "urllib3": ("decentralml.assets.bounded", "decentralml.assets.ipfs.api"),
    "starlette": ("decentralml.compat.coordinator.http",),
    "uvicorn": ("decentralml.compat.coordinator.servers",),
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, at any depth, relative ones resolved."""
    here = module_name(path).split(".")
    package = here if path.name == "__init__.py" else here[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.add(module)
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def room_of(module: str) -> str | None:
    return next((room for room in ALLOWED if within(module, room)), None)


FILES = sorted([*ROOT.glob("decentralml/**/*.py"), *ROOT.glob("pallets_mock/**/*.py")])


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    here = module_name(path)
    package = here.split(".")[0]
    if here in ROOTS or here == package:
        return
    room = room_of(here)
    assert room is not None, f"{here} belongs to no room: add it to the table"
    for imported in imports_of(path):
        target = room_of(imported)
        if target is None or target == room or target in COMMON:
            continue
        assert target in ALLOWED[room], f"{here} may not import {imported}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_client_and_development_chain_share_nothing(path: Path) -> None:
    package = module_name(path).split(".")[0]
    other = {"decentralml": "pallets_mock", "pallets_mock": "decentralml"}[package]
    assert not any(within(imported, other) for imported in imports_of(path))


@pytest.mark.parametrize("library", LIBRARY_ROOMS)
def test_a_library_lives_in_its_rooms_only(library: str) -> None:
    users = {
        module_name(path)
        for path in FILES
        if any(within(imported, library) for imported in imports_of(path))
    }
    strangers = {u for u in users if not any(within(u, r) for r in LIBRARY_ROOMS[library])}
    assert not strangers


def test_every_room_of_the_table_exists() -> None:
    modules = {module_name(path) for path in FILES}
    missing = {room for room in ALLOWED if not any(within(module, room) for module in modules)}
    assert not missing
