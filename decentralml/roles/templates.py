"""Ready task folders: what a creator begins with, copied from the templates of this package."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from decentralml.errors import DestinationExists, UnknownTemplate

SETTINGS: Final = "settings.json"


@dataclass(frozen=True, slots=True)
class TemplateParts:
    """Folders of ``assets_templates`` that make up a task folder, later ones winning."""

    folders: tuple[str, ...]
    about: str


TEMPLATES: Final[Mapping[str, TemplateParts]] = {
    "creator": TemplateParts(
        ("keras", "keras/creator"), "build and train a first Keras model, average contributors'"
    ),
    "contribution": TemplateParts(
        ("keras", "keras/contributor"), "train a Keras model on the contributor's own images"
    ),
    "engineering": TemplateParts(
        ("keras", "keras/engineer"), "change a Keras model's structure, and show that it works"
    ),
    "annotation": TemplateParts(("annotation",), "answer a question about each of some items"),
    "pytorch": TemplateParts(
        ("pytorch", "pytorch/contributor"), "train a PyTorch module on the contributor's own images"
    ),
}


def new_task_folder(
    template: str, folder: Path, settings: Mapping[str, object] | None = None
) -> Path:
    """Make a task folder that can be posted as it is, or changed first.

    Args:
        template: one of `TEMPLATES`.
        folder: made; must not exist.
        settings: the creator's choices for the scripts (``settings.json``), for example epochs.

    Returns: `folder`.

    Raises:
        UnknownTemplate: there is none of that name.
        DestinationExists: `folder` exists.
    """
    if template not in TEMPLATES:
        raise UnknownTemplate(template, tuple(TEMPLATES))
    if folder.exists():
        raise DestinationExists(str(folder))
    folder.mkdir(parents=True)
    with as_file(files("assets_templates")) as templates:
        for part in TEMPLATES[template].folders:
            for file in sorted((templates / part).iterdir()):
                if file.is_file() and file.suffix in {".py", ".sh", ".json"}:
                    shutil.copy(file, folder / file.name)
    if settings:
        (folder / SETTINGS).write_text(json.dumps(dict(settings), indent=1) + "\n")
    return folder
