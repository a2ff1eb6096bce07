"""Who gets a place: with a key that is proved, or with one that the coordinator keeps."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from decentralml.chain import calls
from decentralml.chain.market import Market
from decentralml.compat.coordinator.errors import NoPlace, StaleChallenge
from decentralml.compat.coordinator.kept_keys import KeptKeys
from decentralml.compat.coordinator.seats import Seat, Seats
from decentralml.compat.coordinator.settings import Participants
from decentralml.compat.xain.hand import Hand
from decentralml.compat.xain.identity import is_proved
from decentralml.errors import CallRejected, InsufficientFunds
from decentralml.roles.creator import Creator
from decentralml.roles.rooms import Rooms
from decentralml.roles.workspace import Workspace
from decentralml.types import AccountId, Cid, Planck, Round, TaskId

CHALLENGE_SECONDS: Final = 60.0
KEYS_PER_PLACE: Final = 3
NAME_ONE: Final = "name a key of your own: DECENTRALML_KEY, or `decentralml keys create`"


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody with a key says of itself.

    Attributes:
        account: its address.
        challenge: that it was given.
        signature: of the challenge, ``0x`` and hexadecimal digits.
    """

    account: str
    challenge: str
    signature: str


class Challenges:
    """Texts to be signed once each, within a minute.

    None is remembered before it was used well, so that asking for many cannot crowd out others'.
    Used by the thread that serves and by the one that checks.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._secret = clock, secrets.token_bytes(32)
        self._used: dict[str, float] = {}

    def new(self) -> str:
        """A fresh one."""
        words = f"{self._clock() + CHALLENGE_SECONDS:.3f}-{secrets.token_hex(8)}"
        return f"{words}-{self._mark(words)}"

    def is_open(self, challenge: str) -> bool:
        """Whether it was given out here, is not too old, and was not used yet."""
        words, _, mark = challenge.rpartition("-")
        if not hmac.compare_digest(mark.encode(), self._mark(words).encode()):
            return False
        return self._until(challenge) > self._clock() and challenge not in self._used

    def use(self, challenge: str) -> None:
        """It was signed; it is not open any more."""
        now = self._clock()
        self._used = {used: until for used, until in self._used.items() if until > now}
        self._used[challenge] = self._until(challenge)

    def _mark(self, words: str) -> str:
        return hmac.new(self._secret, words.encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def _until(challenge: str) -> float:
        return float(challenge.partition("-")[0])


class Admission:
    """Gives places and takes them back.

    Args:
        creator: whose task it is.
        task: its number.
        asked: who may take part.
        seats: where places are noted.
        keys: kept for participants without one.
        allowance: given to each kept key, in the smallest unit.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - where a participant, a task and a key meet
        self,
        creator: Creator,
        task: TaskId,
        asked: Participants,
        seats: Seats,
        keys: KeptKeys,
        allowance: Planck,
    ) -> None:
        self._creator, self._task, self._asked = creator, task, asked
        self._seats, self._keys, self._allowance = seats, keys, allowance
        self._hands: dict[str, Hand] = {}

    def admit(self, proof: Proof | None, challenges: Challenges) -> Seat:
        """A place for somebody; a participant with a key that comes again has its own again.

        Raises: NoPlace: with the words to tell it.
        """
        taken = self._seats.all()
        if proof is None:
            return self._admit_keyless(taken)
        account = AccountId(proof.account)
        genesis = self._creator.market.genesis
        if not challenges.is_open(proof.challenge):
            raise StaleChallenge(
                "the challenge is not open any more; ask for another, and sign that"
            )
        if not is_proved(genesis, self._task, proof.challenge, account, proof.signature):
            raise NoPlace("the signature is not the account's over the challenge")
        challenges.use(proof.challenge)
        back = next((seat for seat in taken if seat.account == account), None)
        return back or self._admit_owner(account, len(taken))

    def vacate(self, seat: Seat) -> None:
        """Take a place back. A kept key that earned something is not given to anybody else."""
        self._seats.drop(seat.id)
        if seat.kept is None:
            return
        held = self._creator.market.assignment(self._task, seat.account)
        if held is not None and held.delivered and not held.ended:
            self.hand(seat.kept).leave(self._task)

    def send(self, kept: str, round_: Round, delivery: Cid) -> None:
        """Send a result by a kept key. Raises: CallRejected: the chain refused it."""
        hand = self.hand(kept)
        if self._creator.market.balance(hand.account).free < self._allowance // 2:
            self._fund(hand.account, f"/{int(round_)}")
        hand.send(self._task, round_, delivery)

    def release_kept(self) -> None:
        """Give up every kept key's place: the job is over."""
        for info in self._keys.list():
            held = self._creator.market.assignment(self._task, info.address)
            if held is not None and not held.ended:
                self.hand(info.name).leave(self._task)

    def hand(self, kept: str) -> Hand:
        """Acts on chain by a kept key."""
        if kept not in self._hands:
            rooms = self._creator.rooms
            market = Market(rooms.market.node, self._keys.open(kept))
            root = rooms.workspace.folder.parent.parent
            workspace = Workspace(
                root, market.genesis, market.account, patience=rooms.workspace.patience
            )
            self._hands[kept] = Hand(
                Rooms(market, rooms.store, workspace, rooms.on_event, rooms.checkpoint)
            )
        return self._hands[kept]

    def close(self) -> None:
        """Close the kept keys' journals."""
        for hand in self._hands.values():
            hand.workspace.close()

    def _admit_owner(self, account: AccountId, taken: int) -> Seat:
        self._check_room(taken)
        held = self._creator.market.assignment(self._task, account)
        if held is None:
            raise NoPlace(f"{account} has not accepted task {self._task}: accept it first")
        if held.ended:
            raise NoPlace(f"{account}'s part in task {self._task} is over; use another account")
        return self._seat(account, None, held.first_round)

    def _admit_keyless(self, taken: list[Seat]) -> Seat:
        if self._asked.keyless == "refuse":
            raise NoPlace(f"this coordinator takes nobody without a key; {NAME_ONE}")
        self._check_room(len(taken))
        kept = self._unused({seat.kept for seat in taken}) or self._new_key()
        hand = self.hand(kept)
        try:
            self._fund(hand.account)
            first_round = hand.accept(self._task).first_round
        except (CallRejected, InsufficientFunds) as refusal:
            raise NoPlace(f"the chain gives no place: {refusal}") from refusal
        return self._seat(hand.account, kept, first_round)

    def _check_room(self, taken: int) -> None:
        if taken >= self._asked.most:
            raise NoPlace(f"all {self._asked.most} places are taken; try again later")

    def _unused(self, used: set[str | None]) -> str | None:
        """A kept key that nobody uses and that never earned anything for somebody else."""
        for info in self._keys.list():
            held = self._creator.market.assignment(self._task, info.address)
            if info.name not in used and (held is None or not (held.delivered or held.ended)):
                return info.name
        return None

    def _new_key(self) -> str:
        most = KEYS_PER_PLACE * self._asked.most
        if len(self._keys.list()) >= most:
            raise NoPlace(f"this coordinator keeps {most} keys, and makes no more; {NAME_ONE}")
        return self._keys.make()

    def _fund(self, account: AccountId, when: str = "") -> None:
        """Give the account what its deposits and fees cost, once for each ``when``."""
        creator, call = self._creator, calls.transfer(account, self._allowance)
        with creator.workspace.hold():
            creator.outbox.send(f"fund/{self._task}/{account}{when}", call)

    def _seat(self, account: AccountId, kept: str | None, first_round: int) -> Seat:
        seat = Seat(str(uuid.uuid4()), account, kept, first_round)
        self._seats.write(seat)
        return seat
