"""A coordinator's configuration file, checked before anything is done."""

from __future__ import annotations

import importlib
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from typing_extensions import Self

from decentralml.errors import ConfigError
from decentralml.learning.layers import LayerSpec

toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

MOST_NUMBERS = 200_000_000


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Job(_Part):
    """What is done, and for how much."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    title: str = Field(
        default="Federated averaging for XAIN participants", min_length=1, max_length=100
    )
    rounds: int = Field(ge=1, le=1000)
    reward: str


class Participants(_Part):
    """Who takes part."""

    fraction: float = Field(default=1.0, gt=0, le=1)
    least: int = Field(default=1, ge=1, le=1000)
    most: int = Field(default=20, ge=1, le=1000)
    keyless: Literal["refuse", "keep"] = "refuse"
    allowance: str = "1"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least is {self.least}, more than most, which is {self.most}")
        return self


class Timeouts(_Part):
    """How long is waited, in seconds."""

    heartbeat: float = Field(default=15, gt=0)
    training: float = Field(default=600, gt=0)
    signing: float = Field(default=120, gt=0)
    round: float = Field(default=3600, gt=0)


class Model(_Part):
    """The weights, and how they are combined."""

    shape: list[int] = Field(min_length=1, max_length=8)
    dtype: Literal["float16", "float32", "float64"] = "float32"
    initial: Path | None = None
    result: Path | None = None
    strategy: str = "fedavg"
    strategy_options: dict[str, float | str | bool] = Field(default_factory=dict)

    @field_validator("shape")
    @classmethod
    def _sizes(cls, shape: list[int]) -> list[int]:
        product = 1
        for size in shape:
            if size < 1:
                raise ValueError("every size is at least 1")
            product *= size
        if product > MOST_NUMBERS:
            raise ValueError(f"{product} numbers are more than {MOST_NUMBERS}")
        return shape

    @property
    def spec(self) -> LayerSpec:
        """What every result must look like."""
        return LayerSpec(tuple(self.shape), self.dtype)


class Listen(_Part):
    """Where a server listens; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)


class Aggregator(Listen):
    """Where the aggregator listens, and its address as participants reach it."""

    url: str | None = Field(default=None, pattern=r"^https?://[^\s/]+/?$")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.url is None and self.host in {"0.0.0.0", "::"}:  # noqa: S104 - to refuse it
            raise ValueError(f"host {self.host} is no address that participants can call; add url")
        return self


class Blocks(_Part):
    """The task's limits on chain, in blocks."""

    accept_for: int = Field(default=100_000, ge=1, le=1_000_000)
    round_time: int = Field(default=100_000, ge=1, le=1_000_000)
    validate_time: int = Field(default=14_400, ge=1, le=1_000_000)
    dispute_time: int = Field(default=14_400, ge=1, le=1_000_000)


class CoordinatorSettings(_Part):
    """The whole file; `sample` explains each of its lines."""

    job: Job
    participants: Participants = Participants()
    timeouts: Timeouts = Timeouts()
    model: Model
    coordinator: Listen = Listen(port=8081)
    aggregator: Aggregator = Aggregator(port=8082)
    blocks: Blocks = Blocks()


def sample() -> str:
    """A commented configuration, to be changed."""
    return files(__package__).joinpath("sample.toml").read_text(encoding="utf-8")


def load(path: Path) -> CoordinatorSettings:
    """The configuration in a file; paths in it are relative to the file.

    Raises: ConfigError: it is missing, no TOML, or a value does not fit.
    """
    try:
        said = toml.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"The configuration {path} cannot be read: {error.strerror}. "
            "Make one: decentralml coordinator --sample-config > coordinator.toml"
        ) from error
    except ValueError as error:
        raise ConfigError(f"The configuration {path} is no TOML: {error}.") from error
    return parsed(said, path)


def parsed(said: dict[str, Any], path: Path) -> CoordinatorSettings:
    """As `load`, of what was read from ``path``."""
    try:
        settings = CoordinatorSettings.model_validate(said)
    except ValidationError as error:
        raise ConfigError(_in_words(error, path)) from error
    model = settings.model
    absolute = {
        name: path.parent / place
        for name in ("initial", "result")
        if (place := getattr(model, name)) is not None
    }
    return settings.model_copy(update={"model": model.model_copy(update=absolute)})


def _in_words(error: ValidationError, path: Path) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return (
            f"{path} sets {name}, which there is not. See decentralml coordinator --sample-config"
        )
    reason = first["msg"].removeprefix("Value error, ")
    return f"{path}: {name} does not fit: {reason}. See decentralml coordinator --sample-config"
