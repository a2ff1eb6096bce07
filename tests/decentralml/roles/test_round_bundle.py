"""What a round publishes, and how a contributor reads what a stranger published."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from decentralml.assets.cid import cid_of_path
from decentralml.errors import UnusableModel
from decentralml.learning.layers import Layers
from decentralml.learning.models import read_layers
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.fedprox import FedProx
from decentralml.learning.strategies.scaffold import Scaffold
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.roles.round_bundle import (
    MAX_SETTINGS_BYTES,
    RoundFiles,
    read_settings,
    round_files,
    write_settings,
)
from decentralml.roles.telling import Told, told_for, write_round
from decentralml.types import Round
from tests.decentralml.roles.town import BASE


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_weights(path, BASE, WeightsHeader(examples=1))
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    return folder


def test_a_strategy_that_tells_nothing_publishes_the_model_alone(model: Path, bundle: Path) -> None:
    write_round(bundle, model, told_for(FedAvg(), Round(1), model, None))
    assert [path.name for path in bundle.iterdir()] == ["model.safetensors"]
    assert round_files(bundle) == RoundFiles(bundle / "model.safetensors")


def test_settings_and_arrays_lie_beside_the_model(model: Path, bundle: Path) -> None:
    write_round(bundle, model, Told("mine", {"mu": 0.5}, BASE))
    found = round_files(bundle)
    assert found.settings is not None
    assert found.strategy is not None
    assert read_settings(found.settings) == {"strategy": "mine", "settings": {"mu": 0.5}}
    assert {n: a.tolist() for n, a in read_layers(found.strategy).items()} == {
        n: a.tolist() for n, a in BASE.items()
    }


@pytest.mark.parametrize("strategy", [FedAvg(), FedProx(mu=0.5), Scaffold()])
def test_the_same_content_is_published_under_the_same_cid(
    model: Path, tmp_path: Path, strategy: FedAvg | FedProx | Scaffold
) -> None:
    cids = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_round(tmp_path / name, model, told_for(strategy, Round(2), model, None))
        cids.add(cid_of_path(tmp_path / name))
    assert len(cids) == 1


@pytest.mark.parametrize("name", ["round.json", "strategy.safetensors"])
def test_a_model_cannot_be_called_as_what_a_strategy_tells(
    model: Path, bundle: Path, name: str
) -> None:
    with pytest.raises(UnusableModel):
        write_round(bundle, model.rename(model.with_name(name)), Told())


def _link(bundle: Path) -> None:
    (bundle / "round.json").symlink_to("/etc/passwd")


HOSTILE: dict[str, Callable[[Path], object]] = {
    "no model": lambda b: (b / "model.safetensors").unlink(),
    "two models": lambda b: (b / "model.keras").touch(),
    "settings that are a link": _link,
    "settings that are a folder": lambda b: (b / "round.json").mkdir(),
    "arrays that are a folder": lambda b: (b / "strategy.safetensors").mkdir(),
    "no JSON": lambda b: (b / "round.json").write_text("{"),
    "no object": lambda b: (b / "round.json").write_text("[]"),
    "NaN": lambda b: (b / "round.json").write_text('{"mu": NaN}'),
    "too deep": lambda b: (b / "round.json").write_text('{"a":' * 9 + "1" + "}" * 9),
    "too long": lambda b: (b / "round.json").write_text(json.dumps("x" * MAX_SETTINGS_BYTES)),
}


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_bundle_is_refused(
    model: Path, bundle: Path, spoil: Callable[[Path], object]
) -> None:
    write_round(bundle, model, Told())
    round_files(bundle)
    spoil(bundle)
    with pytest.raises(UnusableModel):
        round_files(bundle)


def test_the_longest_settings_are_still_read(model: Path, bundle: Path) -> None:
    write_round(bundle, model, Told())
    room = MAX_SETTINGS_BYTES - len(json.dumps({"strategy": "", "settings": {"x": ""}})) - 1
    write_settings(bundle, "", {"x": "y" * room})
    assert (bundle / "round.json").stat().st_size == MAX_SETTINGS_BYTES
    round_files(bundle)
    write_settings(bundle, "", {"x": "y" * (room + 1)})
    with pytest.raises(UnusableModel):
        round_files(bundle)


def test_settings_may_be_a_function_of_the_round(model: Path) -> None:
    class Mine(FedAvg):
        def client_settings(self, number: int) -> dict[str, object]:
            return {"round": number}

    assert told_for(Mine(), Round(7), model, None).settings == {"round": 7}


def test_arrays_are_told_from_what_the_strategy_remembers(model: Path) -> None:
    class Mine(FedAvg):
        def tell(self, memory: object, template: object) -> Layers:
            assert set(template) == set(BASE)  # type: ignore[call-overload]
            return BASE

    assert told_for(Mine(), Round(1), model, None).arrays is BASE
