"""The configuration: its sample is one, and each mistake is told in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from decentralml.compat.coordinator.settings import load, parsed, sample, toml
from decentralml.errors import ConfigError

FILE = Path("/somewhere/coordinator.toml")
LEAST: dict[str, Any] = {"job": {"name": "a", "rounds": 1, "reward": "1"}, "model": {"shape": [5]}}


def changed(table: str, **values: Any) -> dict[str, Any]:
    return {**LEAST, table: {**LEAST.get(table, {}), **values}}


def test_the_sample_is_a_configuration_that_says_what_its_lines_do(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.toml"
    path.write_text(sample())

    asked = load(path)

    assert (asked.job.rounds, asked.participants.fraction, asked.participants.least) == (10, 0.6, 5)
    assert asked.model.result == tmp_path / "final-weights.npy"
    for line in sample().splitlines():
        assert len(line) <= 100


def test_every_setting_stands_in_the_sample() -> None:
    shown = sample()
    for table, model in type(parsed(LEAST, FILE)).model_fields.items():
        assert f"[{table}]" in shown
        for name in model.annotation.model_fields:  # type: ignore[union-attr]
            # Options belong to a strategy, whose page lists them.
            assert f"\n{name} = " in shown or f"\n# {name} = " in shown or "options" in name


def test_what_the_sample_says_are_the_defaults() -> None:
    said = toml.loads(sample())
    plain = parsed(LEAST, FILE).model_dump()
    for table in ("timeouts", "blocks", "coordinator"):
        assert said[table] == plain[table]


def test_the_least_configuration_is_enough() -> None:
    asked = parsed(LEAST, FILE)

    assert asked.participants.keyless == "refuse"
    assert (asked.coordinator.port, asked.aggregator.port) == (8081, 8082)
    assert asked.model.spec.shape == (5,)


@pytest.mark.parametrize(
    ("table", "values", "words"),
    [
        ("job", {"rounds": 0}, "job.rounds"),
        ("job", {"rounds": 1001}, "job.rounds"),
        ("job", {"name": "../up"}, "job.name"),
        ("participants", {"fraction": 0}, "participants.fraction"),
        ("participants", {"fraction": 1.01}, "participants.fraction"),
        ("participants", {"least": 6, "most": 5}, "least is 6, more than most, which is 5"),
        ("participants", {"keyless": "maybe"}, "participants.keyless"),
        ("timeouts", {"heartbeat": 0}, "timeouts.heartbeat"),
        ("model", {"shape": []}, "model.shape"),
        ("model", {"shape": [0]}, "every size is at least 1"),
        ("model", {"shape": [20000, 20001]}, "are more than"),
        ("model", {"dtype": "int32"}, "model.dtype"),
        ("aggregator", {"port": 8082, "host": "0.0.0.0"}, "add url"),
        ("aggregator", {"port": 8082, "url": "ftp://here"}, "aggregator.url"),
        ("coordinator", {"port": 65536}, "coordinator.port"),
        ("blocks", {"round_time": 0}, "blocks.round_time"),
        ("job", {"epochs": 3}, "sets job.epochs, which there is not"),
    ],
)
def test_a_value_that_does_not_fit_is_named(table: str, values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parsed(changed(table, **values), FILE)

    assert words in str(refused.value)
    assert "--sample-config" in str(refused.value)


def test_a_missing_and_a_broken_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("[job\n")
    with pytest.raises(ConfigError, match="no TOML"):
        load(tmp_path / "broken.toml")
