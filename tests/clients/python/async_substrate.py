"""async-substrate-interface, unmodified, against the chain at the address that is given.

Run by tests/clients/run.sh in an environment of its own; says what it did, one line a step, and
ends with an exception at the first that is not as on a node.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

import sr25519
from async_substrate_interface import AsyncSubstrateInterface
from async_substrate_interface.errors import SubstrateRequestException
from scalecodec.utils.ss58 import ss58_encode

UNIT = 10**12
SEEDS = {
    "Alice": "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a",
    "Bob": "398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89",
}


@dataclass
class Account:
    """What the client asks of a key pair."""

    name: str
    crypto_type: int = 1
    ss58_format: int = 42

    def __post_init__(self) -> None:
        self.public_key, self._secret = sr25519.pair_from_seed(bytes.fromhex(SEEDS[self.name]))
        self.ss58_address = ss58_encode(self.public_key, 42)

    def sign(self, data: Any) -> bytes:
        message = data if isinstance(data, bytes) else bytes(data)
        return bytes(sr25519.sign((self.public_key, self._secret), message))


ALICE, BOB = Account("Alice"), Account("Bob")


async def free(chain: AsyncSubstrateInterface, who: Account, block: str | None = None) -> int:
    account = await chain.query("System", "Account", [who.ss58_address], block_hash=block)
    return int(getattr(account, "value", account)["data"]["free"])


async def transfer(chain: AsyncSubstrateInterface, amount: int, **wait: bool) -> Any:
    call = await chain.compose_call(
        "Balances", "transfer_keep_alive", {"dest": BOB.ss58_address, "value": amount}
    )
    extrinsic = await chain.create_signed_extrinsic(call, ALICE, era={"period": 64})
    return await chain.submit_extrinsic(extrinsic, **wait)


async def check_transfer(chain: AsyncSubstrateInterface) -> None:
    old, had = await chain.get_chain_head(), await free(chain, BOB)
    receipt = await transfer(chain, 3 * UNIT, wait_for_inclusion=True)
    assert await receipt.is_success
    names = [event["event_id"] for event in await receipt.triggered_events]
    assert "Transfer" in names, names
    assert await free(chain, BOB) == had + 3 * UNIT
    assert await free(chain, BOB, old) == had
    print("transfer, its events, and the block before it")


async def check_finality(chain: AsyncSubstrateInterface) -> None:
    receipt = await transfer(chain, UNIT, wait_for_finalization=True)
    assert receipt.finalized
    final = await chain.get_chain_finalised_head()
    assert await chain.get_block_number(final) >= await chain.get_block_number(receipt.block_hash)
    print("finality")


async def check_fee(chain: AsyncSubstrateInterface) -> None:
    call = await chain.compose_call("System", "remark", {"remark": b"hello"})
    info = await chain.get_payment_info(call, ALICE)
    assert int(info.get("partial_fee") or info.get("partialFee")) > 0, info
    print("fee")


async def check_map(chain: AsyncSubstrateInterface) -> None:
    accounts = await chain.query_map("System", "Account", page_size=2)
    seen = {key async for key, _ in accounts}
    assert len(seen) > 2, seen
    print("map, page by page")


async def check_refusal(chain: AsyncSubstrateInterface) -> None:
    call = await chain.compose_call("System", "remark", {"remark": b"late"})
    extrinsic = await chain.create_signed_extrinsic(call, ALICE, nonce=0)
    try:
        await chain.submit_extrinsic(extrinsic)
    except SubstrateRequestException as error:
        assert "Invalid Transaction" in str(error), error
    else:
        raise AssertionError("a stale nonce was taken")
    print("a stale nonce is refused")


async def check_heads(chain: AsyncSubstrateInterface) -> None:
    numbers: list[int] = []

    async def on_head(header: Any) -> bool | None:
        found = header.get("header", header)["number"]
        numbers.append(found if isinstance(found, int) else int(found, 16))
        return True if len(numbers) == 3 else None

    watching = asyncio.ensure_future(chain.subscribe_block_headers(on_head))
    while not watching.done():
        await chain.rpc_request("dev_newBlock", [])
        await asyncio.wait([watching], timeout=0.2)
    await watching
    assert numbers == sorted(set(numbers)), numbers
    print("heads")


async def main(url: str) -> None:
    async with AsyncSubstrateInterface(url, ss58_format=42) as chain:
        assert await chain.rpc_request("system_chain", [])
        checks = (check_transfer, check_finality, check_fee, check_map, check_refusal, check_heads)
        for check in checks:
            await asyncio.wait_for(check(chain), 60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
