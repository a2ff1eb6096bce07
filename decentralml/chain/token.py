"""Amounts for people: whole tokens as text, exact in both directions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from decentralml.errors import InvalidAmount
from decentralml.types import Planck

MAX_AMOUNT = 2**128 - 1
"""The chain's balances are unsigned 128-bit integers."""

_AMOUNT = re.compile(r"([0-9]+)(?:\.([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Token:
    """The chain's token: its symbol, and how many decimal places its smallest unit has."""

    symbol: str
    decimals: int

    def format(self, amount: Planck) -> str:
        """`amount` in whole tokens with the symbol, no digit lost, no zero added: ``1.5 DML``."""
        sign, units = ("-", -amount) if amount < 0 else ("", amount)
        whole, rest = divmod(units, 10**self.decimals)
        digits = f"{rest:0{self.decimals}d}".rstrip("0") if self.decimals else ""
        return f"{sign}{whole}{'.' + digits if digits else ''} {self.symbol}"

    def parse(self, text: str) -> Planck:
        """The amount that `text` names: ``1.5``, ``1.5 DML``; the inverse of `format`.

        Raises:
            InvalidAmount: no plain decimal number, another token's symbol, more decimal
                places than the token has, or more than a balance can hold.
        """
        number = text.strip()
        if self.symbol and number.endswith(self.symbol):
            number = number[: -len(self.symbol)].rstrip()
        match = _AMOUNT.fullmatch(number)
        if match is None:
            raise InvalidAmount(text, f"write it as 1.5 or 1.5 {self.symbol}")
        whole, rest = match[1], match[2] or ""
        if len(rest.rstrip("0")) > self.decimals:
            raise InvalidAmount(text, f"{self.symbol} has {self.decimals} decimal places")
        if len(whole) > 60:
            raise InvalidAmount(text, "it is more than an account can hold")
        scaled = rest[: self.decimals].ljust(self.decimals, "0")
        amount = int(whole) * 10**self.decimals + int(scaled or "0")
        if amount > MAX_AMOUNT:
            raise InvalidAmount(text, "it is more than an account can hold")
        return Planck(amount)
