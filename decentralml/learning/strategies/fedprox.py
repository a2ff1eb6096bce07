"""FedProx (Li, Sahu, Zaheer, Sanjabi, Talwalkar, Smith, MLSys 2020)."""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.learning.strategies import checks
from decentralml.learning.strategies.strategy import Setting
from decentralml.learning.strategies.wrapper import Wrapper


@dataclass(frozen=True)
class FedProx(Wrapper):
    """Contributors are held near the round's model: each minimises F_k(w) + μ/2 ‖w - w_t‖².

    All of it is the contributors' part; they are told ``mu``, and add μ (w - w_t) to the gradient.
    The server's part is the inner strategy's.

    Attributes:
        mu: μ, at least 0 (0: no pull at all).
    """

    mu: float = 0.01

    def __post_init__(self) -> None:
        checks.not_negative("mu", self.mu)

    @property
    def client_settings(self) -> dict[str, Setting]:
        """``mu``, and what the inner strategy tells."""
        return {**super().client_settings, "mu": self.mu}
