"""All that must pass, side by side: what `.ci/run` and `make check` run.

    check_all.py [--minutes 85] [--keep-going] [PART...]

Parts are told by what they keep busy: after the node's, a compile runs at a higher `nice`, in the
time that tests spend waiting, and one compile at a time, for its memory. With PARTs only these and
what they wait for. Without network nothing that is already there is fetched again.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from side_by_side import Part, SideBySide, stop_on_signals

ROOT = Path(__file__).resolve().parent.parent
COMPILES = 5
"""Nice enough for tests to go first, not so nice that what waits for it comes last of all."""


def make(target: str, **options: object) -> Part:
    """The part that one of the Makefile's targets is."""
    return Part(target, ("make", target), **options)  # type: ignore[arg-type]


def environment(name: str, after: str) -> Part:
    """The part that makes the environment of the tests of that name, and what they need built."""
    command = ("bash", f"scripts/test_{name}.sh", "--install")
    return Part(f"{name}-environment", command, cores=0, after=(after,), nice=COMPILES)


PARTS = (
    # The node first, with what installs in its shade: the tests on a network wait for it, and take
    # longest by the clock. Much of that is waiting for blocks, but their validators are many.
    Part("node", ("bash", "scripts/build_node.sh"), cores=2),
    make("setup", cores=0),
    environment("torch", after="setup"),
    make("test-network", cores=1, after=("setup", "node")),
    make("test", cores=1, after=("setup",)),
    Part("kubo", ("bash", "scripts/build_kubo.sh"), cores=0, after=("node",), nice=COMPILES),
    environment("cloud", after="kubo"),
    make("test-substrate", cores=0, after=("setup", "cloud-environment"), nice=COMPILES),
    make("test-node", cores=0, after=("test-substrate",), nice=COMPILES),
    make("test-ipfs", cores=1, after=("setup", "cloud-environment")),
    make("test-torch", cores=1, after=("torch-environment",)),
    make("demo", cores=1, after=("setup",)),
    make("test-clients", cores=1, after=("setup",)),
    make("test-ray", cores=1, after=("setup",)),
)


def with_what_they_wait_for(names: Sequence[str]) -> list[Part]:
    """These parts and all before them, in the table's order; all of them for no names.

    Raises:
        KeyError: there is no such part.
    """
    by_name = {part.name: part for part in PARTS}
    wanted, look = set(), list(names or by_name)
    while look:
        part = by_name[look.pop()]
        wanted.add(part.name)
        look.extend(part.after)
    return [part for part in PARTS if part.name in wanted]


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all parts passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(p.name for p in PARTS))
    parser.add_argument("--minutes", type=float, default=85, help="when to give up [%(default)s]")
    parser.add_argument(
        "--keep-going", action="store_true", help="show every failure, not the first"
    )
    chosen = parser.parse_args(arguments)
    os.chdir(ROOT)
    stop_on_signals()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        parts = with_what_they_wait_for(chosen.parts)
    except KeyError as error:
        parser.error(f"there is no part {error}")
    cores = os.cpu_count() or 1
    everything = SideBySide(parts, cores=cores, seconds=chosen.minutes * 60)
    return 0 if everything.run(keep_going=chosen.keep_going) else 1


if __name__ == "__main__":
    sys.exit(main())
