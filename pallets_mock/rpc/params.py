"""From JSON parameters to a handler's arguments, by the handler's own annotations."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from pallets_mock.rpc.errors import RpcError, invalid_params

Bytes = NewType("Bytes", bytes)
"""Any number of bytes, in hexadecimal."""
Hash = NewType("Hash", bytes)
"""32 bytes, in hexadecimal."""
U32 = NewType("U32", int)
Number = NewType("Number", int)
"""A block number: a JSON number or hexadecimal with 0x."""
Account = NewType("Account", bytes)
"""An account's 32 bytes: SS58 of any network, or hexadecimal with 0x."""
Json = NewType("Json", object)
"""Whatever it is."""

_HEX = re.compile("[0-9a-fA-F]*")
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def kind_of(value: Any) -> str:
    """A JSON value's kind, for messages; never the value itself, which may be huge."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "sequence"}
    return "null" if value is None else names.get(type(value), "map")


def to_bytes(value: Any) -> bytes:
    """Bytes of hexadecimal text; as at a node the 0x may be missing, and a leading zero."""
    if not isinstance(value, str):
        raise invalid_params(f"invalid type: {kind_of(value)}, expected a 0x-prefixed hex string")
    digits = value[2:] if value.startswith("0x") else value
    if not _HEX.fullmatch(digits):
        raise invalid_params("invalid value: expected a 0x-prefixed hex string")
    return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)


def to_hash(value: Any) -> bytes:
    """32 bytes of hexadecimal text with 0x."""
    found = to_bytes(value)
    if len(found) != 32:
        raise invalid_params(f"invalid length {len(found)}, expected 32 bytes")
    return found


def to_u32(value: Any) -> int:
    """An integer from 0 to 2**32 - 1."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid_params(f"invalid type: {kind_of(value)}, expected u32")
    if not 0 <= value < 1 << 32:
        raise invalid_params("invalid value: integer out of range, expected u32")
    return value


def to_number(value: Any) -> int:
    """A block number, as a number or as hexadecimal."""
    if isinstance(value, str) and value.startswith("0x"):
        digits = value[2:]
        if 0 < len(digits) <= 16 and all(digit in "0123456789abcdefABCDEF" for digit in digits):
            value = int(digits, 16)
    return to_u32(value)


def to_account(value: Any) -> bytes:
    """An account by its SS58 address or its hexadecimal key."""
    if isinstance(value, str) and value.startswith("0x"):
        return to_hash(value)
    if not isinstance(value, str):
        raise invalid_params(f"invalid type: {kind_of(value)}, expected an SS58 address")
    if not 0 < len(value) <= 64 or any(character not in _BASE58 for character in value):
        raise invalid_params("invalid value: no SS58 address")
    number = 0
    for character in value:
        number = number * 58 + _BASE58.index(character)
    zeros = len(value) - len(value.lstrip("1"))
    decoded = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    prefix = 1 if decoded and decoded[0] < 64 else 2
    body, check = decoded[:-2], decoded[-2:]
    checksum = blake2b(b"SS58PRE" + body, digest_size=64).digest()[:2]
    if len(body) != prefix + 32 or check != checksum:
        raise invalid_params("invalid value: no SS58 address of 32 bytes, or a mistyped one")
    return body[prefix:]


def _plain(kind: type, name: str) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if type(value) is not kind:
            raise invalid_params(f"invalid type: {kind_of(value)}, expected {name}")
        return value

    return convert


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid_params(f"invalid type: {kind_of(value)}, expected an integer")
    if not -(1 << 63) <= value < 1 << 63:
        raise invalid_params("invalid value: integer out of range")
    return value


def _real(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise invalid_params(f"invalid type: {kind_of(value)}, expected a number")
    return float(_integer(value)) if isinstance(value, int) else value


_CONVERTERS: dict[Any, Callable[[Any], Any]] = {
    Bytes: to_bytes,
    Hash: to_hash,
    U32: to_u32,
    Number: to_number,
    Account: to_account,
    Json: lambda value: value,
    str: _plain(str, "a string"),
    bool: _plain(bool, "a boolean"),
    int: _integer,
    float: _real,
}


def converter_for(annotation: Any) -> Callable[[Any], Any]:
    """What turns a JSON value into an argument of that annotation.

    Understands the types of this file, `str`, `bool`, `int`, `float`, and lists, tuples and
    unions of those; in a union the first that fits.
    """
    known = _CONVERTERS.get(annotation)
    if known is not None:
        return known
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is list:
        return _list_of(converter_for(arguments[0]))
    if origin is tuple:
        return _tuple_of([converter_for(one) for one in arguments])
    if origin in (Union, types.UnionType):
        return _first_of(
            [converter_for(one) for one in arguments if one is not type(None)],
            optional=type(None) in arguments,
        )
    raise TypeError(f"no parameter can be of type {annotation}")


def _list_of(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def convert_all(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise invalid_params(f"invalid type: {kind_of(value)}, expected a sequence")
        return [convert(one) for one in value]

    return convert_all


def _tuple_of(converters: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def convert_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(converters):
            raise invalid_params(f"expected a sequence of {len(converters)}")
        return tuple(convert(one) for convert, one in zip(converters, value, strict=True))

    return convert_all


def _first_of(
    converters: Sequence[Callable[[Any], Any]], *, optional: bool
) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if value is None and optional:
            return None
        refused: RpcError | None = None
        for one in converters:
            try:
                return one(value)
            except RpcError as error:
                refused = refused or error
        raise refused or invalid_params("no type fits")

    return convert


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method."""

    name: str
    convert: Callable[[Any], Any]
    default: Any

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is inspect.Parameter.empty


def parameters_of(handler: Callable[..., Any], skip: int = 0) -> tuple[Parameter, ...]:
    """The JSON parameters of a handler; a name's last underscore is not part of it."""
    hints = get_type_hints(handler)
    return tuple(
        Parameter(one.name.rstrip("_"), converter_for(hints[one.name]), one.default)
        for one in list(inspect.signature(handler).parameters.values())[skip:]
    )


def bind(parameters: Sequence[Parameter], given: Any) -> list[Any]:
    """Arguments from a request's `params`: a list, an object, or nothing.

    More than there are parameters do no harm, as with a node.

    Raises:
        RpcError: -32602.
    """
    if isinstance(given, dict):
        given = [given.get(one.name) for one in parameters]
    elif given is None:
        given = []
    elif not isinstance(given, list):
        raise invalid_params("params must be a sequence or a map")
    arguments = []
    for place, parameter in enumerate(parameters):
        value = given[place] if place < len(given) else None
        if value is None and not parameter.required:
            arguments.append(parameter.default)
            continue
        if place >= len(given):
            raise invalid_params(f"missing parameter `{parameter.name}`")
        try:
            arguments.append(parameter.convert(value))
        except RpcError as error:
            raise invalid_params(f"`{parameter.name}`: {error.data}") from None
    return arguments
