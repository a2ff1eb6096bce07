"""The chain spec of a local network: the runtime's `local_testnet` preset for any validators."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from decentralml.localnet.binary import output_of
from decentralml.localnet.keys import SessionKeys

PRESET = "local_testnet"
ENDOWMENT = 10**18  # a million tokens, as each well-known account has


def preset_spec() -> dict[str, Any]:
    """A readable spec with the preset's whole configuration.

    Raises:
        NodeCommandFailed: the runtime has no such preset.
    """
    # The runtime lies in the other package, which this one meets as a process only.
    command = [sys.executable, "-m", "pallets_mock", "build-spec", "--chain", PRESET]
    spec: dict[str, Any] = json.loads(output_of(command))
    return spec


def readable_spec(
    validators: Sequence[SessionKeys], template: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The spec of the preset, or a template's, made for these validators. Raises as `preset_spec`.

    Args:
        template: a readable spec, with a whole configuration or what differs from the runtime's
            default one; not changed.
    """
    spec = preset_spec() if template is None else deepcopy(template)
    genesis = spec["genesis"]["runtimeGenesis"]
    set_validators(genesis["patch" if "patch" in genesis else "config"], validators)
    return spec


def set_validators(config: dict[str, Any], validators: Sequence[SessionKeys]) -> None:
    """Make these, and no others, the validators of a genesis configuration; each has money."""
    balances = config["balances"]["balances"]
    known = {account for account, _ in balances}
    balances += [[keys.account, ENDOWMENT] for keys in validators if keys.account not in known]
    config["validatorSet"]["invulnerables"] = [keys.account for keys in validators]
    config["session"]["keys"] = [
        [keys.account, keys.account, {"aura": keys.account, "grandpa": keys.grandpa}]
        for keys in validators
    ]


def write_raw_spec(binary: Path, readable: Path, raw: Path) -> None:
    """Turn a readable spec into the state that all nodes start from; the node itself does it."""
    output_of([binary, "export-chain-spec", "--chain", readable, "--raw", "--output", raw])
