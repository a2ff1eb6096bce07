"""Who makes and finalises blocks: the chosen ones, the set that runs, and a validator's own keys.

Source: pallet-session 50, pallet-collator-selection 31 (its invulnerables are the chosen ones).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decentralml.chain.calls import Call
from decentralml.errors import MalformedChainData
from decentralml.types import AccountId

if TYPE_CHECKING:
    from decentralml.chain.market import Market
    from decentralml.chain.node import Node
    from decentralml.chain.signed import Receipt


@dataclass(frozen=True, slots=True)
class ValidatorState:
    """One account that validates, will, or did a moment ago.

    ``chosen``: the council wants it. ``active``: it is in the set of the running session.
    ``disabled``: it was caught voting twice in this session. ``keys``: it has told its session
    keys, without which it cannot be chosen.
    """

    account: AccountId
    chosen: bool
    active: bool
    disabled: bool
    keys: bool


def validators(node: Node) -> tuple[ValidatorState, ...]:
    """Everybody who is chosen or active, at the best block."""
    at = node.best().hash
    active = [str(each) for each in node.storage("Session", "Validators", at=at) or []]
    chosen = [str(each) for each in node.storage("ValidatorSet", "Invulnerables", at=at) or []]
    disabled = {int(_index(each)) for each in _disabled(node, at)}
    off = {account for index, account in enumerate(active) if index in disabled}
    return tuple(
        ValidatorState(
            account=AccountId(account),
            chosen=account in chosen,
            active=account in active,
            disabled=account in off,
            keys=node.storage("Session", "NextKeys", account, at=at) is not None,
        )
        for account in dict.fromkeys([*chosen, *active])
    )


def session(node: Node) -> int:
    """Number of the running session."""
    return int(node.storage("Session", "CurrentIndex"))


def set_keys(market: Market) -> tuple[str, Receipt]:
    """Have the node behind `market` make new session keys, and name them as the signer's.

    The node keeps the secrets; they never leave it. The keys sign from the session after the next
    one on. Only a node that is asked from its own machine makes keys.

    Returns: the public keys, ``0x…``, as they were named.
    Raises:
        RequestRefused: the node does not make keys for whoever asks from elsewhere.
        CallRejected: the signer cannot pay the deposit.
        MalformedChainData: the node's answer is none.
    """
    node, account = market.node, market.account
    owner = "0x" + node.runtime().account(account).hex()
    made = node.request("author_rotateKeysWithOwner", owner)
    try:
        keys, proof = str(made["keys"]), str(made["proof"])
        encoded = bytes.fromhex(keys.removeprefix("0x"))
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedChainData("session keys", made) from error
    runtime = node.runtime()
    named = runtime.decode(runtime.type_named("decentralml_runtime", "SessionKeys"), encoded)
    receipt = market.call(Call("set_keys", {"keys": named, "proof": proof}, pallet="Session"))
    return keys, receipt


def purge_keys(market: Market) -> Receipt:
    """Take the signer's session keys back; the deposit returns. For who validates no more."""
    return market.call(Call("purge_keys", {}, pallet="Session"))


def _disabled(node: Node, at: str) -> list[Any]:
    return list(node.storage("Session", "DisabledValidators", at=at) or [])


def _index(entry: Any) -> Any:
    """An entry is an index, with how bad the offence was since pallet-session 40."""
    return entry[0] if isinstance(entry, (list, tuple)) else entry
