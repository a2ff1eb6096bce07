"""`decentralml doctor`: what is here, what is missing and how to get it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import typer

from decentralml.cli.options import HELP_NAMES, with_settings
from decentralml.cli.output import JsonFlag, emit, table
from decentralml.errors import DecentralMLError

if TYPE_CHECKING:
    from decentralml.config import Loaded

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=HELP_NAMES)


class Health(str, Enum):
    """How a part is."""

    GOOD = "good"
    MISSING = "missing"  # something cannot be done without it
    ABSENT = "absent"  # not here, and not needed by everybody


@dataclass(frozen=True)
class Finding:
    """One part of this machine's set-up.

    Attributes:
        part: which part.
        health: how it is.
        detail: what was found, or why it is missing.
        advice: what to do about it; empty when it is good.
    """

    part: str
    health: Health
    detail: str
    advice: str = ""


@app.command()
@with_settings
def doctor(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """Look at the chain, your key, the store, the sandbox and the libraries.

    Exit status 0 when nothing that is needed is missing, else 1.
    """
    found = list(findings(loaded))
    emit(found, as_json, lambda: _show(found))
    if any(finding.health is Health.MISSING for finding in found):
        raise typer.Exit(1)


def findings(loaded: Loaded) -> Iterator[Finding]:
    """What is here and what is missing, part by part; nothing is changed."""
    yield from _chain(loaded)
    yield from _user()
    yield _key(loaded)
    yield _store(loaded)
    yield _sandbox(loaded)
    yield _library("keras", "pip install 'decentralml[keras]'", "train and federate Keras models")
    yield _data()


def _chain(loaded: Loaded) -> Iterator[Finding]:
    from decentralml.chain.market import Market
    from decentralml.cli import wiring
    from decentralml.errors import NodeUnreachable

    url = ", ".join(loaded.settings.node)
    try:
        with wiring.node(loaded) as node:
            market = Market(node)
            head, version = market.head(), node.runtime().version
            where = f"{node.chain_name()} at {node.url}, block {head}"
            yield Finding("chain", Health.GOOD, where)
            tasks = len(market.open_tasks(limit=1))
            some = "there are open tasks" if tasks else "no task is open"
            yield Finding("runtime", Health.GOOD, f"spec version {version.spec_version}, {some}")
    except NodeUnreachable as error:
        advice = "Start one: decentralml chain dev. Or name another: --node ws://…"
        yield Finding("chain", Health.MISSING, f"nothing answers at {url} ({error.why})", advice)
    except DecentralMLError as error:
        yield Finding("runtime", Health.MISSING, str(error), "Install the version that fits.")


def _key(loaded: Loaded) -> Finding:
    from decentralml.chain.keys import KeyStore

    name, store = loaded.settings.key, KeyStore(loaded.settings.keys)
    if name is None:
        known = len(store.list())
        advice = "Make one: decentralml keys create NAME. Then name it: --key or DECENTRALML_KEY."
        return Finding("key", Health.ABSENT, f"none is named; {known} in the key folder", advice)
    if name.startswith("/"):
        return Finding("key", Health.GOOD, f"{name}, for development chains only")
    return _tried(
        "key", lambda: f"{name}: {store.info(name).address}", "See: decentralml keys list"
    )


def _user() -> Iterator[Finding]:
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        detail = "you are root: a flaw in the sandbox would hand a script the whole machine"
        yield Finding("user", Health.ABSENT, detail, "Run workers as a user of their own.")


def _store(loaded: Loaded) -> Finding:
    from decentralml.cli import wiring

    def look() -> str:
        bundles = sum(1 for _ in wiring.store(loaded.settings).list())
        return f"{loaded.settings.store}, {bundles} bundles"

    return _tried("store", look, "Name a folder that you may write: --store FOLDER.")


def _sandbox(loaded: Loaded) -> Finding:
    from decentralml.runner.finding import find_sandbox

    if loaded.settings.sandbox == "none":
        detail = "switched off: scripts of strangers run with all your rights"
        return Finding("sandbox", Health.ABSENT, detail, "Remove the setting: sandbox = none.")
    report = find_sandbox()
    if report.sandbox is None:
        why, advice = report.why_not or "none was found", report.advice or ""
        return Finding("sandbox", Health.MISSING, why, advice)
    return Finding("sandbox", Health.GOOD, f"{report.version or 'bubblewrap'}, tried out")


def _library(name: str, advice: str, purpose: str) -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return Finding(name, Health.GOOD, f"{version(name)}, to {purpose}")
    except PackageNotFoundError:
        return Finding(name, Health.ABSENT, f"not installed; needed to {purpose}", advice)


def _data() -> Finding:
    from decentralml.learning.datasets import MNIST_VARIABLE, load_mnist, mnist_folder

    folder = mnist_folder()
    if folder is None:
        detail = "the demo downloads MNIST, or uses the digits of scikit-learn"
        return Finding("demo data", Health.ABSENT, detail, f"Set {MNIST_VARIABLE} to its folder.")
    return _tried(
        "demo data", lambda: load_mnist(folder).source, f"Set {MNIST_VARIABLE} to another folder."
    )


def _tried(part: str, look: Callable[[], str], advice: str) -> Finding:
    try:
        return Finding(part, Health.GOOD, look())
    except (DecentralMLError, OSError) as error:
        return Finding(part, Health.MISSING, str(error), advice)


def _show(found: list[Finding]) -> None:
    marks = {Health.GOOD: "✓", Health.MISSING: "✗", Health.ABSENT: "·"}
    rows = [
        [marks[f.health], f.part, f.detail + (f"\n{f.advice}" if f.advice else "")] for f in found
    ]
    table(["|", "|part", "what was found"], rows)
