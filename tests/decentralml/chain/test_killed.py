"""A program that keeps its signed calls is killed again and again, and still pays once each."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from decentralml.chain.market import Market
from decentralml.types import AccountId, Planck
from pallets_mock.testing import DevChain

FERDIE = AccountId("5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL")
PAYMENTS = 50

# The smallest journal there is: a file for each payment, with the call as it was signed last.
PAYER = """
import os, sys
from pathlib import Path
from decentralml.chain import calls
from decentralml.chain.keys import well_known
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.signed import SignedCall

url, folder, to, count = sys.argv[1:]

def keep(file, signed):
    draft = file.with_suffix(".draft")
    draft.write_text(signed.to_json())
    os.replace(draft, file)

with Node(url, timeout=60) as node:
    market = Market(node, well_known("//Alice", node))
    print("begun", flush=True)
    for number in range(int(count)):
        file, done = Path(folder) / f"{number}.json", Path(folder) / f"{number}.done"
        if done.exists():
            continue
        if file.exists():
            signed = SignedCall.from_json(file.read_text())
        else:
            signed = market.sign(calls.transfer(to, 2**number))
            keep(file, signed)
        market.submit(signed, on_resign=lambda anew: keep(file, anew))
        done.touch()
"""


@pytest.mark.slow
def test_each_payment_is_made_once_whenever_the_payer_is_killed(
    dev_chain: DevChain, alice: Market, people: Any, tmp_path: Path
) -> None:
    before = alice.balance(FERDIE).free
    other = people.market("Alice")  # another process of the same account, to use up nonces
    chance, ended, kills = random.Random(7), False, 0
    while not ended:
        command = [sys.executable, "-c", PAYER, dev_chain.url, str(tmp_path), FERDIE, str(PAYMENTS)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as payer:
            assert payer.stdout is not None
            assert payer.stdout.readline() == "begun\n"
            try:
                ended = payer.wait(chance.uniform(0, 0.15) if kills < 8 else 60) == 0
            except subprocess.TimeoutExpired:
                payer.send_signal(signal.SIGKILL)
                kills += 1
        if not ended:
            other.transfer(other.account, Planck(1))  # moves nothing
    assert kills >= 4
    # Each payment is a bit of its own: one made twice, or none, shows.
    assert alice.balance(FERDIE).free - before == 2**PAYMENTS - 1
