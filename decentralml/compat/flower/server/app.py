"""`start_server`: a Flower server is a creator that posts a task and runs the job."""

from __future__ import annotations

import logging
import tempfile
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decentralml.compat.flower.arrays import FILE, read_arrays, write_arrays
from decentralml.compat.flower.bundle import Asks, JobNote
from decentralml.compat.flower.common import EvaluateFn, parameters_to_ndarrays
from decentralml.compat.flower.errors import NotSupported
from decentralml.compat.flower.history import History
from decentralml.compat.flower.rooms import Address, open_rooms
from decentralml.compat.flower.server.figures import CENTRAL_LOSS, history_of
from decentralml.compat.flower.server.first import first_parameters
from decentralml.compat.flower.server.market import OnMarket
from decentralml.compat.flower.server.rule import Flower
from decentralml.compat.flower.server.strategy import FedAvg
from decentralml.compat.flower.work import numbers
from decentralml.roles.creator import Creator
from decentralml.roles.federation import Evaluate
from decentralml.roles.job.plan import Plan
from decentralml.roles.rooms import Rooms
from decentralml.roles.worker import never

log = logging.getLogger("decentralml.flower")


@dataclass
class ServerConfig:
    """Flower's.

    Attributes:
        num_rounds: rounds of training.
        round_timeout: only None: the market counts blocks, see `OnMarket.round_time`.
    """

    num_rounds: int = 1
    round_timeout: float | None = None


def start_server(  # noqa: PLR0913 - Flower's own
    *,
    server_address: str | None = None,
    server: Any | None = None,
    config: ServerConfig | None = None,
    strategy: FedAvg | None = None,
    client_manager: Any | None = None,
    grpc_max_message_length: int | None = None,
    certificates: Any | None = None,
    on_market: OnMarket | None = None,
    stop: Callable[[], bool] = never,
) -> History:
    """Post a job, run its rounds with whoever takes part, pay them, and return the figures.

    Args:
        server_address: ``ws://…`` of a chain's node; None for the one in the settings.
        server, client_manager, certificates: Flower's; refused.
        config: how many rounds.
        strategy: one of `decentralml.compat.flower.server.strategy`.
        grpc_max_message_length: ignored: there is no message to limit.
        on_market: reward, slots and times; not in Flower.
        stop: asked at least once a second; True ends it between two steps. Not in Flower.

    Raises:
        NotSupported: an argument that has no meaning here.
        InsufficientFunds: the account cannot hold what the job may cost.
        ConfigError: no key is named.
        ChainError: the chain cannot be reached any more.
    """
    for name, value in (
        ("server", server), ("client_manager", client_manager), ("certificates", certificates)
    ):  # fmt: skip
        if value is not None:
            raise NotSupported(f"the option {name}", "leave it out: the market takes its place")
    with open_rooms(Address.parse(server_address)) as rooms:
        return serve(rooms, config or ServerConfig(), strategy or FedAvg(), on_market, stop=stop)


def serve(
    rooms: Rooms,
    config: ServerConfig,
    strategy: FedAvg,
    on_market: OnMarket | None = None,
    *,
    stop: Callable[[], bool] = never,
) -> History:
    """What `start_server` does once it has its rooms: for programs that have theirs already.

    Raises: as `start_server`; Stopped: `stop` said so before the job was posted.
    """
    if config.round_timeout is not None:
        raise NotSupported("round_timeout in seconds", "say in blocks: OnMarket(round_time=…)")
    terms = on_market or OnMarket()
    job = terms.job or uuid.uuid4().hex
    creator, rule = Creator(rooms), Flower(strategy)
    with tempfile.TemporaryDirectory(prefix="decentralml-flower-") as name:
        folder = Path(name)
        model = _first_model(creator, strategy, terms, job, folder, stop)
        bundle = JobNote(Asks.FIT, job).write(folder / "fit")
        offer = terms.offer(strategy.min_available_clients, config.num_rounds)
        task = creator.create_task(bundle, offer, model=model, key=f"{job}/fit", strategy=rule).task
    log.info("task %d: %d rounds, %d slots", task, offer.rounds, offer.slots)
    plan = Plan(
        strategy=rule,
        min_workers=strategy.min_available_clients,
        min_results=strategy.min_fit_clients,
        fraction=strategy.fraction_fit,
        evaluate=None if strategy.evaluate_fn is None else _measuring(strategy.evaluate_fn),
        metric="",  # no model is kept as the best: Flower's result is the last
        output=terms.output,
    )
    return history_of(creator.run_job(task, plan, stop=stop), strategy)


def _first_model(  # noqa: PLR0913, PLR0917 - what a posting is made of
    creator: Creator,
    strategy: FedAvg,
    terms: OnMarket,
    job: str,
    folder: Path,
    stop: Callable[[], bool],
) -> Path:
    if strategy.initial_parameters is None:
        return first_parameters(creator, terms, job, folder, stop)
    arrays = parameters_to_ndarrays(strategy.initial_parameters)
    write_arrays(folder / FILE, arrays, 1, "initial_parameters")
    return folder / FILE


def _measuring(evaluate: EvaluateFn) -> Evaluate:
    """Flower's `evaluate_fn` for a model's file, whose place in the workspace tells its round."""

    def measure(model: Path) -> Mapping[str, float]:
        number = int(model.parent.parent.name.removeprefix("round-"))
        after = number if model.parent.name == "federated" else number - 1
        measured = evaluate(after, read_arrays(model), {})
        if measured is None:
            return {}
        loss, metrics = measured
        log.info("[ROUND %d] evaluate: loss %s, metrics %s", after, loss, metrics)
        return {**numbers(metrics, "evaluate_fn"), **numbers({CENTRAL_LOSS: loss}, "evaluate_fn")}

    return measure
