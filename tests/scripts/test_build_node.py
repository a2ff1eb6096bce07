"""`scripts/build_node.sh`: which binary is the one of these sources."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The script and the node's sources, apart, with a cache of their own."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "substrate" / "node", folder / "substrate" / "node")
    (folder / "scripts").mkdir()
    for script in ("build_node.sh", "rust.sh"):
        shutil.copy(ROOT / "scripts" / script, folder / "scripts")
    return folder


def run(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(checkout / "scripts" / "build_node.sh"), *arguments],
        env={"PATH": "/usr/bin:/bin", "HOME": str(checkout.parent), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def path_of(checkout: Path, *arguments: str) -> Path:
    return Path(run(checkout, "--path", *arguments).stdout.strip())


def put(program: Path) -> Path:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_a_path_without_a_binary_is_told_with_status_1(checkout: Path) -> None:
    asked = run(checkout, "--path")
    assert asked.returncode == 1
    assert Path(asked.stdout.strip()).name == "decentralml-node"


def test_what_was_built_from_these_sources_is_not_built_again(checkout: Path) -> None:
    built = put(path_of(checkout))
    # Without a compiler on the PATH: had it begun to build, it would have failed.
    assert run(checkout).stdout == f"{built}\n"
    assert run(checkout, "--path").returncode == 0


@pytest.mark.parametrize("changed", ["src/service.rs", "Cargo.toml", "Cargo.lock"])
def test_another_source_is_another_binary(checkout: Path, changed: str) -> None:
    before = path_of(checkout)
    with (checkout / "substrate" / "node" / changed).open("a") as file:
        file.write("# changed\n")
    assert path_of(checkout) != before


def test_what_no_binary_is_made_of_changes_no_path(checkout: Path) -> None:
    before = path_of(checkout)
    (checkout / "substrate" / "node" / "deploy" / "node.env").write_text("NODE_NAME=other\n")
    assert path_of(checkout) == before


def test_the_one_that_measures_is_another_binary(checkout: Path) -> None:
    assert path_of(checkout, "--benchmark") != path_of(checkout)


def test_a_binary_that_a_person_names_is_taken(checkout: Path, tmp_path: Path) -> None:
    own = put(tmp_path / "own-node")
    assert run(checkout, DECENTRALML_NODE_BINARY=str(own)).stdout == f"{own}\n"
    refused = run(checkout, DECENTRALML_NODE_BINARY=str(tmp_path / "nothing"))
    assert refused.returncode == 1
    assert "nothing" in refused.stderr


def test_an_option_that_there_is_not_is_refused(checkout: Path) -> None:
    asked = run(checkout, "--fast")
    assert asked.returncode == 2
    assert "--fast" in asked.stderr


@pytest.mark.skipif(not Path("/usr/bin/cargo").exists(), reason="the system has no compiler")
@pytest.mark.parametrize(("status", "taken"), [(1, "/usr/bin/cargo"), (0, "{mine}")])
def test_a_cargo_that_does_not_work_gives_way_to_the_systems(
    tmp_path: Path, status: int, taken: str
) -> None:
    mine = tmp_path / "bin" / "cargo"
    mine.parent.mkdir()
    mine.write_text(f"#!/bin/sh\nexit {status}\n")
    mine.chmod(0o755)
    done = subprocess.run(
        ["bash", "-euc", f". {ROOT / 'scripts' / 'rust.sh'}; command -v cargo"],
        env={"PATH": f"{mine.parent}:/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == taken.format(mine=mine)
