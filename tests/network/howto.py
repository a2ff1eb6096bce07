"""A how-to as a list of steps: its shell and JSON blocks, and the systemd unit's command."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "substrate" / "node" / "deploy"
_BLOCK = re.compile(r"<!-- (?P<what>[^>]+?) -->\n```\w*\n(?P<text>.*?)```", re.DOTALL)
SECONDS = 120
"""A command that takes longer has failed."""


@dataclass(frozen=True)
class Step:
    """A block of the page that a comment before it marks: ``<!-- run: founders -->``."""

    verb: str
    who: str
    text: str


def steps(page: Path) -> list[Step]:
    """The marked blocks of a page, in its order."""
    found = []
    for match in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        verb, _, who = match["what"].partition(":")
        found.append(Step(verb.strip(), who.strip(), match["text"]))
    return found


@dataclass
class Shell:
    """A person's or the node's shell: a folder, and what is in its environment.

    Its home is that folder, so that no key or setting of this machine is used.
    """

    folder: Path
    programs: list[Path]
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, text: str) -> str:
        """What the commands print.

        Raises:
            AssertionError: one of them failed; with all that they printed.
        """
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Its own variables, and of this process only what programs need to start."""
        path = os.pathsep.join([*map(str, self.programs), os.environ["PATH"]])
        return {"HOME": str(self.folder), "LANG": "C.UTF-8", **self.variables, "PATH": path}


def unit_command(unit: Path, variables: Mapping[str, str], program: Path) -> list[str]:
    """The command that systemd would run for the unit: ``${X}`` one word, ``$X`` many."""
    text = re.sub(r"\\\n\s*", " ", unit.read_text(encoding="utf-8"))
    (line,) = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    command: list[str] = [str(program)]
    for word in shlex.split(line)[1:]:
        if word.startswith("${"):
            command.append(variables[word[2:-1]])
        elif word.startswith("$"):
            command += variables[word[1:]].split()
        else:
            command.append(word)
    return command
