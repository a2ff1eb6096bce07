"""A member's message: the ``result/`` of its delivery in a secure task's round.

::

    secure.json   what it says, by the round's phase
    masked.u64    the masked update: whole numbers modulo 2**64, little-endian
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from decentralml.learning.hostile_json import JsonRefused, read_json
from decentralml.learning.secagg import shamir
from decentralml.learning.secagg.errors import MessageRefused
from decentralml.learning.secagg.keys import KEY_BYTES
from decentralml.learning.secagg.member import SEALED_BYTES
from decentralml.learning.secagg.session import Announcement, Revealed
from decentralml.roles.secure.settings import MOST_MEMBERS

FILE: Final = "secure.json"
MASKED: Final = "masked.u64"
MAX_BYTES: Final = 1 << 20
VERSION: Final = 1
_COMMITMENT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Message:
    """What a member says; None for what it does not.

    Attributes:
        keys: its public channel key.
        announcement: for the session that is announced.
        revealed: for the session that is unmasked.
        masked: the file of its masked update, unread.
    """

    keys: bytes | None = None
    announcement: Announcement | None = None
    revealed: Revealed | None = None
    masked: Path | None = None


def write_message(folder: Path, message: Message) -> None:
    """Write ``secure.json``; the masked update's file, if any, is there already."""
    said: dict[str, Any] = {"version": VERSION}
    if message.keys is not None:
        said["keys"] = message.keys.hex()
    if (word := message.announcement) is not None:
        said["announcement"] = {
            "mask_key": word.mask_key.hex(),
            "commitment": word.commitment.hex(),
            "sealed": _hex(word.sealed),
        }
    if (shares := message.revealed) is not None:
        said["revealed"] = {"own": _hex(shares.own), "pair": _hex(shares.pair)}
    (folder / FILE).write_text(json.dumps(said, sort_keys=True))


def read_message(folder: Path) -> Message:
    """A message that anybody may have written.

    Raises: MessageRefused: it has other files or fields than a message.
    """
    names = {entry.name for entry in os.scandir(folder)}
    if not {FILE} <= names <= {FILE, MASKED} or not all(_is_file(folder / n) for n in names):
        raise MessageRefused(f"a message is {FILE}, with {MASKED} when training, and nothing else")
    with (folder / FILE).open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        said = read_json(data, MAX_BYTES, max_depth=4)
    except JsonRefused as error:
        raise MessageRefused(f"its {FILE}: {error}") from error
    return _message(said, folder / MASKED if MASKED in names else None)


def _message(said: object, masked: Path | None) -> Message:
    known = {"version", "keys", "announcement", "revealed"}
    if not isinstance(said, dict) or not set(said) <= known or said.get("version") != VERSION:
        raise MessageRefused(f"its {FILE} is no message of version {VERSION}")
    keys = _bytes(said["keys"], KEY_BYTES) if "keys" in said else None
    word = _announcement(said["announcement"]) if "announcement" in said else None
    shares = _revealed(said["revealed"]) if "revealed" in said else None
    return Message(keys, word, shares, masked)


def _announcement(said: object) -> Announcement:
    if not isinstance(said, dict) or set(said) != {"mask_key", "commitment", "sealed"}:
        raise MessageRefused("its announcement is malformed")
    return Announcement(
        _bytes(said["mask_key"], KEY_BYTES),
        _bytes(said["commitment"], _COMMITMENT_BYTES),
        _by_member(said["sealed"], SEALED_BYTES),
    )


def _revealed(said: object) -> Revealed:
    if not isinstance(said, dict) or set(said) != {"own", "pair"}:
        raise MessageRefused("its shares are malformed")
    own = _by_member(said["own"], shamir.SHARE_BYTES)
    pair = _by_member(said["pair"], shamir.SHARE_BYTES)
    return Revealed(own, pair)


def _by_member(said: object, size: int) -> dict[str, bytes]:
    if not isinstance(said, dict) or len(said) > MOST_MEMBERS:
        raise MessageRefused("its shares are malformed")
    return {member: _bytes(text, size) for member, text in said.items()}


def _bytes(said: object, size: int) -> bytes:
    try:
        value = bytes.fromhex(said) if isinstance(said, str) and len(said) == 2 * size else b""
    except ValueError:
        value = b""
    if len(value) != size:
        raise MessageRefused(f"a field of it is not {size} bytes in hexadecimal digits")
    return value


def _hex(values: Mapping[str, bytes]) -> dict[str, str]:
    return {member: value.hex() for member, value in values.items()}


def _is_file(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)
