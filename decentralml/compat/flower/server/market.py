"""What a Flower server says besides Flower's own arguments: the terms on which clients work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from decentralml.chain.records import AutoAccept, Manual, TaskKind
from decentralml.roles.posting import A_DAY, NOTHING, Offer
from decentralml.types import BlockNumber, Planck

ONE_TOKEN = Planck(10**12)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnMarket:
    """The terms of a job.

    Attributes:
        reward: for each accepted result, in the smallest unit; as much is paid to the one client
            that is asked for the first parameters.
        slots: contributors at once; None for the strategy's `min_available_clients`. Reward times
            slots times rounds is held until the job is over.
        title: one line for people.
        job: the job's name: a server that was killed goes on with the job of this name. Without
            one each start posts a new job.
        pay_unchecked: pay each result as it comes (`AutoAccept`) instead of after the checks.
        stake: held on each contributor, in the smallest unit.
        accept_for: for how many blocks contributors may join.
        round_time: blocks for a round; after that it goes on with the results that there are.
        validate_time: blocks in which a result is validated; silence pays.
        dispute_time: blocks in which a rejection may be disputed.
        output: the last model is copied to this file.
    """

    reward: Planck = ONE_TOKEN
    slots: int | None = None
    title: str = "Flower job"
    job: str | None = None
    pay_unchecked: bool = False
    stake: Planck = NOTHING
    accept_for: BlockNumber = A_DAY
    round_time: BlockNumber = A_DAY
    validate_time: BlockNumber = A_DAY
    dispute_time: BlockNumber = A_DAY
    output: Path | None = None

    def offer(self, slots: int, rounds: int) -> Offer:
        """The offer of the training itself."""
        return Offer(
            kind=TaskKind.CONTRIBUTION,
            title=self.title,
            reward=self.reward,
            slots=self.slots or slots,
            rounds=rounds,
            policy=AutoAccept() if self.pay_unchecked else Manual(),
            stake=self.stake,
            accept_for=self.accept_for,
            round_time=self.round_time,
            validate_time=self.validate_time,
            dispute_time=self.dispute_time,
        )

    def first_offer(self) -> Offer:
        """The offer to whoever gives the first parameters."""
        return Offer(
            kind=TaskKind.CONTRIBUTION,
            title=f"{self.title}: first parameters"[:128],
            reward=self.reward,
            slots=1,
            accept_for=self.accept_for,
            round_time=self.round_time,
            validate_time=self.validate_time,
            dispute_time=self.dispute_time,
        )
