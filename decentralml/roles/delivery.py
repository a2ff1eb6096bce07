"""From a script's result to a delivery on disk, and from a model bundle to the model's file."""

from __future__ import annotations

from pathlib import Path

from decentralml.roles.manifest import RESULT, Manifest, write_delivery
from decentralml.roles.round_bundle import round_files
from decentralml.roles.workspace import RoundFolder, put_in_place


def pack(folder: RoundFolder, manifest: Manifest) -> None:
    """Turn ``run/`` of a script that ended well into ``delivery/``.

    May be interrupted anywhere and repeated: ``run/`` moves in one piece, and ``delivery/`` appears
    complete or not at all.
    """
    if folder.delivery.exists():
        return
    being_made = folder.folder / "delivery.tmp"
    if folder.run.exists():
        folder.fresh(being_made).mkdir()
        write_delivery(folder.run, manifest, being_made)
    put_in_place(being_made, folder.delivery)


def unpacked(folder: RoundFolder) -> Path:
    """The result's folder inside the delivery."""
    return folder.delivery / RESULT


def model_file(bundle: Path) -> Path:
    """The model of a round's bundle, whose name (and so whose suffix) is the creator's.

    Raises: UnusableModel: as `round_files`.
    """
    return round_files(bundle).model
