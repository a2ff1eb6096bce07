"""Every error of the pallet as a class of its own, with what to do about it.

The class is named as the error in Rust, so that ``except NoFreeSlot`` reads as the market's
rules do. A test holds this list against the runtime's metadata.
"""

from __future__ import annotations

from decentralml.errors import CallRejected, InsufficientFunds


class UnknownTask(CallRejected):
    advice = "There is no such task, or it was pruned; list the open ones."


class UnknownAssignment(CallRejected):
    advice = "This account has no place in the task; accept it first."


class UnknownResult(CallRejected):
    advice = "There is no result of that worker for that round; list the task's results."


class NotCreator(CallRejected):
    advice = "Only the task's creator may do this; sign with the creator's key."


class NotValidator(CallRejected):
    advice = "Only the task's validator may do this; the task's policy says who that is."


class NotArbiter(CallRejected):
    advice = "Only the task's arbiter may rule; the task's terms say who that is."


class CreatorCannotAccept(CallRejected):
    advice = "A creator cannot work on their own task; use another account."


class ConflictOfInterest(CallRejected):
    advice = (
        "A task's validator or arbiter cannot also work on it or gain by it; use another account."
    )


class AlreadyAccepted(CallRejected):
    advice = "This account has a place in the task already; go on with running it."


class NoFreeSlot(CallRejected):
    advice = "All places are taken; wait until one opens again, or choose another task."


class AcceptTimeOver(CallRejected):
    advice = "The task takes no more workers; choose another one."


class TaskNotOpen(CallRejected):
    advice = "The task is completed or withdrawn; choose another one."


class WrongRound(CallRejected):
    advice = "That is not the task's running round; read the task again and use its round."


class RoundTimeOver(CallRejected):
    advice = "The time of this round is over; release the assignment, or wait for the next round."


class AlreadySent(CallRejected):
    advice = "A result for this round is there already; nothing more is to be sent."


class AssignmentEnded(CallRejected):
    advice = "This account has left the task or has nothing left to deliver; choose another task."


class NotPending(CallRejected):
    advice = "The result is not waiting for validation; read its status."


class ValidateTimeOver(CallRejected):
    advice = "The time to validate is over, so the result counts as accepted; anyone may claim it."


class ReasonRequired(CallRejected):
    advice = "A rejection needs a reason that the worker can read; give one."


class NotRejected(CallRejected):
    advice = "Only a rejected result can be disputed; read its status."


class DisputeTimeOver(CallRejected):
    advice = "The time to dispute this rejection is over."


class NotDisputed(CallRejected):
    advice = "There is no dispute about this result; read its status."


class ArbiterTimeOver(CallRejected):
    advice = "The arbiter's time is over; anyone may close the dispute with claim_result."


class TooEarly(CallRejected):
    advice = "A deadline has not passed yet; read the result's or assignment's deadline and wait."


class NothingToClaim(CallRejected):
    advice = "This result is settled; nothing is owed for it."


class NoRoundsLeft(CallRejected):
    advice = "The task's last round has begun; make a new task for more."


class TaskNotFinished(CallRejected):
    advice = "Only a completed or withdrawn task can be pruned; wait, or withdraw it."


class StillOwed(CallRejected):
    advice = "Results of the task are not settled; validate or claim them first."


class ZeroReward(CallRejected):
    advice = "The reward is less than what keeps an account alive; offer more."


class ZeroSlots(CallRejected):
    advice = "A task needs at least one slot."


class TooManySlots(CallRejected):
    advice = "A task may not have that many slots; the pallet's MaxSlots says how many."


class ZeroRounds(CallRejected):
    advice = "A task needs at least one round."


class TooManyRounds(CallRejected):
    advice = "A task may not have that many rounds; the pallet's MaxRounds says how many."


class InvalidSchedule(CallRejected):
    advice = "A deadline is past, or a span of time too short or too long; change the schedule."


class InvalidCid(CallRejected):
    advice = "A content identifier is malformed; the chain takes version 1 in base32 (bafy…)."


class ModelRequired(CallRejected):
    advice = "A task of several rounds needs a model to begin with; name one."


class StakeTooHigh(CallRejected):
    advice = "The stake is more than a worker can earn in all rounds; ask for less."


class Overflow(CallRejected):
    advice = "Reward times slots times rounds is more than a balance can hold; lower one."


BY_NAME: dict[str, type[CallRejected]] = {
    kind.__name__: kind
    for kind in list(vars().values())
    if isinstance(kind, type) and issubclass(kind, CallRejected) and kind is not CallRejected
}
"""The pallet's errors; those below are other pallets' and the runtime's own."""


class NotEnoughFunds(CallRejected, InsufficientFunds):
    """The call was included, and the account could not pay what it moves or holds."""

    advice = "The account has too little free money; send it some, or promise less."


class BelowMinimum(CallRejected):
    """Money would come to rest on an account in too small an amount to keep it alive."""

    advice = "An account would be left with less than the chain keeps alive; change the amount."


class NotPermitted(CallRejected):
    """The signer may not make this call at all."""

    advice = "This account may not make this call; sign with another key."


ELSEWHERE: dict[str, type[CallRejected]] = {
    "Balances.InsufficientBalance": NotEnoughFunds,
    "Balances.LiquidityRestrictions": NotEnoughFunds,
    "Balances.Expendability": NotEnoughFunds,
    "Token.FundsUnavailable": NotEnoughFunds,
    "Token.OnlyProvider": NotEnoughFunds,
    "Token.NotExpendable": NotEnoughFunds,
    "Token.Frozen": NotEnoughFunds,
    "Token.CannotCreateHold": NotEnoughFunds,
    "Token.BelowMinimum": BelowMinimum,
    "Token.CannotCreate": BelowMinimum,
    "Balances.ExistentialDeposit": BelowMinimum,
    "Arithmetic.Underflow": NotEnoughFunds,
    "BadOrigin": NotPermitted,
    "System.CallFiltered": NotPermitted,
    "Proxy.NotProxy": NotPermitted,
    "Proxy.Unproxyable": NotPermitted,
}
"""By "Pallet.Error", or by the kind of the runtime's own errors."""


def named(words: str) -> type[CallRejected]:
    """The exception for an error as `CallRejected.error` has it: the market's by its name alone."""
    return BY_NAME.get(words) or ELSEWHERE.get(words) or CallRejected
