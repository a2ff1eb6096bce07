"""Makes the main job's folders: the creator's model and tasks, and what each person has.

creator/model/model.keras         trained on the few digits that the creator has
creator/test.npz                  by which all models are judged
creator/known.jsonl               answers that the creator knows, to check annotators by
tasks/{contribution,engineering,annotation}/
people/contributor-1/data/digits.npz     other digits than anybody else's
people/engineer-1/data/digits.npz
people/annotator-1/data/answers.jsonl    what the annotator sees in the items
source.txt                        where the digits come from
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from assets_templates.mnist.model import template_function, train_base_model
from decentralml.learning.datasets import Digits, Examples
from decentralml.learning.split import split_mostly_by_label
from decentralml.roles.templates import new_task_folder

ENOUGH: Final = 4000  # examples seen in local training: few ones are seen several times
MOST_EPOCHS: Final = 12
ENGINEER_EPOCHS: Final = 5  # an additional layer begins with nothing learned
KNOWN_SHARE: Final = 4  # every fourth item


@dataclass(frozen=True, slots=True)
class Plan:
    """How large the job is. Few data make fewer examples for each, never an error."""

    contributors: int = 3
    engineers: int = 1
    annotators: int = 1
    rounds: int = 2
    base_examples: int = 200
    contributor_examples: int = 4000
    engineer_examples: int = 3000
    items: int = 20
    own_digits: float = 0.9
    """Share of a digit's images that one contributor has; the others share the rest."""
    epochs: int = 3
    """Of local training; more where a contributor has only some hundred examples."""
    seed: int = 1


FULL: Final = Plan()
QUICK: Final = Plan(rounds=1, contributor_examples=1500, engineer_examples=1500, items=8)


@dataclass(frozen=True, slots=True)
class Job:
    """Where the main job's folders are, and how large it is."""

    folder: Path
    plan: Plan

    @property
    def base_model(self) -> Path:
        """The creator's model: what round 1 begins with."""
        return self.folder / "creator" / "model" / "model.keras"

    @property
    def test_set(self) -> Path:
        """Images and labels that nobody trains on (``.npz``)."""
        return self.folder / "creator" / "test.npz"

    @property
    def known_answers(self) -> Path:
        """Answers to some of the annotation items, as JSON lines."""
        return self.folder / "creator" / "known.jsonl"

    @property
    def source(self) -> str:
        """Where the digits come from, in words."""
        return (self.folder / "source.txt").read_text()

    def task(self, kind: str) -> Path:
        """The bundle to post: ``contribution``, ``engineering`` or ``annotation``."""
        return self.folder / "tasks" / kind

    def data(self, role: str, number: int) -> Path:
        """A person's DATA_DIR: ``contributor``, ``engineer`` or ``annotator``, counted from 1."""
        return self.folder / "people" / f"{role}-{number}" / "data"

    def test_examples(self) -> Examples:
        """The test set."""
        with np.load(self.test_set, allow_pickle=False) as file:
            return Examples(file["images"], file["labels"])


def make_job(folder: Path, digits: Digits, plan: Plan = FULL) -> Job:
    """Makes all folders, and trains the creator's model; the same again for the same plan.

    Args:
        folder: new or empty.

    Raises:
        FileExistsError: something is in ``folder``.
        DataNotFound, ValueError: fewer digits than people.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    job = Job(folder, plan)
    base, engineers, items, rest = _shares(digits.train, plan)
    job.test_set.parent.mkdir(parents=True)
    digits.test.save(job.test_set)
    train_base_model(base, job.base_model, plan.seed)
    parts = split_mostly_by_label(rest.labels, plan.contributors, plan.own_digits, plan.seed)
    for number, rows in enumerate(parts, 1):
        rest.take(rows).save(job.data("contributor", number) / "digits.npz")
    for number, rows in enumerate(np.array_split(np.arange(len(engineers)), plan.engineers), 1):
        engineers.take(rows).save(job.data("engineer", number) / "digits.npz")
    settings: dict[str, object] = {"batch_size": 32, "seed": plan.seed}
    contribution = {**settings, "epochs": _epochs(plan.epochs, len(rest) // plan.contributors)}
    engineering = {**settings, "epochs": _epochs(ENGINEER_EPOCHS, len(engineers)), "units": 48}
    new_task_folder("contribution", job.task("contribution"), contribution)
    new_task_folder("engineering", job.task("engineering"), engineering)
    _make_annotation(job, items)
    (folder / "source.txt").write_text(digits.source)
    return job


def _shares(train: Examples, plan: Plan) -> tuple[Examples, Examples, Examples, Examples]:
    """Disjoint: the creator's, the engineers', the items, the contributors'."""
    rows = np.random.default_rng(plan.seed).permutation(len(train))
    engineers = min(plan.engineer_examples * plan.engineers, len(train) // 5)
    creators = min(plan.base_examples, len(train) // 24)
    cuts = np.cumsum([creators, engineers, plan.items])
    base, engineer, items, rest = np.split(rows, cuts.tolist())
    contributors = rest[: plan.contributor_examples * plan.contributors]
    return train.take(base), train.take(engineer), train.take(items), train.take(contributors)


def _epochs(least: int, examples: int) -> int:
    return max(least, min(MOST_EPOCHS, ENOUGH // max(1, examples)))


def _make_annotation(job: Job, items: Examples) -> None:
    """Pictures to be named, what the creator knows of them, and what each annotator sees."""
    task = new_task_folder("annotation", job.task("annotation"))
    (task / "items").mkdir()
    write_png = template_function("picture", "write_png")
    names = [f"items/{number:03}.png" for number in range(len(items))]
    for name, image in zip(names, items.images, strict=True):
        write_png(task / name, image)
    asked = {
        "question": "Which digit is this?",
        "choices": [str(digit) for digit in range(10)],
        "items": names,
    }
    (task / "items.json").write_text(json.dumps(asked, indent=1) + "\n")
    lines = [
        json.dumps({"item": name, "answer": str(label)}) + "\n"
        for name, label in zip(names, items.labels.tolist(), strict=True)
    ]
    job.known_answers.write_text("".join(lines[::KNOWN_SHARE]))
    for number in range(1, job.plan.annotators + 1):
        folder = job.data("annotator", number)
        folder.mkdir(parents=True)
        (folder / "answers.jsonl").write_text("".join(lines))
