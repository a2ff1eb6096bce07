"""`decentralml council`, `validator` and `chain call`, on a chain of one's own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from decentralml.cli.main import EXIT_CODES
from decentralml.errors import ChainError
from pallets_mock.testing import DevChain
from tests.decentralml.cli.conftest import CommandLine

ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
CHARLIE = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y"
REFUSED = EXIT_CODES[ChainError]


@pytest.fixture
def own(alone: CommandLine) -> Iterator[CommandLine]:
    """The command line with a chain that nobody else changes."""
    with DevChain() as chain:
        yield CommandLine({**alone.environment, "DECENTRALML_NODE": chain.url})


def test_two_members_decide_by_three_commands(own: CommandLine) -> None:
    assert ALICE in own.good("council", "members").out.split()
    assert own.good("council", "motions").out == "nothing is before the council\n"

    own.good(
        "council", "propose", "Rotation.set_session_length", '{"blocks": 20}', "--key", "//Alice"
    )
    shown = own.good("council", "motions").out
    assert "0: Rotation.set_session_length(blocks=20)" in shown
    assert "1 of 2 for, 0 against" in shown

    voted = own.good("council", "vote", "0", "--key", "//Bob", "--json").data
    assert voted["outcome"] == "voted for and closed"
    assert own.good("council", "motions").out == "nothing is before the council\n"


def test_who_sits_in_no_council_is_told_so(own: CommandLine) -> None:
    said = own("council", "propose", "System.remark", '{"remark": "0x01"}', "--key", "//Dave")
    assert said.status == REFUSED
    assert "NotMember" in said.err


def test_a_motion_that_there_is_not_is_refused_by_its_name(own: CommandLine) -> None:
    said = own("council", "vote", "7", "--key", "//Alice")
    assert said.status == REFUSED
    assert "No motion '7'" in said.err


def test_a_motion_cannot_write_to_the_terminal_of_who_reads_it(own: CommandLine) -> None:
    hidden = "0x" + b"\x1b[2J".hex()
    remark = f'{{"remark": "{hidden}"}}'
    own.good("council", "propose", "System.remark", remark, "--key", "//Alice")
    assert "\x1b" not in own.good("council", "motions").out


def test_each_member_runs_the_upgrade_and_is_told_what_others_have_to_do(
    own: CommandLine, tmp_path: Path
) -> None:
    code = tmp_path / "runtime.wasm"
    code.write_bytes(b"no WebAssembly")
    first = own.good("council", "upgrade", code, "--key", "//Alice", "--json").data
    assert (first["taken"], first["done"]) == (["propose"], False)
    assert first["next"] == "other members have to vote"

    second = own("council", "upgrade", code, "--key", "//Bob")
    assert second.status == REFUSED
    for step in ("vote for it", "count the votes", "authorise the code's hash"):
        assert step in second.err
    assert "apply_authorized_upgrade failed" in second.err


def test_session_keys_are_made_by_one_node_that_is_named_alone(own: CommandLine) -> None:
    two = ["--node", own.environment["DECENTRALML_NODE"], "--node", "ws://127.0.0.1:1"]
    refused = own("validator", "keys", "--key", "//Alice", *two)
    assert (refused.status, "alone: --node" in refused.err) == (3, True)


def test_the_list_of_validators_says_who_validates(own: CommandLine) -> None:
    shown = own.good("validator", "list", "--json").data
    (alice,) = shown["validators"]
    assert alice == {
        "account": ALICE,
        "chosen": True,
        "active": True,
        "disabled": False,
        "keys": True,
    }
    assert ALICE in own.good("validator", "list").out


def test_a_call_of_any_pallet_is_signed_and_its_fee_told(own: CommandLine) -> None:
    before = own.good("chain", "balance", CHARLIE, "--json").data["free"]
    arguments = f'{{"dest": "{CHARLIE}", "value": 1000000000000}}'
    said = own.good("chain", "call", "Balances.transfer_keep_alive", arguments, "--key", "//Bob")
    assert "for a fee of" in said.out + said.err
    assert own.good("chain", "balance", CHARLIE, "--json").data["free"] == before + 10**12


def test_a_call_that_there_is_not_is_refused_unsigned(own: CommandLine) -> None:
    said = own("chain", "call", "System.no_such_call", "--key", "//Alice")
    assert said.status == REFUSED
    assert "no_such_call cannot be made" in said.err
