"""Any call of any pallet, from its name and JSON on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decentralml.errors import InvalidCall

if TYPE_CHECKING:
    from decentralml.chain.calls import Call


def parse_call(name: str, arguments: str) -> Call:
    """The call that ``PALLET.CALL`` and a JSON object of its arguments name.

    A text that begins with ``@`` stands for the bytes of that file; one that names a call
    (``{"call": "System.remark", "args": {…}}``) for that call.

    Raises:
        InvalidCall: no such name, no JSON object, or a file that cannot be read.
    """
    from decentralml.chain.calls import Call as ChainCall

    pallet, dot, function = name.partition(".")
    if not (pallet and dot and function):
        raise InvalidCall(name, "a call is named as Pallet.call")
    try:
        parsed = json.loads(arguments)
    except ValueError as error:
        raise InvalidCall(name, f"the arguments are no JSON ({error})") from error
    if not isinstance(parsed, dict):
        raise InvalidCall(name, 'the arguments are a JSON object, such as {"who": "5F…"}')
    return ChainCall(function, {key: _value(name, value) for key, value in parsed.items()}, pallet)


def _value(name: str, value: Any) -> Any:
    """A JSON value as the codec takes it."""
    from decentralml.chain.council import nested

    if isinstance(value, str) and value.startswith("@"):
        try:
            return "0x" + Path(value[1:]).read_bytes().hex()
        except OSError as error:
            raise InvalidCall(name, f"{value[1:]}: {error.strerror}") from error
    if isinstance(value, dict) and set(value) == {"call", "args"}:
        return nested(parse_call(str(value["call"]), json.dumps(value["args"])))
    if isinstance(value, list):
        return [_value(name, each) for each in value]
    if isinstance(value, dict):
        return {key: _value(name, each) for key, each in value.items()}
    return value
