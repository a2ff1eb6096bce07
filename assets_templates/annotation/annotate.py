"""Asks a question about each item and writes the answers, one JSON object a line.

    items.json     {"question": "...", "choices": [...], "items": ["items/000.png", ...]}
    answers.jsonl  {"item": "items/000.png", "answer": "7"}

In a terminal it shows each item and asks. Without one it takes the answers from --answers, or from
answers.jsonl in the data folder: the annotator's own labels, made beforehand. Answers already in
the result folder are kept, so an interrupted sitting goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from picture import as_text, read_png

ITEMS = "items.json"
ANSWERS = "answers.jsonl"


class AnnotationError(Exception):
    """Something is missing or wrong; the message says what to do."""


@dataclass(frozen=True)
class Questions:
    """What is asked about each item, and what may be answered (no choices: any text)."""

    question: str
    choices: list[str]
    items: list[str]


def load_items(task: Path) -> Questions:
    """What a bundle asks. Raises AnnotationError where it has no ``items.json``."""
    path = task / ITEMS
    if not path.is_file():
        raise AnnotationError(f"{task} has no {ITEMS}: set TASK_DIR, or use --task FOLDER")
    try:
        asked = json.loads(path.read_text())
        question, items = str(asked["question"]), [str(item) for item in asked["items"]]
        choices = [str(choice) for choice in asked.get("choices", [])]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnnotationError(f"{path} needs a question and items: {error}") from error
    return Questions(question, choices, items)


def read_answers(path: Path) -> dict[str, str]:
    """Item -> answer, of a file of JSON lines; the last answer to an item counts."""
    answers = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            entry = json.loads(line)
            answers[str(entry["item"])] = str(entry["answer"])
        except (ValueError, KeyError, TypeError) as error:
            raise AnnotationError(f"{path}, line {number}: {error!r}") from error
    return answers


def annotate_from(known: dict[str, str], asked: Questions) -> dict[str, str]:
    """The answers to all items out of ``known``. Raises AnnotationError if one is missing."""
    answers = {}
    for item in asked.items:
        if item not in known:
            raise AnnotationError(f"there is no answer for {item}")
        if asked.choices and known[item] not in asked.choices:
            offered = ", ".join(asked.choices)
            raise AnnotationError(f"{known[item]!r} is none of {offered} ({item})")
        answers[item] = known[item]
    return answers


def annotate_by_asking(
    asked: Questions,
    show: Callable[[str], str],
    ask: Callable[[str], str],
    keep: Callable[[str, str], None],
) -> None:
    """Shows each item, asks until the answer is one of the choices, and keeps it at once."""
    offered = f" [{'/'.join(asked.choices)}]" if asked.choices else ""
    for number, item in enumerate(asked.items, 1):
        print(f"\n{item} ({number} of {len(asked.items)})\n{show(item)}")
        while True:
            answer = ask(f"{asked.question}{offered} ").strip()
            if answer and (not asked.choices or answer in asked.choices):
                break
            print("please answer with one of the choices" if asked.choices else "please answer")
        keep(item, answer)


def shown(task: Path, item: str) -> str:
    """An item as a terminal can show it: a picture or text, else where the file is."""
    path = task / item
    inside = path.resolve().is_relative_to(task.resolve())
    if not inside or not path.is_file():
        return item
    if path.suffix == ".png":
        try:
            return as_text(read_png(path))
        except ValueError:
            return f"open {path.resolve()}"
    if path.suffix == ".txt":
        return path.read_text(errors="replace")
    return f"open {path.resolve()}"


def write_result(folder: Path, answers: dict[str, str]) -> None:
    """Writes ``answers.jsonl`` anew and ``result.json``."""
    lines = [json.dumps({"item": item, "answer": answer}) for item, answer in answers.items()]
    (folder / ANSWERS).write_text("".join(line + "\n" for line in lines))
    (folder / "result.json").write_text(json.dumps({"examples": len(answers), "metrics": {}}))


def append(folder: Path, item: str, answer: str) -> None:
    """Adds one answer, so that nothing is lost when the sitting is broken off."""
    with (folder / ANSWERS).open("a") as file:
        file.write(json.dumps({"item": item, "answer": answer}) + "\n")


def own_answers(options: argparse.Namespace) -> Path | None:
    """The file of answers made beforehand, if there is one."""
    if options.answers:
        return Path(options.answers)
    beside = Path(options.data) / ANSWERS if options.data else None
    return beside if beside is not None and beside.is_file() else None


def work(options: argparse.Namespace) -> int:
    """Answers every item; returns how many there are."""
    task, result = Path(options.task), Path(options.result)
    asked = load_items(task)
    result.mkdir(parents=True, exist_ok=True)
    known = own_answers(options)
    if known is not None:
        if not known.is_file():
            raise AnnotationError(f"there is no file {known}")
        write_result(result, annotate_from(read_answers(known), asked))
        return len(asked.items)
    if not sys.stdin.isatty():
        raise AnnotationError(
            "there is no terminal to ask in: run annotate.py by hand with --result FOLDER, or put "
            f"your labels as {ANSWERS} into the data folder"
        )
    kept = result / ANSWERS
    done = read_answers(kept) if kept.is_file() else {}
    left = [item for item in asked.items if item not in done]
    annotate_by_asking(
        replace(asked, items=left),
        show=lambda item: shown(task, item),
        ask=input,
        keep=lambda item, answer: append(result, item, answer),
    )
    write_result(result, annotate_from(read_answers(kept), asked))
    return len(asked.items)


def main() -> None:
    """Parses the options and does the work; an error is one line and exit status 1."""
    given = os.environ.get
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    here = str(Path(__file__).parent)
    parser.add_argument("--task", default=given("TASK_DIR", here), help="folder with items.json")
    parser.add_argument("--data", default=given("DATA_DIR"), help="folder with own answers.jsonl")
    parser.add_argument("--result", default=given("RESULT_DIR", "result"), help="folder to fill")
    parser.add_argument("--answers", help="file with answers made beforehand")
    try:
        print(f"{work(parser.parse_args())} items answered")
    except AnnotationError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except (KeyboardInterrupt, EOFError):
        print("\nbroken off; start it again to go on", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
