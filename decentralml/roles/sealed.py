"""Deliveries sealed to the key that a task names: only who has its secret half reads them.

::

    manifest.json    for whom the delivery was made, as inside
    delivery.age     the delivery (`manifest`), sealed

The manifest outside lets anybody see what this is, and has a copied CID refused without opening
anything. What counts is the one inside: nobody but who sealed it can change it, so another's sealed
delivery in a wrapping of one's own still names its maker, and is refused.

Whoever posts a task has a sealing key that follows from the signing key, so that the words of that
key bring back both; other keys are files of age.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from decentralml.assets.sealing.folders import open_folder, seal_folder
from decentralml.assets.sealing.keys import Identity, SealingKey, is_sound
from decentralml.chain.records import Delegated
from decentralml.errors import OutOfOrder, RoleError
from decentralml.learning.errors import MalformedResult, ResultRefused
from decentralml.roles.manifest import MANIFEST
from decentralml.roles.workspace import RoundFolder, put_in_place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from decentralml.assets.cid import Progress
    from decentralml.chain.market import Market
    from decentralml.chain.records import Task
    from decentralml.roles.posting import Offer
    from decentralml.roles.rooms import Rooms

SEALED: Final = "delivery.age"
PURPOSE: Final = b"seal results, v1"


class NotSealed(ResultRefused):
    """A delivery that everybody can read, in a task that asks for sealed ones."""

    def __init__(self) -> None:
        super().__init__("the task asks for sealed results, and everybody can read this one")


class NotToBeSealed(ResultRefused):
    """A sealed message of a secure job that its members have to read."""

    def __init__(self) -> None:
        super().__init__("it is sealed, and the other members have to read it")


class SealingKeyMissing(OutOfOrder):
    """Results are sealed to a key that this person does not have; nothing is wrong with them.

    Attributes: `task`, and `key`, the public half.
    """

    def __init__(self, task: int, key: str) -> None:
        super().__init__(
            f"open the results of task {task}",
            f"they are sealed to {key}, and none of your keys opens that",
            "use the signing key that posted it, or name the file with the sealing key "
            "(DECENTRALML_SEALING_FILE)",
        )
        self.task, self.key = task, key


class UnsealableTask(RoleError):
    """A task names a sealing key that keeps no secret.

    Attributes: `task`.
    """

    def __init__(self, task: int) -> None:
        super().__init__(
            f"task {task} asks for results sealed to a key that everybody could open; "
            "choose another task"
        )
        self.task = task


def can_seal(task: Task) -> bool:
    """Whether results of the task are sealed to no key, or to one that keeps a secret."""
    key = task.terms.sealing_key
    return key is None or is_sound(key)


def own_identity(market: Market) -> Identity:
    """The sealing key that follows from the key that signs.

    Raises: NoSigner: there is none.
    """
    return Identity.of(market.derived_secret(PURPOSE))


def identity_for(rooms: Rooms, task: Task) -> Identity:
    """What opens the task's results: the signer's own key, or one of the files.

    Raises: SealingKeyMissing: none of them does.
    """
    raw = task.terms.sealing_key or b""
    for identity in (own_identity(rooms.market), *rooms.identities):
        if identity.public.raw == raw:
            return identity
    shown = str(SealingKey(raw)) if is_sound(raw) else raw.hex()
    raise SealingKeyMissing(task.id, shown)


def check_offer(offer: Offer, market: Market) -> None:
    """Refuse terms under which nobody could validate.

    Raises:
        InvalidSealingKey: nothing can be sealed to the key.
        OutOfOrder: another account validates, and the key is one that only the creator has.
    """
    if offer.sealing_key is None:
        return
    key = SealingKey(offer.sealing_key)
    if isinstance(offer.policy, Delegated) and key == own_identity(market).public:
        raise OutOfOrder(
            "post the task",
            f"{offer.policy.validator} is to validate results that only you could open",
            "seal them to a key that both of you have: make one with `decentralml keys "
            "new-sealing-key FILE`, give the evaluator a copy, and name it with --seal-to",
        )


def seal_delivery(folder: RoundFolder, key: SealingKey, progress: Progress | None = None) -> Path:
    """Make ``sealed/`` of ``delivery/``, once: sealed again it would have another CID.

    May be interrupted anywhere and repeated: ``sealed/`` appears complete, and on the disk before
    anything of it leaves, or not at all.
    """
    if not folder.sealed.exists():
        being_made = folder.fresh(folder.folder / "sealed.tmp")
        being_made.mkdir()
        shutil.copyfile(folder.delivery / MANIFEST, being_made / MANIFEST)
        seal_folder(folder.delivery, being_made / SEALED, key, progress=progress)
        put_in_place(being_made, folder.sealed)
    return folder.sealed


def is_sealed(delivery: Path) -> bool:
    """Whether a downloaded delivery is a sealed one."""
    return (delivery / SEALED).is_file()


def open_delivery(
    sealed: Path, opened: Path, identity: Callable[[], Identity], progress: Progress | None = None
) -> None:
    """Open a downloaded delivery, unless it was opened before.

    Args:
        sealed: the download, hostile; its manifest is checked.
        opened: where the delivery goes, whose manifest is still to be checked.
        identity: gives the key, once it is needed.

    Raises:
        MalformedResult: it has other files than a sealed delivery.
        AssetError: it does not open, or breaks a rule of bundles.
    """
    if {path.name for path in sealed.iterdir()} != {MANIFEST, SEALED}:
        raise MalformedResult(f"it has other files than {MANIFEST} and {SEALED}")
    if not opened.exists():
        opened.parent.mkdir(parents=True, exist_ok=True)
        open_folder(sealed / SEALED, opened, identity(), progress=progress)
