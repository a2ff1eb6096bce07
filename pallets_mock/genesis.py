"""The first block: a runtime's preset, or a chain spec as nodes exchange them, to a state.

Source: sc-chain-spec 53 (`json_patch.rs`, `chain_spec.rs`, `genesis_config_builder.rs`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pallets_mock.block.header import NO_HASH, Header
from pallets_mock.block.scale import Reader, byte_string
from pallets_mock.errors import InvalidChainSpec, RuntimePanic
from pallets_mock.executor import Executor, executor_for
from pallets_mock.state.node_codec import EMPTY_ROOT
from pallets_mock.state.nodes import MemoryNodes
from pallets_mock.state.trie import Trie
from pallets_mock.state.view import TrieChange

CODE = b":code"
DEVELOPMENT = "development"
SHORT_NAMES = {"dev": DEVELOPMENT, "local": "local_testnet"}
"""As nodes take them after `--chain`."""
PROPERTIES = {"tokenSymbol": "DML", "tokenDecimals": 12, "ss58Format": 42}
_NAMES = {
    DEVELOPMENT: ("DecentralML Development", "decentralml_dev", "Development"),
    "local_testnet": ("DecentralML Local", "decentralml_local", "Local"),
}


@dataclass(frozen=True, slots=True)
class Genesis:
    """A chain's beginning.

    Args:
        pairs: the state.
        change: its root and nodes.
        header: of block 0.
        name, id, chain_type, properties: as the chain spec has them.
    """

    pairs: dict[bytes, bytes]
    change: TrieChange
    header: Header
    name: str
    id: str
    chain_type: str
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def hash(self) -> bytes:
        """Hash of block 0, which names the chain."""
        return self.header.hash()

    @property
    def code(self) -> bytes:
        """The runtime, as the state has it."""
        return self.pairs[CODE]


def from_preset(code: bytes, preset: str = DEVELOPMENT) -> Genesis:
    """A chain that starts from one of the runtime's own presets.

    Args:
        preset: its name, or a short one (`SHORT_NAMES`).
    Raises:
        InvalidChainSpec: the runtime has no such preset, or cannot start from it.
    """
    preset = SHORT_NAMES.get(preset, preset)
    name, id_, kind = _NAMES.get(preset, (f"DecentralML {preset}", f"decentralml_{preset}", "Live"))
    return from_spec(
        {
            "name": name,
            "id": id_,
            "chainType": kind,
            "properties": PROPERTIES,
            "genesis": {"runtimeGenesis": {"code": _hex(code), "preset": preset}},
        }
    )


def from_file(path: Path) -> Genesis:
    """The chain of a chain spec file. Raises InvalidChainSpec, OSError."""
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidChainSpec(f"{path} is no JSON: {error}") from error
    return from_spec(spec)


def from_spec(spec: Mapping[str, Any]) -> Genesis:
    """The chain of a chain spec, raw or not.

    Raises:
        InvalidChainSpec: something in it is missing, wrong or not supported.
    """
    genesis = _object(_object(spec, "the chain spec").get("genesis"), "genesis")
    if "raw" in genesis:
        pairs = _raw_pairs(_object(genesis["raw"], "genesis.raw"))
    elif "runtimeGenesis" in genesis:
        pairs = _built_pairs(_object(genesis["runtimeGenesis"], "genesis.runtimeGenesis"))
    else:
        raise InvalidChainSpec("genesis has neither `raw` nor `runtimeGenesis`")
    if CODE not in pairs:
        raise InvalidChainSpec("the genesis state has no `:code`, so no runtime")
    layout = executor_for(pairs[CODE]).layout
    change = Trie(MemoryNodes()).change(pairs, layout)
    header = Header(NO_HASH, 0, change.root, EMPTY_ROOT)
    return Genesis(
        pairs,
        change,
        header,
        str(spec.get("name", "")),
        str(spec.get("id", "")),
        str(spec.get("chainType", "Live")),
        dict(spec.get("properties") or {}),
    )


def raw_spec(genesis: Genesis) -> dict[str, Any]:
    """A chain spec that holds the state itself: any node starts the same chain from it."""
    top = {_hex(key): _hex(value) for key, value in sorted(genesis.pairs.items())}
    return _spec(genesis, {"raw": {"top": top, "childrenDefault": {}}})


def human_spec(genesis: Genesis, preset: str = DEVELOPMENT) -> dict[str, Any]:
    """A chain spec to read and edit: the runtime, and the whole configuration of a preset."""
    config = preset_config(executor_for(genesis.code), preset)
    return _spec(genesis, {"runtimeGenesis": {"code": _hex(genesis.code), "config": config}})


def preset_names(code: bytes) -> list[str]:
    """Presets that a runtime brings."""
    return _names_of(executor_for(code))


def _names_of(executor: Executor) -> list[str]:
    output = executor.call("GenesisBuilder_preset_names", b"", _NOTHING).output
    reader = Reader(output)
    return [reader.byte_string().decode() for _ in range(reader.number())]


def preset_config(executor: Executor, preset: str | None) -> dict[str, Any]:
    """The whole configuration of a preset: the runtime's default one, patched.

    Args:
        preset: None for the default configuration itself.
    Raises:
        InvalidChainSpec: the runtime has no such preset.
    """
    default = _ask_preset(executor, None)
    if default is None:
        raise InvalidChainSpec("the runtime has no default configuration")
    if preset is None:
        return default
    patch = _ask_preset(executor, preset)
    if patch is None:
        raise InvalidChainSpec(
            f"the runtime has no preset `{preset}`; it has {', '.join(_names_of(executor))}"
        )
    return dict(merge_patch(default, patch))


def merge_patch(target: Any, patch: Any) -> Any:
    """`target` changed by `patch`: objects merge, null removes, all else replaces (RFC 7396)."""
    if not (isinstance(target, dict) and isinstance(patch, dict)):
        return patch
    merged = dict(target)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


_NOTHING = Trie(MemoryNodes())


def _spec(genesis: Genesis, state: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": genesis.name,
        "id": genesis.id,
        "chainType": genesis.chain_type,
        "bootNodes": [],
        "telemetryEndpoints": None,
        "protocolId": None,
        "properties": genesis.properties,
        "codeSubstitutes": {},
        "genesis": state,
    }


def _raw_pairs(raw: Mapping[str, Any]) -> dict[bytes, bytes]:
    if raw.get("childrenDefault"):
        raise InvalidChainSpec("the chain spec has child tries, which this chain does not keep")
    top = _object(raw.get("top"), "genesis.raw.top")
    return {_unhex(key, "a key"): _unhex(value, f"value of {key}") for key, value in top.items()}


def _built_pairs(genesis: Mapping[str, Any]) -> dict[bytes, bytes]:
    code = _unhex(genesis.get("code"), "genesis.runtimeGenesis.code")
    executor = executor_for(code)
    config = _whole_config(executor, genesis)
    text = json.dumps(config, separators=(",", ":"), ensure_ascii=False).encode()
    try:
        result = executor.call("GenesisBuilder_build_state", byte_string(text), _NOTHING)
    except RuntimePanic as panic:
        raise InvalidChainSpec(f"the runtime cannot start from this: {panic.message}") from panic
    if result.output != b"\x00":
        detail = _words(result.output[1:])
        raise InvalidChainSpec(f"the runtime cannot start from this: {detail}")
    pairs = {key: value for key, value in result.diff.items() if value is not None}
    return {**pairs, CODE: code}


def _words(said: bytes) -> str:
    """A text in SCALE; as it lies where it is none."""
    with suppress(ValueError):
        said = Reader(said).byte_string()
    return said.decode("utf-8", "replace")


def _whole_config(executor: Executor, genesis: Mapping[str, Any]) -> Any:
    match [name for name in ("config", "patch", "preset") if name in genesis]:
        case ["config"]:
            return genesis["config"]
        case ["patch"]:
            return merge_patch(preset_config(executor, None), genesis["patch"])
        case ["preset"]:
            return preset_config(executor, str(genesis["preset"]))
    raise InvalidChainSpec("genesis.runtimeGenesis needs one of `config`, `patch`, `preset`")


def _ask_preset(executor: Executor, preset: str | None) -> dict[str, Any] | None:
    argument = b"\x00" if preset is None else b"\x01" + byte_string(preset.encode())
    output = executor.call("GenesisBuilder_get_preset", argument, _NOTHING).output
    reader = Reader(output)
    if reader.byte() == 0:
        return None
    return dict(json.loads(reader.byte_string()))


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidChainSpec(f"{name} is not an object")
    return value


def _unhex(value: Any, name: str) -> bytes:
    try:
        if not isinstance(value, str) or not value.startswith("0x"):
            raise ValueError("no 0x")
        return bytes.fromhex(value[2:])
    except ValueError:
        raise InvalidChainSpec(f"{name} is not hexadecimal with 0x in front") from None


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
