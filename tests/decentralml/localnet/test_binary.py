"""Where the node is looked for, and what is said when it is not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from decentralml.localnet.binary import find_binary, output_of
from decentralml.localnet.errors import NodeCommandFailed, NoNodeBinary


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path.resolve()


def test_the_one_that_the_environment_names_comes_first(tmp_path: Path) -> None:
    named = executable(tmp_path / "mine")
    executable(tmp_path / "bin" / "decentralml-node")
    environment = {"DECENTRALML_NODE_BINARY": str(named), "PATH": str(tmp_path / "bin")}
    assert find_binary(environment) == named


def test_the_one_on_the_path_comes_before_what_was_built(tmp_path: Path) -> None:
    on_path = executable(tmp_path / "bin" / "decentralml-node")
    executable(tmp_path / ".cache" / "decentralml" / "node" / "ab" / "decentralml-node")
    assert find_binary({"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}) == on_path


def test_of_what_was_built_the_newest_is_taken(tmp_path: Path) -> None:
    import os

    for age, name in ((100, "old"), (10, "new"), (50, "older")):
        built = executable(tmp_path / f".cache/decentralml/node/{name}/decentralml-node")
        os.utime(built, (10_000 - age, 10_000 - age))
    assert find_binary({"PATH": "", "HOME": str(tmp_path)}).parent.name == "new"


@pytest.mark.parametrize("named", ["absent", "."])
def test_a_name_that_leads_to_no_program_is_not_passed_over(tmp_path: Path, named: str) -> None:
    executable(tmp_path / "bin" / "decentralml-node")
    environment = {"DECENTRALML_NODE_BINARY": named, "PATH": str(tmp_path / "bin")}
    with pytest.raises(NoNodeBinary, match=rf"DECENTRALML_NODE_BINARY={named}\)"):
        find_binary(environment)


def test_without_a_node_the_error_says_how_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(NoNodeBinary, match="`make node` builds one"):
        find_binary({"PATH": str(tmp_path), "HOME": str(tmp_path)})


def test_a_command_that_fails_is_shown_with_what_it_said() -> None:
    with pytest.raises(NodeCommandFailed, match="status 3:\nno such chain") as failed:
        output_of([sys.executable, "-c", "raise SystemExit(print('no such chain') or 3)"])
    assert failed.value.status == 3


def test_a_program_that_is_none_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "node").write_bytes(b"\x00\x01")
    with pytest.raises(NodeCommandFailed):
        output_of([tmp_path / "node"])
