"""What a role is given: the rooms it works with, and the machine its scripts run on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from decentralml.assets.sealing.keys import Identity
from decentralml.assets.store import AssetStore
from decentralml.chain.market import Market
from decentralml.chain.records import Task
from decentralml.learning.privacy.local import LocalPrivacy
from decentralml.roles.events import Checkpoint, Observer, ignore, pass_by
from decentralml.roles.workspace import Workspace
from decentralml.runner import Limits, Sandbox


@dataclass(frozen=True, slots=True)
class Rooms:
    """The rooms of one person's role.

    Attributes:
        market: the chain client, signing as the person.
        store: where bundles are put and found.
        workspace: the person's folder for this chain and account.
        on_event: told of everything that begins and ends.
        checkpoint: called with a name before and after each effect; for tests.
        identities: the sealing keys that the person has besides the signing key's own.
    """

    market: Market
    store: AssetStore
    workspace: Workspace
    on_event: Observer = ignore
    checkpoint: Checkpoint = pass_by
    identities: Sequence[Identity] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What a person looks at before a stranger's script runs.

    Attributes:
        task: the task, with its terms.
        bundle: the verified bundle's folder, with ``start_task.sh`` in it.
        touches: what the script may read, write and reach, and its limits, in words.
    """

    task: Task
    bundle: Path
    touches: str


Trust: TypeAlias = Callable[[Preview], bool]


def trust_nothing(preview: Preview) -> bool:
    """The default decision: no script runs unless somebody says so."""
    return False


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a worker's scripts run.

    Attributes:
        sandbox: what keeps the script away from the rest of the machine.
        limits: time, memory, processes and disk that a run may use.
        data_dir: the person's data, shown read-only to the script; None when it needs none.
        trust: decides once for each bundle whether its script may run.
        env: further variables for the script.
        privacy: noise on every model that leaves, by local differential privacy; None for none.
    """

    sandbox: Sandbox
    limits: Limits
    data_dir: Path | None = None
    trust: Trust = trust_nothing
    env: Mapping[str, str] = field(default_factory=dict)
    privacy: LocalPrivacy | None = None
