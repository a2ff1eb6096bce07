"""What a runtime says it is: sp-version's `RuntimeVersion`."""

from __future__ import annotations

from dataclasses import dataclass

from pallets_mock.errors import InvalidRuntime
from pallets_mock.executor.sections import custom_section
from pallets_mock.state.compact import compact, read_compact

CORE_API = bytes.fromhex("df6acb689907609b")
"""blake2b-64 of `Core`."""

_API_BYTES = 12


@dataclass(frozen=True, slots=True)
class RuntimeVersion:
    """As sp-version 47's, the fields in the order of their encoding.

    Args:
        apis: (blake2b-64 of the API's name, its version).
        system_version: 0 the state is kept in trie layout 0, 1 in layout 1; 2 as 1, and
            the extrinsics root is made in layout 1 too.
    """

    spec_name: str
    impl_name: str
    authoring_version: int
    spec_version: int
    impl_version: int
    apis: tuple[tuple[bytes, int], ...]
    transaction_version: int
    system_version: int

    @property
    def layout(self) -> int:
        """The trie layout of the state: 0 or 1."""
        return min(self.system_version, 1)

    def encode(self) -> bytes:
        """SCALE."""
        names = b"".join(
            compact(len(name.encode())) + name.encode() for name in (self.spec_name, self.impl_name)
        )
        numbers = (self.authoring_version, self.spec_version, self.impl_version)
        return b"".join(
            [
                names,
                *(number.to_bytes(4, "little") for number in numbers),
                compact(len(self.apis)),
                *(name + version.to_bytes(4, "little") for name, version in self.apis),
                self.transaction_version.to_bytes(4, "little"),
                bytes((self.system_version,)),
            ]
        )

    @classmethod
    def decode(
        cls, data: bytes, apis: tuple[tuple[bytes, int], ...] | None = None
    ) -> RuntimeVersion:
        """The version that `Core_version` returned.

        Args:
            apis: taken instead of the encoded ones, when they are known from elsewhere.
        Raises:
            InvalidRuntime: the bytes are no version.
        """
        try:
            return _decode(data, apis)
        except (IndexError, ValueError) as error:
            raise InvalidRuntime(f"no runtime version: {error}") from error


def embedded_version(wasm: bytes) -> RuntimeVersion | None:
    """The version in the binary's own sections, None if it has none; runs nothing."""
    version = custom_section(wasm, "runtime_version")
    apis = custom_section(wasm, "runtime_apis")
    if version is None or apis is None:
        return None
    return RuntimeVersion.decode(version, _apis(apis))


def _apis(data: bytes) -> tuple[tuple[bytes, int], ...]:
    if len(data) % _API_BYTES:
        raise InvalidRuntime("the section runtime_apis has a wrong length")
    return tuple(
        (data[at : at + 8], int.from_bytes(data[at + 8 : at + _API_BYTES], "little"))
        for at in range(0, len(data), _API_BYTES)
    )


def _decode(data: bytes, apis: tuple[tuple[bytes, int], ...] | None) -> RuntimeVersion:
    at = 0

    def take(length: int) -> bytes:
        nonlocal at
        at += length
        if at > len(data):
            raise ValueError("the data ends")
        return data[at - length : at]

    def length() -> int:
        nonlocal at
        number, at = read_compact(data, at)
        return number

    def u32() -> int:
        return int.from_bytes(take(4), "little")

    spec_name, impl_name = take(length()).decode(), take(length()).decode()
    authoring, spec, impl = u32(), u32(), u32()
    encoded_apis = _apis(take(_API_BYTES * length()))
    known = encoded_apis if apis is None else apis
    core = dict(known).get(CORE_API, 4)
    transaction = u32() if core >= 3 else 1
    system = take(1)[0] if core >= 4 else 0
    return RuntimeVersion(spec_name, impl_name, authoring, spec, impl, known, transaction, system)
