"""All that a coordinator does on the market: its task, the results, the rounds.

Used by one thread. Everything may be interrupted and asked again: what was done stands in the
creator's journal and on chain.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import numpy as np

from decentralml.assets.cid import cid_of_path
from decentralml.chain.records import Reject, Task, TaskKind, TaskResult, TaskStatus, Verdict
from decentralml.compat.coordinator.admission import Admission
from decentralml.compat.coordinator.errors import LateResult
from decentralml.compat.coordinator.kept_keys import FOLDER, KeptKeys
from decentralml.compat.coordinator.seats import Seat, Seats
from decentralml.compat.coordinator.settings import CoordinatorSettings, Model
from decentralml.compat.xain.delivery import WEIGHTS, make_delivery
from decentralml.compat.xain.wire import LAYER, read_initial, read_result_body
from decentralml.errors import ConfigError, NothingToFederate
from decentralml.learning.errors import CopiedWeights
from decentralml.learning.layers import Array, fingerprint
from decentralml.learning.models import read_layers
from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.registry import named
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.roles.creator import Creator
from decentralml.roles.delivery import model_file
from decentralml.roles.manifest import Manifest
from decentralml.roles.posting import Offer
from decentralml.roles.verdicts import Checked, by_checks
from decentralml.types import AccountId, BlockNumber, Cid, Round

BY_RESULTS_ALONE: Final = frozenset(
    {
        "fedavg",
        "median",
        "trimmed-mean",
        "krum",
        "multi-krum",
        "bulyan",
        "geometric-median",
    }
)
"""Strategies that need no weights to begin with."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A round that is over.

    Attributes:
        round: its number.
        used: accounts whose results are in the new weights.
        refused: the others', each with the reason.
        examples: samples behind the new weights; 0 when no result could be used, so that the
            weights stayed as they were.
    """

    round: Round
    used: tuple[AccountId, ...]
    refused: dict[AccountId, str]
    examples: int


class Desk:
    """The market's side of one job.

    Args:
        creator: posts the task, validates and pays.
        settings: what is to be done.
        keys: kept for participants without one.

    Attributes:
        task: as it stood when its round began.
        over: whether the last round is closed.
    """

    def __init__(self, creator: Creator, settings: CoordinatorSettings, keys: KeptKeys) -> None:
        self._creator, self._settings = creator, settings
        self._market, self._workspace = creator.market, creator.workspace
        self.seats = Seats(lambda: creator.workspace.journal, settings.job.name)
        token = self._market.token()
        self._reward = token.parse(settings.job.reward)
        allowance = token.parse(settings.participants.allowance)
        self._strategy = strategy_of(settings.model)
        if settings.participants.keyless == "keep":
            keys.check()  # now, rather than when the first of them comes
        self._initial = read_initial(settings.model.initial, settings.model.spec)
        self.task = self._post()
        self.admission = Admission(
            creator, self.task.id, settings.participants, self.seats, keys, allowance
        )
        self._marks: dict[str, AccountId] = {}
        noted = self._workspace.journal.note(self._over) == "yes"
        self.over = noted or self._has_ended(self.task)

    def results(self) -> list[TaskResult]:
        """Results of the running round that are on chain."""
        return self._market.results_of(self.task.id, self.task.round)

    def weights(self) -> Array | None:
        """The global weights of the running round; None before there are any."""
        if self._initial is None and self.task.model == self.task.terms.model:
            return None
        return read_layers(self._model())[LAYER]

    def deliver(self, seat: Seat, round_: Round, body: Path) -> Cid:
        """Take a participant's result: check it, store its delivery, and send it where the
        coordinator keeps the key.

        Asked again with the same result it gives the same answer.

        Args:
            body: the request's body in a file; hostile.

        Raises:
            ResultRefused: by the name of what is wrong with it.
            LateResult: the round is over, or another result of this participant was taken.
            CallRejected: the chain refused a kept key's result.
        """
        if self.over or round_ != self.task.round:
            raise LateResult(f"round {round_} is over")
        examples, layers = read_result_body(body, self._settings.model.spec)
        self._refuse_copy(seat.account, fingerprint(layers))
        with tempfile.TemporaryDirectory(dir=self._workspace.folder, prefix="taken-") as place:
            delivery = Path(place) / "delivery"
            make_delivery(delivery, examples, layers, self._manifest(seat.account))
            cid, before = cid_of_path(delivery), self.seats.taken(round_, seat.account)
            if before is not None and before != cid:
                raise LateResult(f"another result for round {round_} was taken before this one")
            self._creator.put(delivery, self.task.id, round_)
        self.seats.write_taken(round_, seat.account, cid)
        if seat.kept is not None:
            self.admission.send(seat.kept, round_, cid)
        return cid

    def close_round(self) -> Closed:
        """Validate and pay what came in, average it, begin the next round with it."""
        number = self.task.round
        if self._has_ended(self._creator.show(self.task.id)):
            self.over = True  # withdrawn by other means
            return Closed(number, (), {}, 0)
        refused = {
            checked.result.worker: verdict.reason
            for checked, verdict in self._creator.validate_all(self.task.id, _judge, number)
            if isinstance(verdict, Reject)
        }
        try:
            report = self._creator.federate(self.task.id, number, strategy=self._strategy)
            model, parts = report.model, report.used
            refused |= dict(report.refused)
        except NothingToFederate:
            model, parts = self._model(), ()
        if number < self.task.terms.rounds:
            self._creator.start_round(self.task.id, model, number=Round(number + 1))
        self._write_result(model)
        if number == self.task.terms.rounds:
            self._workspace.journal.write_note(self._over, "yes")
            self.over = True
        self._marks.clear()
        self.task = self._creator.show(self.task.id)
        examples = sum(part.examples for part in parts)
        return Closed(number, tuple(part.worker for part in parts), refused, examples)

    def finish(self) -> None:
        """Free what the job did not use: the kept keys' places, and what is left of the pay.

        Everybody was told: a restart from here on waits for nobody.
        """
        for seat in self.seats.all():
            self.seats.drop(seat.id)
        self.admission.release_kept()
        if not self._has_ended(self._creator.show(self.task.id)):
            self._creator.withdraw_task(self.task.id)
        self.task = self._creator.show(self.task.id)

    @property
    def genesis(self) -> str:
        """Which chain it is."""
        return self._market.genesis

    def head(self) -> BlockNumber:
        """The newest block that counts."""
        return self._market.head()

    @staticmethod
    def _has_ended(task: Task) -> bool:
        return task.status in (TaskStatus.COMPLETED, TaskStatus.WITHDRAWN)

    @property
    def _over(self) -> str:
        return f"coordinator/{self._settings.job.name}/over"

    def _post(self) -> Task:
        job, people, blocks = (
            self._settings.job,
            self._settings.participants,
            self._settings.blocks,
        )
        offer = Offer(
            kind=TaskKind.CONTRIBUTION,
            title=job.title,
            reward=self._reward,
            slots=people.most,
            rounds=job.rounds,
            accept_for=BlockNumber(blocks.accept_for),
            round_time=BlockNumber(blocks.round_time),
            validate_time=BlockNumber(blocks.validate_time),
            dispute_time=BlockNumber(blocks.dispute_time),
        )
        with _bundle() as bundle, tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / WEIGHTS
            spec = self._settings.model.spec
            first = np.zeros(spec.shape, spec.dtype) if self._initial is None else self._initial
            save_weights(model, {LAYER: first}, WeightsHeader(examples=1))
            key = f"coordinator/{job.name}"
            posted = self._creator.create_task(bundle, offer, model=model, key=key)
        return self._creator.show(posted.task)

    def _model(self) -> Path:
        """The file of the running round's model."""
        task = self.task
        folder = self._workspace.round(task.id, task.round).model
        if task.model is not None:
            self._creator.fetch(task.model, folder, task.id, task.round, "model")
        return model_file(folder)

    def _manifest(self, account: AccountId) -> Manifest:
        task = self.task
        return Manifest(
            self._market.genesis, task.id, task.round, account, task.terms.bundle, task.model
        )

    def _refuse_copy(self, account: AccountId, mark: str) -> None:
        first = self._marks.setdefault(mark, account)
        if first != account:
            raise CopiedWeights(first)

    def _write_result(self, model: Path) -> None:
        target = self._settings.model.result
        if target is not None:
            partial = target.with_name(target.name + ".part")
            with partial.open("wb") as file:
                np.save(file, read_layers(model)[LAYER], allow_pickle=False)
            partial.replace(target)


def kept_keys_of(creator: Creator) -> Path:
    """Where a creator's coordinator keeps keys for others."""
    return creator.workspace.folder / FOLDER


def strategy_of(model: Model) -> Strategy:
    """The strategy that a configuration names.

    Raises:
        LearningError: there is none such.
        ConfigError: it does not fit XAIN's participants, or needs weights to begin with.
    """
    strategy = named(model.strategy, **model.strategy_options)
    if getattr(strategy, "client_settings", None):
        raise ConfigError(
            f"The strategy {model.strategy} has a part for participants, of which XAIN's protocol "
            "cannot tell them. Choose another one in [model]."
        )
    if model.initial is None and model.strategy.replace("_", "-") not in BY_RESULTS_ALONE:
        raise ConfigError(
            f"The strategy {model.strategy} compares results with the weights that the round began "
            "with. Name the first round's in [model], as initial."
        )
    return strategy


def _judge(checked: Checked) -> Verdict | None:
    """As the checks say. What is missing will not come: only the coordinator stores results."""
    if checked.missing:
        return Reject("it was not sent to the aggregator")
    return by_checks(checked)


@contextmanager
def _bundle() -> Iterator[Path]:
    """The task's bundle: for people, since the participants bring their own code."""
    with as_file(files(__package__).joinpath("task_folder")) as folder:
        yield folder
