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
from decentralml.types import Planck
from pallets_mock.testing import DevChain
from tests.chains import address_of, as_many

PAYMENTS = 50

# The smallest journal there is: a file for each payment, with the call as it was signed last.
PAYER = """
import os, sys
from pathlib import Path
from decentralml.chain import calls
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.signed import SignedCall
from tests.chains import keypair_of

url, folder, to, count = sys.argv[1:]

def keep(file, signed):
    draft = file.with_suffix(".draft")
    draft.write_text(signed.to_json())
    os.replace(draft, file)

with Node(url, timeout=60) as node:
    market = Market(node, keypair_of("Alice"))
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
    ferdie = address_of("Ferdie")
    before = alice.balance(ferdie).free
    payments = as_many(dev_chain, development=PAYMENTS, network=5)
    longest = as_many(dev_chain, development=15, network=900) / 100  # seconds until the next kill
    other = people.market("Alice")  # another process of the same account, to use up nonces
    chance, ended, kills = random.Random(7), False, 0
    while not ended:
        command = [sys.executable, "-c", PAYER, dev_chain.url, str(tmp_path), ferdie, str(payments)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as payer:
            assert payer.stdout is not None
            assert payer.stdout.readline() == "begun\n"
            try:
                ended = payer.wait(chance.uniform(0, longest) if kills < 8 else 60) == 0
            except subprocess.TimeoutExpired:
                payer.send_signal(signal.SIGKILL)
                kills += 1
        if not ended:
            other.transfer(other.account, Planck(1))  # moves nothing
    assert kills >= 4
    # Each payment is a bit of its own: one made twice, or none, shows.
    assert alice.balance(ferdie).free - before == 2**payments - 1
