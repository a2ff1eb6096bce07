"""What a client's methods return becomes a result for the market, or is refused by name."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decentralml.compat.flower.arrays import FILE, read_arrays, write_arrays
from decentralml.compat.flower.bundle import Asks, JobNote
from decentralml.compat.flower.client import NumPyClient
from decentralml.compat.flower.errors import ClientMisbehaved
from decentralml.compat.flower.work import ClientWork, implements
from decentralml.learning.results import read_result
from decentralml.roles.participant import Training
from decentralml.roles.round_bundle import write_settings
from decentralml.types import Round, TaskId

GIVEN = [np.float32([1, 2]), np.array(3)]
AsksFor = Callable[..., Training]


class Client:
    """Doubles what it is given."""

    def __init__(self, answer: Any = None) -> None:
        self.answer, self.told = answer, None

    def get_parameters(self, **kwargs: Any) -> list[np.ndarray]:
        return GIVEN

    def fit(self, parameters: list[np.ndarray], config: dict[str, Any]) -> Any:
        self.told = config
        if self.answer is not None:
            return self.answer
        for array in parameters:
            np.multiply(array, 2, out=array)
        return parameters, 4, {"accuracy": 0.5}


class Measuring(Client):
    def evaluate(self, parameters: list[np.ndarray], config: dict[str, Any]) -> Any:
        self.asked = config
        parameters[0][:] = 99  # must not reach `fit`
        return 0.25, 8, {"dice": 0.75}


@pytest.fixture
def training(tmp_path: Path) -> AsksFor:
    def make(asks: Asks = Asks.FIT, round_: int = 1, **settings: Any) -> Training:
        for name in ("round", "state", "result"):
            (tmp_path / name).mkdir()
        model = tmp_path / "round" / "model.safetensors"
        write_arrays(model, GIVEN, 1, "get_parameters")
        told = write_settings(tmp_path / "round", "fedavg", settings)
        bundle = JobNote(asks, "a job").write(tmp_path / "bundle")
        return Training(
            task=TaskId(0),
            round=Round(round_),
            model=model,
            settings=told,
            strategy=None,
            state=tmp_path / "state",
            result=tmp_path / "result",
            contributor="5Bob",
            bundle=bundle,
        )

    return make


def test_a_round_of_fit_becomes_a_result(training: AsksFor) -> None:
    round_ = training()

    ClientWork(Client())(round_)

    result = read_result(round_.result)
    assert (result.examples, result.metrics) == (4, {"accuracy": 0.5})
    doubled, count = read_arrays(round_.result / FILE)
    assert doubled.tolist() == [2, 4]
    assert count.dtype == np.int64
    assert count == 6


def test_the_servers_config_reaches_fit(training: AsksFor) -> None:
    client = Client()

    ClientWork(client)(training(**{"fit/rate": 0.1, "fit/local": True, "evaluate/rate": 1}))

    assert client.told == {"rate": 0.1, "local": True}


def test_the_first_parameters_are_those_of_the_client(training: AsksFor) -> None:
    asked = training(Asks.PARAMETERS)

    ClientWork(Client())(asked)

    assert read_result(asked.result).examples == 1
    assert [array.tolist() for array in read_arrays(asked.result / FILE)] == [[1, 2], 3]


def test_the_model_is_measured_before_it_is_trained_on(training: AsksFor) -> None:
    client, round_ = Measuring(), training(round_=2, **{"evaluate": True, "evaluate/steps": 3})

    ClientWork(client)(round_)

    figures = read_result(round_.result).metrics
    assert client.asked == {"steps": 3}
    assert figures == {
        "accuracy": 0.5,
        "evaluate/loss": 0.25,
        "evaluate/examples": 8,
        "evaluate/dice": 0.75,
    }
    assert read_arrays(round_.result / FILE)[0].tolist() == [2, 4]


@pytest.mark.parametrize(("round_", "evaluate"), [(1, True), (2, False)])
def test_nothing_is_measured_in_round_one_or_unasked(
    training: AsksFor, round_: int, evaluate: bool
) -> None:
    asked = training(round_=round_, evaluate=evaluate)

    ClientWork(Measuring())(asked)

    assert read_result(asked.result).metrics == {"accuracy": 0.5}


def test_a_client_without_evaluate_is_not_asked_to(training: AsksFor) -> None:
    asked = training(round_=2, evaluate=True)

    ClientWork(Client())(asked)

    assert read_result(asked.result).metrics == {"accuracy": 0.5}


def test_figures_that_are_no_finite_numbers_are_named_and_left_out(
    training: AsksFor, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = {"note": "good", "loss": float("nan"), "best": np.bool_(True), "n": np.int64(3)}
    round_ = training()

    with caplog.at_level(logging.WARNING):
        ClientWork(Client((GIVEN, 4, metrics)))(round_)

    assert read_result(round_.result).metrics == {"best": 1.0, "n": 3.0}
    assert [record.args[1] for record in caplog.records if record.args] == ["note", "loss"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((GIVEN, 4), "did not return"),
        (GIVEN, "did not return"),
        ((GIVEN, 4, 0.5), "metrics that are a float"),
        ((GIVEN[0], 4, {}), "did not return a list"),
        (([], 4, {}), "did not return a list"),
        ((GIVEN, 0, {}), "counted 0 examples"),
        ((GIVEN, -1, {}), "counted -1 examples"),
        ((GIVEN, 4.5, {}), "counted 4.5 examples"),
        ((GIVEN, True, {}), "counted True examples"),
        ((GIVEN[:1], 4, {}), "returned 1 arrays, and was given 2"),
        (([GIVEN[0].astype(np.float64), GIVEN[1]], 4, {}), "as float64"),
        (([GIVEN[0], np.array(3.0)], 4, {}), "as float64"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused_by_name(
    training: AsksFor, answer: Any, why: str
) -> None:
    with pytest.raises(ClientMisbehaved, match=why):
        ClientWork(Client(answer))(training())


def test_only_a_method_of_its_own_counts() -> None:
    class Mine(NumPyClient):
        def fit(self, parameters: Any, config: Any) -> Any:
            return parameters, 1, {}

    assert implements(Mine(), "fit")
    assert not implements(Mine(), "evaluate")
    assert not implements(object(), "fit")


def test_a_settings_file_of_a_stranger_gives_the_client_scalars_only(training: AsksFor) -> None:
    client, round_ = Client(), training()
    assert round_.settings is not None
    hostile = {"settings": {"fit/a": [1], "fit/b": {"c": 1}, "fit/d": None, "fit/e": "x", "q": 1}}
    round_.settings.write_text(json.dumps(hostile))

    ClientWork(client)(round_)

    assert client.told == {"e": "x"}
