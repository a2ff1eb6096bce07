"""A federated job as people run it, while a test does things to the network under it.

Alice creates, Eve and Ferdie work: each in a thread, with a connection to a validator of their
own. Their functions add a number to each weight, so what the model must be is known beforehand.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from decentralml.chain.node import Node
from decentralml.chain.records import ResultStatus, TaskStatus
from decentralml.chain.signed import Receipt, SignedCall
from decentralml.localnet import LocalNetwork
from decentralml.roles.events import Did, Event
from decentralml.roles.job.plan import JobReport
from decentralml.roles.participant import Train, Training
from decentralml.types import BlockNumber, TaskId
from tests.decentralml.roles.town import BASE, REWARD, Town, adding, an_offer, layers_of

CREATOR, WORKERS = "Alice", ("Eve", "Ferdie")
STEPS = {"Eve": 1.0, "Ferdie": 3.0}  # their mean, for equally many examples, is 2 a round
PATIENCE = 240.0
"""Seconds for what takes a healthy network ten: other programs may run on the machine."""


@dataclass
class Diary:
    """What everybody said, and when; may be waited on."""

    said: list[tuple[str, Event]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def observer(self, name: str) -> Callable[[Event], None]:
        def note(event: Event) -> None:
            with self.changed:
                self.said.append((name, event))
                self.changed.notify_all()

        return note

    def wait_for(self, met: Callable[[str, Event], bool], seconds: float = PATIENCE) -> Event:
        """The first thing said that is so, said already or not."""

        def found() -> Event | None:
            return next((event for name, event in self.said if met(name, event)), None)

        with self.changed:
            if self.changed.wait_for(found, seconds) is None or (event := found()) is None:
                raise AssertionError(f"not said within {seconds} s; said was {self.said[-20:]}")
            return event

    def told_of_waiting(self, words: str) -> set[str]:
        """Who was told these words while they waited."""
        return {name for name, e in self.said if e.did is Did.WAITING and words in e.text}


class Job:
    """One job on a network, from its posting to the end.

    Args:
        urls: the validators of the creator and the two workers; several for who knows several.
        folder: empty; for the store and everybody's workspace.
        rounds: how many.
        gated: rounds in which training ends only when `open_gate` says so.
    """

    def __init__(
        self,
        urls: Sequence[str | Sequence[str]],
        folder: Path,
        *,
        rounds: int = 2,
        gated: Sequence[int] = (),
    ) -> None:
        self._gates = {number: threading.Event() for number in gated}
        self.rounds, self.diary, self.folder = rounds, Diary(), folder
        self.report: JobReport | None = None
        self.failures: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)
        people = (CREATOR, *WORKERS)
        self.towns = {n: Town(url, folder) for n, url in zip(people, urls, strict=True)}
        self.before = self._purses()
        self.task = self._posted()
        self._over = threading.Event()
        does = {CREATOR: self._create, **dict.fromkeys(WORKERS, self._work)}
        self._threads = [
            threading.Thread(target=self._do, args=(name, what), name=name, daemon=True)
            for name, what in does.items()
        ]
        for thread in self._threads:
            thread.start()

    # What people do

    def _posted(self) -> TaskId:
        town = self._connected(CREATOR)
        creator = town.creator(CREATOR, on_event=self.diary.observer(CREATOR))
        offer = an_offer(rounds=self.rounds)
        posted = creator.create_task(town.bundle(), offer, model=town.base_model())
        town.close()
        return posted.task

    def _connected(self, name: str) -> Town:
        town = self.towns[name]
        town.nodes[threading.get_ident()] = Node(town.url, timeout=PATIENCE)
        return town

    def _do(self, name: str, what: Callable[[str, Town], None]) -> None:
        town = None
        try:
            town = self._connected(name)
            what(name, town)
        except Exception as error:  # noqa: BLE001 - told to the test, which ends by it
            self.failures.append(f"{name}: {type(error).__name__}: {error}")
            with self.diary.changed:
                self.diary.changed.notify_all()
        finally:
            if town is not None:
                town.close()

    def _create(self, name: str, town: Town) -> None:
        creator = town.creator(name, on_event=self.diary.observer(name))
        self.report = creator.run_job(self.task, stop=self._over.is_set)

    def _work(self, name: str, town: Town) -> None:
        worker = town.participant(name, self._training(name), on_event=self.diary.observer(name))
        worker.take_part(self.task, stop=self._over.is_set)

    def _training(self, name: str) -> Train:
        add = adding(STEPS[name])

        def train(training: Training) -> None:
            gate = self._gates.get(training.round)
            if gate is not None:
                assert gate.wait(2 * PATIENCE)
            add(training)

        return train

    # What a test does

    def open_gate(self, number: int) -> None:
        """Let the training of this round end."""
        self._gates[number].set()

    def until_joined(self) -> None:
        for name in WORKERS:
            self.diary.wait_for(lambda who, e, n=name: who == n and e.did is Did.ACCEPTED)  # type: ignore[misc]

    def until_round(self, number: int) -> None:
        """Wait until the creator has started this round, and that is final."""
        self.diary.wait_for(lambda _, e: e.did is Did.ROUND_STARTED and e.round == number)

    def finish(self) -> JobReport:
        """Wait until everybody has nothing left to do."""
        end = time.monotonic() + 2 * PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        assert not self.failures, self.failures
        assert self.report is not None, self.diary.said[-20:]
        return self.report

    def stop(self) -> None:
        """End all threads, wherever they are."""
        self._over.set()
        for gate in self._gates.values():
            gate.set()
        for town in self.towns.values():
            town.close()
        for thread in self._threads:
            thread.join(30)

    # What must be true when it is over

    def check_all_is_right(self, network: LocalNetwork) -> None:
        """The model is the one that the deliveries make; everybody was paid once, by every
        validator's word."""
        report = self.finish()
        self._check_model(report)
        height = self.last_block()
        network.wait_until(lambda s: all((v.finalised or 0) >= height for v in s.validators))
        for validator in network.validators:
            with Node(validator.url) as node:
                self._check_money(Town(node.url, self.folder))
                self._check_finality(node)

    def _check_model(self, report: JobReport) -> None:
        assert len(report.rounds) == self.rounds
        assert [len(done.used) for done in report.rounds] == [len(WORKERS)] * self.rounds
        for name, layer in layers_of(report.rounds[-1].model).items():
            np.testing.assert_allclose(layer, BASE[name] + 2.0 * self.rounds)

    def _check_money(self, town: Town) -> None:
        try:
            market = town.market(CREATOR)
            task = market.task(self.task)
            assert task.status is TaskStatus.COMPLETED
            results = market.results_of(self.task)
            assert len(results) == len(WORKERS) * self.rounds
            assert all(r.status is ResultStatus.ACCEPTED and r.paid == REWARD for r in results)
            assert market.owed(self.task) == 0
            paid = self.rounds * REWARD
            for name in WORKERS:
                earned = self._purse(town, name) - self.before[name]
                # Only fees, and the deposits of what is stored, are less than the pay.
                assert 0 < paid - earned < REWARD // 10, (name, paid, earned)
                # One call to accept and one a round: none was signed and taken twice.
                assert town.nonce(name) - self.before[f"{name}'s nonce"] == 1 + self.rounds
        finally:
            town.close()

    def _check_finality(self, node: Node) -> None:
        """All that anybody took for final is in the chain that is final now."""
        final = node.finalised().number
        for receipt in self.receipts():
            assert receipt.block_number <= final
            assert node.block_hash(receipt.block_number) == receipt.block_hash, receipt

    def last_block(self) -> BlockNumber:
        return max(receipt.block_number for receipt in self.receipts())

    def receipts(self) -> list[Receipt]:
        """What the journals of all three say is done: each waited until it was final."""
        found: list[Receipt] = []
        for path in sorted(self.folder.glob("workspaces/*/*/journal.sqlite")):
            with sqlite3.connect(path) as journal:
                rows = journal.execute("SELECT outcome FROM calls WHERE state = 'done'").fetchall()
            found += [Receipt.from_json(outcome) for (outcome,) in rows]
        assert found
        return found

    def versions_signed_for(self) -> set[int]:
        """The runtimes that everybody's calls were made for."""
        found = set()
        for path in self.folder.glob("workspaces/*/*/journal.sqlite"):
            with sqlite3.connect(path) as journal:
                rows = journal.execute("SELECT signed FROM calls WHERE state = 'done'").fetchall()
            found |= {SignedCall.from_json(signed).spec_version for (signed,) in rows}
        return found

    def _purses(self) -> dict[str, int]:
        town = Town(self.towns[CREATOR].url, self.folder)
        try:
            purses = {name: self._purse(town, name) for name in WORKERS}
            return purses | {f"{name}'s nonce": town.nonce(name) for name in WORKERS}
        finally:
            town.close()

    def _purse(self, town: Town, name: str) -> int:
        balance = town.market(CREATOR).balance(town.address(name))
        return balance.free + balance.held
