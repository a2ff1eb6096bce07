"""Settings: from flags, the environment and a file, in that order, each with where it came from.

Only `cli/wiring.py` reads them; every other room is handed what it needs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_config_path, user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from decentralml.errors import ConfigError

ENV_PREFIX = "DECENTRALML_"


def default_config_file() -> Path:
    """Where settings are read from unless `--config` or DECENTRALML_CONFIG says otherwise."""
    return user_config_path("decentralml") / "config.toml"


class Settings(BaseSettings):
    """What a person may set. A field names its key in the file and, in capitals, its variable."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    node: Annotated[tuple[str, ...], NoDecode] = Field(
        ("ws://127.0.0.1:9944",),
        description="WebSocket address of a chain's node; more nodes of it after spaces",
    )
    key: str | None = Field(None, description="name of the key that signs (see `decentralml keys`)")
    in_name_of: str | None = Field(
        None, description="account that your key works for, which has appointed it"
    )
    keys: Path = Field(
        default_factory=lambda: user_data_path("decentralml") / "keys",
        description="folder of key files",
    )
    workspace: Path = Field(
        default_factory=lambda: user_data_path("decentralml") / "workspace",
        description="folder of your tasks, results and journal",
    )
    store: str = Field(
        default_factory=lambda: str(user_data_path("decentralml") / "store"),
        description="where bundles are kept: a folder, or an address such as ipfs:// or s3://…",
    )
    mirrors: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="more stores, read from when the first lacks something; spaces between"
    )
    data: Path | None = Field(None, description="folder of your own data, shown to tasks read-only")
    sealing_file: Path | None = Field(
        None, description="file of further keys that open sealed results (`keys new-sealing-key`)"
    )
    wait: Literal["auto", "inclusion", "finality"] = Field(
        "auto", description="when a call counts as done; auto: finality, inclusion on a dev chain"
    )
    timeout: float = Field(60.0, gt=0, description="seconds to wait for the chain to answer")
    sandbox: Literal["auto", "bubblewrap", "none"] = Field(
        "auto", description="how start_task.sh is locked in; none: not at all"
    )
    limit_time: int = Field(3600, gt=0, description="seconds that a task's script may take")
    limit_memory: int = Field(4 * 1024, gt=0, description="MiB of memory that it may take")
    limit_disk: int = Field(2 * 1024, gt=0, description="MiB that it may write")
    limit_processes: int = Field(512, gt=0, description="processes and threads it may start")
    private_clip: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="longest update that leaves; with it, noise does",
    )
    private_noise: float = Field(
        1.0,
        ge=0,
        allow_inf_nan=False,
        description="noise on it, a multiple of 2 private_clip (see `decentralml privacy`)",
    )

    @field_validator("node", mode="before")
    @classmethod
    def _addresses(cls, value: object) -> object:
        said = " ".join(map(str, value)) if isinstance(value, (tuple, list)) else value
        if not isinstance(said, str):
            return said
        # A comma may belong to an address; before another one it stands between the two.
        return re.split(r"[\s,]+(?=\w+://)|\s+", said.strip(" ,"))

    @field_validator("node")
    @classmethod
    def _websocket(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(address.startswith(("ws://", "wss://")) for address in value):
            raise ValueError("a node's address begins with ws:// or wss://")
        return value

    @field_validator("mirrors", mode="before")
    @classmethod
    def _separated(cls, value: object) -> object:
        return value.split() if isinstance(value, str) else value

    @field_validator("keys", "workspace", "data", "sealing_file")
    @classmethod
    def _home(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser()


@dataclass(frozen=True)
class Loaded:
    """Settings, and for each where its value came from."""

    settings: Settings
    origins: Mapping[str, str]
    file: Path


def load_settings(flags: Mapping[str, object], file: Path | None = None) -> Loaded:
    """Settings from `flags`, else the environment, else the file, else the defaults.

    Args:
        flags: what the command line said; None and an empty list count as not said.
        file: a TOML file; without one, `default_config_file()`, if it exists.
    Raises:
        ConfigError: a named file is missing or no TOML, an unknown key, a value that does not fit.
    """
    if file is not None and not file.is_file():
        raise ConfigError(f"There is no settings file {file}. Create it, or leave --config out.")
    path = file or default_config_file()
    said = {name: value for name, value in flags.items() if value is not None and value != []}
    try:
        environment = EnvSettingsSource(Settings, env_prefix=ENV_PREFIX)()
        from_file = TomlConfigSettingsSource(Settings, toml_file=path)()
        settings = Settings(**{**from_file, **environment, **said})
    except ValidationError as error:
        raise ConfigError(_in_words(error, path)) from error
    except ValueError as error:
        raise ConfigError(f"The settings file {path} cannot be read: {error}.") from error

    def origin(name: str) -> str:
        if name in said:
            return f"flag --{name.replace('_', '-')}"
        if name in environment:
            return f"environment {ENV_PREFIX}{name.upper()}"
        return f"file {path}" if name in from_file else "default"

    return Loaded(settings, {name: origin(name) for name in Settings.model_fields}, path)


def _in_words(error: ValidationError, path: Path) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(Settings.model_fields)
        return f"There is no setting named {name} (in {path}). Settings are: {known}."
    reason = first["msg"].removeprefix("Value error, ")
    return f"The setting {name} does not fit: {reason}. See `decentralml config show`."
