"""The commands of docs/how-to/pytorch.md, run as they stand there, on a chain of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from decentralml.cli.demo.stage import development_chain
from decentralml.learning.datasets import Examples

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "pytorch.md"
FEWER = {"--slots 3 --rounds 40": "--slots 1 --rounds 2", "federate 7": "federate 0"}


def blocks() -> list[str]:
    """The page's shell blocks, for one worker and two rounds."""
    page = PAGE.read_text()
    for said, done in FEWER.items():
        assert page.count(said) == 1
        page = page.replace(said, done)
    return re.findall(r"```sh\n(.*?)```", page, re.DOTALL)


@pytest.mark.timeout(600)
def test_the_page_s_commands_run_a_job_to_its_end(
    tmp_path: Path, make_blots: Callable[..., Examples]
) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "DECENTRALML_STORE": str(tmp_path / "store"),
    }

    def person(name: str, url: str) -> dict[str, str]:
        own = {"DECENTRALML_KEY": f"//{name}", "DECENTRALML_WORKSPACE": str(tmp_path / name)}
        return {**environment, **own, "DECENTRALML_NODE": url}

    def shell(commands: str, env: dict[str, str]) -> str:
        done = subprocess.run(
            ["bash", "-euc", commands], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    make, run = blocks()
    make_blots(200, 1).save(tmp_path / "mine" / "digits.npz")
    shell(make.replace("/tmp/try", str(tmp_path / "try")), environment)
    assert (tmp_path / "try" / "result.json").is_file()
    shutil.copytree(tmp_path / "digits", tmp_path / "measure")
    make_blots(100, 2).save(tmp_path / "measure" / "held-out.npz")
    with development_chain(tmp_path / "chain.log") as url:
        working = ["decentralml", "contributor", "work", "--tasks", "1", "--yes", "--data", "mine"]
        worker = subprocess.Popen(working, cwd=tmp_path, env=person("Bob", url))
        try:
            shell(run, person("Alice", url))
            assert worker.wait(60) == 0
        finally:
            worker.kill()
            worker.wait()
    lines = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [line["results"] for line in lines] == [1, 1]
    assert all(set(line["federated"]) == {"accuracy", "loss"} for line in lines)
    assert (tmp_path / "best.safetensors").is_file()
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
