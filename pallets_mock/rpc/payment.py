"""`payment_*`: what a transaction would cost, as the runtime reckons it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pallets_mock.block.scale import Reader
from pallets_mock.errors import MalformedExtrinsic, RuntimePanic
from pallets_mock.node import Node
from pallets_mock.pool.validity import check_framing
from pallets_mock.rpc.dispatch import Handler
from pallets_mock.rpc.errors import RpcError
from pallets_mock.rpc.params import Bytes, Hash

CLASSES = ("normal", "operational", "mandatory")


@dataclass
class PaymentRpc:
    """Fees of extrinsics, signed or with an empty signature."""

    node: Node

    def methods(self) -> dict[str, Handler]:
        """Handlers by wire name."""
        return {
            "payment_queryInfo": self.query_info,
            "payment_queryFeeDetails": self.query_fee_details,
        }

    def query_info(self, encoded_xt: Bytes, at: Hash | None = None) -> dict[str, Any]:
        """Weight, class and fee (without tip, in the smallest unit, as text)."""
        reader = self._ask("query_info", "Unable to query dispatch info.", encoded_xt, at)
        weight = {"ref_time": reader.number(), "proof_size": reader.number()}
        return {
            "weight": weight,
            "class": CLASSES[reader.byte()],
            "partialFee": str(int.from_bytes(reader.take(16), "little")),
        }

    def query_fee_details(self, encoded_xt: Bytes, at: Hash | None = None) -> dict[str, Any]:
        """The fee's parts, as hexadecimal numbers; no inclusion fee for what is unsigned."""
        reader = self._ask("query_fee_details", "Unable to query fee details.", encoded_xt, at)
        if reader.byte() == 0:
            return {"inclusionFee": None}
        names = ("baseFee", "lenFee", "adjustedWeightFee")
        fees = {name: hex(int.from_bytes(reader.take(16), "little")) for name in names}
        return {"inclusionFee": fees}

    def _ask(self, function: str, failure: str, encoded: bytes, at: bytes | None) -> Reader:
        try:
            extrinsic = check_framing(encoded)
        except MalformedExtrinsic as error:
            raise RpcError(2, failure, str(error)) from error
        argument = extrinsic + len(extrinsic).to_bytes(4, "little")
        entry = f"TransactionPaymentApi_{function}"
        try:
            return Reader(self.node.chain.call(entry, argument, at).output)
        except RuntimePanic as panic:
            raise RpcError(1, failure, str(panic)) from panic
