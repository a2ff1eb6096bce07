"""Ready task folders: what a creator posts, and what the workers' machines run.

    keras/contributor   train the round's model on data that stays with the contributor
    keras/engineer      change the model's structure, show that it works
    keras/creator       average contributors' models, in a notebook or by hand
    annotation          items and a question, answers as JSON lines

The scripts import Keras and NumPy and nothing of DecentralML; each runs by hand, with ``--help``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent
_SHARED: Final = ("keras/task.py", "keras/load_data.py", "keras/evaluate_model.py")
_TRAIN: Final = (*_SHARED, "keras/train_model.py")

TEMPLATES: Final[Mapping[str, tuple[str, ...]]] = {
    "contributor": ("keras/contributor/start_task.sh", *_TRAIN),
    "engineer": ("keras/engineer/start_task.sh", *_TRAIN, "keras/redefine_model.py"),
    "creator": (*_TRAIN, "keras/federate.py", "keras/redefine_model.py"),
    "annotator": (
        "annotation/start_task.sh",
        "annotation/annotate.py",
        "annotation/picture.py",
    ),
}
"""Template → its files, relative to this folder; all lie side by side in a task folder."""


def make_task_folder(
    template: str, folder: Path, settings: Mapping[str, Any] | None = None
) -> Path:
    """Fills ``folder`` with a template's files, ready to be changed and posted.

    Args:
        template: a key of ``TEMPLATES``.
        folder: new, or without files of the same names.
        settings: written as ``settings.json``: the defaults of the scripts' options (``epochs``,
            ``batch_size``, ``learning_rate``, ``units``, ``seed``).

    Raises:
        KeyError: there is no such template.
        FileExistsError: a file is there already; nothing was written.
    """
    sources = [ROOT / name for name in TEMPLATES[template]]
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if (folder / source.name).exists():
            raise FileExistsError(f"{folder / source.name} is there already; name a new folder")
    for source in sources:
        shutil.copyfile(source, folder / source.name)
        if source.suffix == ".sh":
            (folder / source.name).chmod(0o755)
    if settings is not None:
        (folder / "settings.json").write_text(json.dumps(dict(settings), indent=1) + "\n")
    return folder
