"""Writes docs/reference/cli.md and docs/reference/api/ from the code; `--check` only compares.

The CLI's page comes from typer's own generator, the API's pages from griffe's docstring reader.
"""

from __future__ import annotations

import argparse
import logging
import re
import subprocess
import sys
from pathlib import Path

import griffe
from griffe2md import render_object_docs

from decentralml.cli.main import EXIT_CODES

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"

# What people import; the other modules serve these.
MODULES = (
    "types", "errors", "config",
    "chain.market", "chain.records", "chain.calls", "chain.signed", "chain.token", "chain.keys",
    "chain.node", "chain.call_errors", "chain.finality", "chain.council", "chain.upgrading",
    "chain.validators",
    "assets.store", "assets.opening", "assets.local", "assets.ipfs.store", "assets.gateway",
    "assets.cloud.store", "assets.mirrored", "assets.exporting", "assets.importing",
    "assets.sealing", "assets.cid", "assets.rules",
    "localnet",
    "learning.weights", "learning.updates", "learning.compression", "learning.federate",
    "learning.results", "learning.answers", "learning.evaluate", "learning.measure",
    "learning.datasets", "learning.split", "learning.curves", "learning.errors",
    "learning.frameworks.keras", "learning.frameworks.pytorch",
    "learning.strategies.strategy", "learning.strategies.rows", "learning.strategies.memory",
    "learning.strategies.driver", "learning.strategies.registry", "learning.strategies.fedavg",
    "learning.strategies.fedavgm", "learning.strategies.fedadam", "learning.strategies.fedyogi",
    "learning.strategies.fedadagrad", "learning.strategies.fedprox",
    "learning.strategies.scaffold", "learning.strategies.fedbn", "learning.strategies.median",
    "learning.strategies.trimmed_mean", "learning.strategies.krum", "learning.strategies.bulyan",
    "learning.strategies.geometric_median", "learning.strategies.norm_clipping",
    "learning.privacy.central", "learning.privacy.local", "learning.privacy.clip",
    "learning.privacy.accountant", "learning.secagg.member", "learning.secagg.collector",
    "simulation.plan", "simulation.simulate", "simulation.task_folder",
    "runner.run", "runner.task", "runner.limits", "runner.sandbox", "runner.finding",
    "roles.creator", "roles.contributor", "roles.engineer", "roles.annotator", "roles.evaluator",
    "roles.worker", "roles.assignee", "roles.validator", "roles.role", "roles.posting",
    "roles.verdicts", "roles.federation", "roles.rooms", "roles.events", "roles.workspace",
    "roles.templates", "roles.participant", "roles.job.plan", "roles.job.job", "roles.round_bundle",
    "roles.secure.job", "roles.secure.work",
    "compat.flower", "compat.xain", "compat.coordinator.settings",
)  # fmt: skip

CLI_HEAD = """# The command line

Written from the code by `make docs`.

## Exit status

| status | meaning |
| --- | --- |
| 0 | done |
| 1 | any other error |
| 2 | the command line is wrong |
{codes}
| 130 | interrupted; what was done is kept |

"""


def cli_page() -> str:
    """The page of every command with its arguments and options."""
    program = [sys.executable, "-m", "typer", "decentralml.cli.main", "utils", "docs"]
    done = subprocess.run(
        [*program, "--name", "decentralml", "--title", "Commands"],
        check=True, capture_output=True, text=True, env={"COLUMNS": "100", "HOME": "/home/you"},
    )  # fmt: skip
    codes = "\n".join(
        f"| {code} | {(kind.__doc__ or '').splitlines()[0]} |" for kind, code in EXIT_CODES.items()
    )
    return CLI_HEAD.format(codes=codes) + done.stdout.replace("# Commands", "## Commands", 1)


def api_page(package: griffe.Module, name: str) -> str:
    """The page of one module's public names, from its docstrings."""
    page = render_object_docs(package[name])
    # Links to other libraries' names would point nowhere: keep their text.
    return re.sub(r"\[([^\]\n]+)\]\(#(?!decentralml)[^)\n]*\)", r"\1", page)


def pages() -> dict[Path, str]:
    """Path → text of every generated page."""
    written = {REFERENCE / "cli.md": cli_page()}
    package = griffe.load("decentralml", search_paths=[ROOT], docstring_parser="google")
    for name in MODULES:
        written[REFERENCE / "api" / f"{name}.md"] = api_page(package, name)
    rows = "\n".join(f"- [decentralml.{name}]({name}.md)" for name in MODULES)
    index = f"# The Python API\n\nWritten from the code by `make docs`.\n\n{rows}\n"
    written[REFERENCE / "api" / "README.md"] = index
    return {path: text.rstrip() + "\n" for path, text in written.items()}


def main() -> int:
    """Write the pages, or with `--check` name those that no longer fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    check = parser.parse_args().check
    logging.getLogger("griffe").setLevel(logging.ERROR)
    wanted = pages()
    stale = [p for p, text in wanted.items() if not p.is_file() or p.read_text() != text]
    gone = [p for p in (REFERENCE / "api").glob("*.md") if p not in wanted]
    if check:
        for path in (*stale, *gone):
            print(f"error: {path.relative_to(ROOT)} does not fit the code: run `make docs`")
        return int(bool(stale or gone))
    for path in gone:
        path.unlink()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    print(f"{len(stale)} of {len(wanted)} pages written, {len(gone)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
