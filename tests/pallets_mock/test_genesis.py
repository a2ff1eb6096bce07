from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallets_mock.errors import InvalidChainSpec
from pallets_mock.executor import executor_for
from pallets_mock.genesis import (
    Genesis,
    from_file,
    from_preset,
    from_spec,
    human_spec,
    merge_patch,
    preset_config,
    preset_names,
    raw_spec,
)
from pallets_mock.runtime import blob, compressed_blob
from pallets_mock.state.nodes import MemoryNodes
from pallets_mock.state.trie import Trie
from tests.oracles.slow_trie import slow_root
from tests.pallets_mock.executor.conftest import runtime, with_version
from tests.pallets_mock.offline import UNIT, development_genesis, well_known

SYSTEM_ACCOUNT = bytes.fromhex("26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9")
NOTHING_ROOT = "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314"


@pytest.fixture(scope="module")
def genesis() -> Genesis:
    return development_genesis()


def balance_of(genesis: Genesis, name: str) -> int:
    state = Trie(MemoryNodes(genesis.change.nodes), genesis.header.state_root)
    key = well_known(name).public_key
    account = [key_ for key_ in state.keys(SYSTEM_ACCOUNT) if key_.endswith(key)]
    value = state.get(account[0]) if account else None
    return 0 if value is None else int.from_bytes(value[16:32], "little")


def test_block_0_commits_to_the_state_and_to_nothing_else(genesis: Genesis) -> None:
    header = genesis.header

    assert header.state_root == slow_root(genesis.pairs, layout=1)
    assert (header.number, header.parent_hash, header.digest) == (0, bytes(32), ())
    assert header.extrinsics_root.hex() == NOTHING_ROOT


def test_the_state_holds_the_code_as_it_was_given(genesis: Genesis) -> None:
    assert genesis.pairs[b":code"] == compressed_blob() == genesis.code


def test_the_development_preset_funds_the_well_known_accounts(genesis: Genesis) -> None:
    for name in ("Alice", "Bob", "Ferdie", "Alice//stash"):
        assert balance_of(genesis, name) == 1_000_000 * UNIT
    assert balance_of(genesis, "Nobody") == 0


@pytest.mark.parametrize(("short", "name"), [("dev", "development"), ("local", "local_testnet")])
def test_a_preset_has_the_short_name_that_nodes_take(short: str, name: str) -> None:
    chains = [from_preset(compressed_blob(), preset) for preset in (short, name)]

    assert chains[0] == chains[1]


def test_uncompressed_code_is_another_chain(genesis: Genesis) -> None:
    assert from_preset(blob()).hash != genesis.hash


def test_every_preset_with_people_starts_a_chain_of_its_own(genesis: Genesis) -> None:
    names = preset_names(compressed_blob())
    assert names == ["development", "local_testnet", "production"]
    hashes = [from_preset(compressed_blob(), name).hash for name in names[:2]]

    assert hashes[0] == genesis.hash != hashes[1]


def test_a_preset_without_people_is_refused_by_what_is_missing() -> None:
    missing = "from this: no validator: name them in validatorSet.invulnerables"
    with pytest.raises(InvalidChainSpec, match=missing):
        from_preset(compressed_blob(), "production")


@pytest.mark.parametrize("export", [raw_spec, human_spec])
def test_an_exported_spec_is_the_same_chain(genesis: Genesis, export, tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(export(genesis)))

    again = from_file(path)

    assert again.hash == genesis.hash
    assert again.properties == {"tokenSymbol": "DML", "tokenDecimals": 12, "ss58Format": 42}
    assert (again.name, again.id, again.chain_type) == (
        "DecentralML Development",
        "decentralml_dev",
        "Development",
    )


def test_a_patch_changes_the_default_configuration(genesis: Genesis) -> None:
    address = well_known("Bob").ss58_address
    spec = human_spec(genesis)
    runtime_genesis = spec["genesis"]["runtimeGenesis"]
    config = runtime_genesis.pop("config")
    people = {part: config[part] for part in ("validatorSet", "session", "councilMembership")}
    runtime_genesis["patch"] = {"balances": {"balances": [[address, 77 * UNIT]]}, **people}

    patched = from_spec(spec)

    assert (balance_of(patched, "Bob"), balance_of(patched, "Alice")) == (77 * UNIT, 0)


def test_the_default_configuration_funds_nobody() -> None:
    default = preset_config(executor_for(compressed_blob()), None)

    assert default["balances"]["balances"] == []


def changed(spec: dict[str, Any], *path: str, to: Any) -> dict[str, Any]:
    spec = copy.deepcopy(spec)
    *way, last = path
    place = spec
    for step in way:
        place = place[step]
    place[last] = to
    return spec


BROKEN: list[tuple[tuple[str, ...], Any, str]] = [
    (("genesis",), None, "genesis is not an object"),
    (("genesis",), {}, "neither"),
    (("genesis", "runtimeGenesis"), [], "not an object"),
    (("genesis", "runtimeGenesis", "code"), None, "hexadecimal"),
    (("genesis", "runtimeGenesis", "code"), "0xzz", "hexadecimal"),
    (("genesis", "runtimeGenesis", "code"), "abcd", "hexadecimal"),
    (("genesis", "runtimeGenesis", "config"), {}, "cannot start"),
    (("genesis", "runtimeGenesis", "config"), {"unknown": 1}, "cannot start"),
    (("genesis", "runtimeGenesis", "patch"), {}, "one of"),
]


@pytest.mark.parametrize(("path", "value", "words"), BROKEN)
def test_a_broken_spec_is_refused(
    genesis: Genesis, path: tuple[str, ...], value: Any, words: str
) -> None:
    with pytest.raises(InvalidChainSpec, match=words):
        from_spec(changed(human_spec(genesis), *path, to=value))


RAW_BROKEN: list[tuple[tuple[str, ...], Any, str]] = [
    (("genesis", "raw", "top"), {}, "no `:code`"),
    (("genesis", "raw", "top"), [], "not an object"),
    (("genesis", "raw", "top", "0x61"), "no hex", "hexadecimal"),
    (("genesis", "raw", "top", "61"), "0x", "hexadecimal"),
    (("genesis", "raw", "childrenDefault"), {"0x00": {}}, "child tries"),
]


@pytest.mark.parametrize(("path", "value", "words"), RAW_BROKEN)
def test_a_broken_raw_spec_is_refused(
    genesis: Genesis, path: tuple[str, ...], value: Any, words: str
) -> None:
    with pytest.raises(InvalidChainSpec, match=words):
        from_spec(changed(raw_spec(genesis), *path, to=value))


def test_what_the_runtime_panics_at_is_said(genesis: Genesis) -> None:
    spec = human_spec(genesis)
    balances = spec["genesis"]["runtimeGenesis"]["config"]["balances"]["balances"]

    with pytest.raises(InvalidChainSpec, match="duplicate balances"):
        from_spec(
            changed(
                spec,
                *("genesis", "runtimeGenesis", "config", "balances", "balances"),
                to=balances * 2,
            )
        )


def test_a_runtime_without_a_default_configuration_needs_a_whole_one() -> None:
    code = with_version(
        runtime(
            "",
            """(func (export "GenesisBuilder_get_preset") (param i32 i32) (result i64)
                 (call $pack (i32.const 64) (i32.const 1)))""",
        )
    )

    with pytest.raises(InvalidChainSpec, match="no default configuration"):
        from_preset(code)


def test_a_preset_that_the_runtime_lacks_is_named() -> None:
    with pytest.raises(InvalidChainSpec, match="`paradise`; it has development, local_testnet"):
        from_preset(compressed_blob(), "paradise")


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text("{")

    with pytest.raises(InvalidChainSpec, match=r"spec\.json"):
        from_file(path)


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 3}}, {"a": {"x": 3, "y": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": 1}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({"a": {"x": 1}}, {"a": 5}, {"a": 5}),
    ],
)
def test_patches_merge_as_chain_specs_do(target: Any, patch: Any, merged: Any) -> None:
    assert merge_patch(target, patch) == merged


JSON = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abc"), JSON))
def test_patching_twice_is_patching_once(patch: dict[str, Any]) -> None:
    once = merge_patch({"a": {"b": 1}, "c": 2}, patch)

    assert merge_patch(once, patch) == once
    assert merge_patch(once, {}) == once
