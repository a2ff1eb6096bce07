"""`decentralml validator`: who makes blocks, and the keys to do it with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decentralml.cli.options import group, with_settings
from decentralml.cli.output import JsonFlag, acted, emit, table

if TYPE_CHECKING:
    from decentralml.config import Loaded

app = group("Validate blocks: who does, and the keys of your own validator.")


@app.command(name="list")
@with_settings
def list_(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """List who validates now, and who will."""
    from decentralml.chain.validators import session, validators
    from decentralml.cli import wiring

    with wiring.node(loaded) as node:
        found, number = validators(node), session(node)
    rows = [
        [v.account, _yes(v.active), _yes(v.chosen), _yes(v.keys), _yes(v.disabled)] for v in found
    ]
    headings = ["|account", "active", "chosen", "keys", "disabled"]
    shown = {"session": number, "validators": found}
    emit(shown, as_json, lambda: table(headings, rows))


@app.command()
@with_settings
def keys(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """Have your validator's node make new session keys, and tell the chain that they are yours.

    Run it on the validator's own machine: --node is that node's address there. The secrets stay in
    the node. The keys count from the session after the next one on; run it again to rotate them.
    """
    from decentralml.chain.market import Market
    from decentralml.chain.validators import set_keys
    from decentralml.cli import wiring
    from decentralml.errors import ConfigError

    if len(loaded.settings.node) > 1:
        raise ConfigError(
            "Keys are made by one node, and stay in it. Name your validator's alone: --node."
        )
    with wiring.node(loaded) as node:
        public, receipt = set_keys(Market(node, wiring.signer(loaded.settings, node)))
        said = f"session keys {public} are yours (block {receipt.block_number})"
        acted("keys set", receipt.block_number, as_json, said=said, keys=public)


@app.command()
@with_settings
def forget(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """Take your session keys back, once you no longer validate; the deposit returns."""
    from decentralml.chain.market import Market
    from decentralml.chain.validators import purge_keys
    from decentralml.cli import wiring

    with wiring.node(loaded) as node:
        block = purge_keys(Market(node, wiring.signer(loaded.settings, node))).block_number
        acted("keys taken back", block, as_json, said=f"session keys taken back (block {block})")


def _yes(what: bool) -> str:
    return "yes" if what else "-"
