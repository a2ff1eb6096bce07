"""What secure aggregation costs: CPU time and bytes of one training, for a member and the creator.

    python -m benchmarks.secure_aggregation

The protocol's own functions with 1.2 million parameters, without chain, store and training: the
announcement with its sealed shares, the masked update, the shares, the creator's unmasking, with
nobody and with a tenth of the members gone after they announced. Everything is CPU time of this
process; memory and the time to carry the messages are the store's.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from decentralml.learning.secagg import keys
from decentralml.learning.secagg.collector import masks_left
from decentralml.learning.secagg.fixed import Encoding
from decentralml.learning.secagg.masks import MaskSum
from decentralml.learning.secagg.member import Secrets, announce, masks, reveal
from decentralml.learning.secagg.session import Session, threshold_of
from decentralml.roles.secure.message import FILE, Message, write_message

PARAMETERS = 1_200_000


def timed(what: Callable[[], object]) -> float:
    """Seconds of CPU."""
    begin = time.process_time()
    what()
    return time.process_time() - begin


def size_of(message: Message) -> int:
    """Bytes of a message's file."""
    with tempfile.TemporaryDirectory() as folder:
        write_message(Path(folder), message)
        return (Path(folder) / FILE).stat().st_size


def measure(members: int, gone: int) -> dict[str, float]:
    """One session of ``members``, of whom the last ``gone`` leave after they announced."""
    names = [f"5{'x' * 43}{at:04}" for at in range(members)]
    channel = {name: keys.new_secret() for name in names}
    mine = {name: Secrets() for name in names}
    public = {name: keys.public_of(key) for name, key in channel.items()}
    session = Session(b"benchmark", public, threshold_of(members, 0.67))
    first, staying = names[0], names[: members - gone]
    announcing = timed(lambda: announce(session, first, channel[first], mine[first]))
    announced = {name: announce(session, name, channel[name], mine[name]) for name in names}
    encoding = Encoding(members, 1_000_000, 64.0)
    numbers = np.zeros(PARAMETERS, np.float32)

    def mask() -> None:
        total = MaskSum(masks(session, first, mine[first], announced))
        for start in range(0, PARAMETERS, 1 << 15):
            block = numbers[start : start + (1 << 15)]
            _ = encoding.encode(block, 60) + total.read(block.size)

    masking = timed(mask)
    revealing = timed(lambda: reveal(session, first, channel[first], announced, staying))
    answers = staying[: session.threshold]
    revealed = {n: reveal(session, n, channel[n], announced, staying) for n in answers}
    unmasking = timed(
        lambda: MaskSum(masks_left(session, announced, staying, revealed)).read(PARAMETERS)
    )
    return {
        "members": members,
        "gone": gone,
        "announce_s": announcing,
        "mask_s": masking,
        "reveal_s": revealing,
        "unmask_s": unmasking,
        "announcement_bytes": size_of(Message(announcement=announced[first])),
        "masked_bytes": 8 * (1 + PARAMETERS),
        "shares_bytes": size_of(Message(revealed=revealed[first])),
    }


def main() -> None:
    """Print one line for each size; ``--json`` for programs."""
    rows = [measure(10, 0), measure(10, 1), measure(100, 0), measure(100, 10)]
    if "--json" in sys.argv:
        print(json.dumps(rows, indent=1))
        return
    print("members  gone  announce     mask   reveal   unmask  message bytes: keys, update, shares")
    for row in rows:
        times = "".join(f"{row[f'{k}_s']:8.3f} s" for k in ("announce", "mask", "reveal", "unmask"))
        sizes = "  ".join(f"{row[f'{k}_bytes']:,}" for k in ("announcement", "masked", "shares"))
        print(f"{row['members']:7}  {row['gone']:4}{times}  {sizes}")


if __name__ == "__main__":
    main()
