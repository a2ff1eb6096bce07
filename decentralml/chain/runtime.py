"""One version of a runtime, as its metadata describes it: encode, decode, sign.

The only importer of `substrateinterface` besides `keys`. The library's own connection, caching
and refreshing are left aside (they hang, and they go stale when the runtime is upgraded): an
object here belongs to one metadata for ever, and asks nobody anything.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from scalecodec.base import ScaleBytes
from scalecodec.exceptions import RemainingScaleBytesNotEmptyException
from scalecodec.utils.ss58 import is_valid_ss58_address
from substrateinterface import SubstrateInterface
from substrateinterface.storage import StorageKey

from decentralml.chain.calls import Call
from decentralml.chain.scale import variant
from decentralml.chain.skipping import Skipper, compact
from decentralml.errors import InvalidAddress, InvalidCall, MalformedChainData
from decentralml.types import AccountId

if TYPE_CHECKING:
    from decentralml.chain.keys import Keypair

SS58_FORMAT = 42
_KEYS = 4096  # storage keys that are remembered: a client asks for the same few again and again
_CODEC = threading.RLock()
"""The library keeps its decoder classes in the process: two threads must not decode at once."""

_BROKEN = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError,
    RemainingScaleBytesNotEmptyException, OverflowError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Version:
    """What a runtime says it is."""

    spec_name: str
    spec_version: int
    transaction_version: int


@dataclass(frozen=True, slots=True)
class RuntimeEvent:
    """Any pallet's event; `extrinsic` is the index of what caused it, None for the block itself."""

    extrinsic: int | None
    pallet: str
    name: str
    fields: Any


class _Offline(SubstrateInterface):
    """The library's codec and signer, without its connection."""

    def __init__(self, metadata: str, version: Version) -> None:
        untyped: Any = super()
        untyped.__init__(websocket=object(), auto_discover=False, ss58_format=SS58_FORMAT)
        self.metadata = self.runtime_config.create_scale_object(
            "MetadataVersioned", data=ScaleBytes(metadata)
        )
        self.metadata.decode()
        self.runtime_version = version.spec_version
        self.transaction_version = version.transaction_version
        self.reload_type_registry(use_remote_preset=False, auto_discover=False)
        self.runtime_config.add_portable_registry(self.metadata)
        self.runtime_config.update_type_registry_types(
            dict.fromkeys(_byte_strings(self.metadata.portable_registry["types"].value), "HexBytes")
        )
        self.runtime_config.set_active_spec_version_id(version.spec_version)
        self.hashes: Mapping[int, str] = {}

    def init_runtime(self, block_hash: str | None = None, block_id: int | None = None) -> None:
        """Nothing to load: this object has one metadata."""

    def get_block_hash(self, block_id: int | None = None) -> str:
        """The hashes that `Runtime.sign` was given."""
        return self.hashes[block_id or 0]

    def rpc_request(self, method: str, params: Any, result_handler: Any = None) -> Any:
        """Whoever reaches this would bypass `node`."""
        raise RuntimeError(f"{method} must go through the node")


def _strict(data: bytes) -> ScaleBytes:
    """Bytes that end where they end: the library would read on as if zeros followed."""
    stream: Any = ScaleBytes(bytes(data))
    read_on = stream.get_next_bytes

    def get_next_bytes(length: int) -> Any:
        if stream.offset + length > stream.length:
            raise ValueError("the bytes end too early")
        return read_on(length)

    # On the object: the library takes no subclass.
    stream.get_next_bytes = get_next_bytes
    return stream  # type: ignore[no-any-return]


def _byte_strings(types: list[Any]) -> list[str]:
    """The types that are strings of bytes.

    The library returns such bytes as text where they happen to be UTF-8, else as hex: which of
    the two would be the choice of whoever wrote them.
    """
    of_bytes = {e["id"] for e in types if e["type"]["def"].get("primitive") == "u8"}
    found = []
    for entry in types:
        sequence = entry["type"]["def"].get("sequence")
        bounded = entry["type"]["path"][-1:] in (["BoundedVec"], ["WeakBoundedVec"])
        inner = sequence["type"] if sequence else None
        if bounded:
            inner = entry["type"]["params"][0]["type"]
        if inner in of_bytes:
            found.append(f"scale_info::{entry['id']}")
    return found


def _remember_classes(config: Any) -> None:
    """Has the library look up a type's class once, not for each value: a third of decoding.

    The class is told its configuration each time, as the library does: simple types are shared
    between runtimes.
    """
    look_up, update = config.get_decoder_class, config.update_type_registry_types
    found: dict[str, Any] = {}

    def update_type_registry_types(types: Any) -> None:
        found.clear()
        update(types)

    def get_decoder_class(type_string: Any) -> Any:
        known = found.get(type_string) if isinstance(type_string, str) else None
        if known is None:
            known = look_up(type_string)
            if isinstance(type_string, str) and known is not None:
                found[type_string] = known
        else:
            known.runtime_config = config
        return known

    config.get_decoder_class = get_decoder_class
    config.update_type_registry_types = update_type_registry_types


class Runtime:
    """Codec of one runtime version."""

    def __init__(self, metadata: str, version: Version) -> None:
        """Decode `metadata` (hex, version 14); takes 0.1 s: use `runtime_of`.

        Raises:
            MalformedChainData: it is no metadata that the library reads.
        """
        self.version = version
        with _CODEC:
            try:
                self._library: Any = _Offline(metadata, version)
            except _BROKEN as error:
                raise MalformedChainData("metadata", str(metadata)[:40]) from error
        self._config = self._library.runtime_config
        _remember_classes(self._config)
        self._keys = lru_cache(_KEYS)(self._storage_key)
        metadata_object: Any = self._library.metadata
        self._types = metadata_object.portable_registry["types"].value
        self._skipper = Skipper(self._types)

    def has_pallet(self, name: str) -> bool:
        """Whether the runtime has a pallet of that name."""
        return self._library.metadata.get_metadata_pallet(name) is not None

    def calls_of(self, pallet: str) -> frozenset[str]:
        """Names of the calls of a pallet."""
        found = self._library.metadata.get_metadata_pallet(pallet)
        return frozenset(call.name for call in (found.calls or ())) if found else frozenset()

    def errors_of(self, pallet: str) -> frozenset[str]:
        """Names of the errors of a pallet."""
        found = self._library.metadata.get_metadata_pallet(pallet)
        return frozenset(error.name for error in (found.errors or ())) if found else frozenset()

    def error_name(self, pallet: int, error: int) -> tuple[str, str]:
        """Names of the pallet and error that a dispatch error points at.

        Raises:
            MalformedChainData: the metadata has no such error.
        """
        for candidate in self._library.metadata.pallets:
            if candidate.value["index"] == pallet:
                for found in candidate.errors or ():
                    if found.value["index"] == error:
                        return str(candidate.value["name"]), str(found.name)
        raise MalformedChainData("a dispatch error", (pallet, error))

    def constant(self, pallet: str, name: str) -> Any:
        """Value of a pallet's constant; None when there is none of that name."""
        with _CODEC:
            found = self._library.get_constant(pallet, name)
        return None if found is None else found.value

    def type_named(self, *path: str) -> str:
        """Type whose path begins and ends as `path` does.

        Raises:
            MalformedChainData: the metadata has no such type.
        """
        for entry in self._types:
            parts = entry["type"]["path"]
            if parts and parts[0] == path[0] and parts[-1] == path[-1]:
                return f"scale_info::{entry['id']}"
        raise MalformedChainData("metadata without a type", "::".join(path))

    def field_types(self, type_name: str) -> dict[str, str]:
        """Names and types of a struct's fields."""
        entry = self._types[_number_of(type_name)]
        fields = entry["type"]["def"]["composite"]["fields"]
        return {field["name"]: f"scale_info::{field['type']}" for field in fields}

    def variants(self, type_name: str) -> frozenset[str]:
        """Names of an enum's variants."""
        entry = self._types[_number_of(type_name)]
        return frozenset(v["name"] for v in entry["type"]["def"]["variant"]["variants"])

    def struct(self, name: str, fields: Mapping[str, str]) -> str:
        """Name a struct type of these fields that the metadata does not describe."""
        mapping = [list(pair) for pair in fields.items()]
        with _CODEC:
            self._config.update_type_registry_types(
                {name: {"type": "struct", "type_mapping": mapping}}
            )
        return name

    def encode(self, type_name: str, value: Any) -> bytes:
        """SCALE bytes of `value`."""
        with _CODEC:
            return bytes(self._config.create_scale_object(type_name).encode(value).data)

    def account(self, address: AccountId) -> bytes:
        """An account's SCALE bytes. Raises InvalidAddress."""
        return self.encode("AccountId", check_account(address))

    def decode(self, type_name: str, data: bytes) -> Any:
        """Value of SCALE bytes: ints, texts, dictionaries; bytes as ``0x…``, accounts as SS58.

        Raises:
            MalformedChainData: bytes are missing or left over, or no value of that type.
        """
        with _CODEC:
            try:
                scale = self._config.create_scale_object(
                    type_name, data=_strict(data), metadata=self._library.metadata
                )
                return scale.decode(check_remaining=True)
            except _BROKEN as error:
                raise MalformedChainData(f"a {type_name}", data[:60].hex()) from error

    def storage_type(self, pallet: str, item: str) -> str:
        """Type of the values of a storage item.

        Raises:
            MalformedChainData: the runtime has no such item.
        """
        found = self._library.metadata.get_metadata_pallet(pallet)
        entry = found.get_storage_function(item) if found is not None else None
        if entry is None:
            raise MalformedChainData("metadata without storage", f"{pallet}.{item}")
        return str(entry.get_value_type_string())

    def storage_key(self, pallet: str, item: str, params: list[Any]) -> tuple[str, str, bytes]:
        """Key in the state, type of the value, and the value where there is none (or b'').

        Raises:
            InvalidAddress: a text among the parameters is no account.
        """
        return self._keys(pallet, item, tuple(params))

    def _storage_key(
        self, pallet: str, item: str, params: tuple[Any, ...]
    ) -> tuple[str, str, bytes]:
        for param in params:
            if isinstance(param, str):
                check_account(param)
        with _CODEC:
            key = StorageKey.create_from_storage_function(
                pallet,
                item,
                list(params),
                runtime_config=self._config,
                metadata=self._library.metadata,
            )
        entry: Any = key.metadata_storage_function
        default = b""
        if entry.value["modifier"] == "Default":
            default = bytes(entry.value_object["default"].value_object)
        return str(key.to_hex()), str(key.value_scale_type), default

    def events(
        self, data: bytes, *, pallet: str | None = None, extrinsic: int | None = None
    ) -> list[RuntimeEvent]:
        """The events of a block, from the value of `System.Events`.

        Args:
            pallet: only events of this one; the others are passed over, which costs far less.
            extrinsic: only events of the extrinsic with this index in the block.
        Raises:
            MalformedChainData: the bytes are no list of events.
        """
        _, events_type, _ = self.storage_key("System", "Events", [])
        record = self._types[_number_of(events_type)]["type"]["def"]["sequence"]["type"]
        with _CODEC:
            try:
                found = list(self._records(data, record, pallet, extrinsic))
            except (ValueError, IndexError) as error:
                raise MalformedChainData("events", data[:60].hex()) from error
        return [_event(self.decode(f"scale_info::{record}", each)) for each in found]

    def _records(
        self, data: bytes, record: int, pallet: str | None, extrinsic: int | None
    ) -> Iterator[bytes]:
        """The bytes of each event that is wanted."""
        phase = self._types[record]["type"]["def"]["composite"]["fields"][0]["type"]
        index = None if pallet is None else self._pallet_index(pallet)
        count, start = compact(data, 0)
        for _ in range(count):
            said = self._skipper.end(phase, data, start)
            end = self._skipper.end(record, data, start)
            of_pallet = index is None or data[said] == index
            # A phase is ApplyExtrinsic with the index, or has no more than its number.
            phase_bytes = data[start:said]
            applied = extrinsic is None or phase_bytes == b"\0" + extrinsic.to_bytes(4, "little")
            if of_pallet and applied:
                yield data[start:end]
            start = end
        if start != len(data):
            raise ValueError("bytes are left over")

    def _pallet_index(self, name: str) -> int:
        found = self._library.metadata.get_metadata_pallet(name)
        return -1 if found is None else int(found.value["index"])

    def encode_call(self, call: Call) -> bytes:
        """SCALE bytes of a call. Raises InvalidCall."""
        with _CODEC:
            try:
                return bytes(
                    self._library.compose_call(call.pallet, call.name, dict(call.args)).data.data
                )
            except _BROKEN as error:
                raise InvalidCall(call.name, str(error)) from error

    def sign(
        self, call: Call, keypair: Keypair, nonce: int, era_blocks: int, hashes: Mapping[int, str]
    ) -> tuple[str, int]:
        """Sign `call`: the extrinsic as ``0x…``, and the block that its era begins with.

        Args:
            hashes: of block 0 and of the block that the era is to begin with.
        Raises:
            InvalidCall: the arguments are none that the runtime takes.
        """
        birth = max(hashes)
        with _CODEC:
            self._library.hashes = hashes
            try:
                composed = self._library.compose_call(call.pallet, call.name, dict(call.args))
                extrinsic = self._library.create_signed_extrinsic(
                    composed, keypair, era={"period": era_blocks, "current": birth}, nonce=nonce
                )
            except _BROKEN as error:
                raise InvalidCall(call.name, str(error)) from error
        return str(extrinsic.data), birth


@lru_cache(maxsize=4)
def runtime_of(metadata: str, version: Version) -> Runtime:
    """The codec of `metadata`, made once for all nodes of the process."""
    return Runtime(metadata, version)


def check_account(text: str) -> AccountId:
    """`text`, if it is an address as this chain writes them.

    Raises:
        InvalidAddress: it is mistyped, or an address of another network.
    """
    if not is_valid_ss58_address(text, valid_ss58_format=SS58_FORMAT):
        raise InvalidAddress(text)
    return AccountId(text)


def extrinsic_hash(extrinsic: str) -> str:
    """Hash of an extrinsic's bytes (``0x…``), as blocks and nodes name it."""
    return "0x" + blake2b(bytes.fromhex(extrinsic[2:]), digest_size=32).hexdigest()


def _number_of(type_name: str) -> int:
    return int(type_name.removeprefix("scale_info::"))


def _event(record: Mapping[str, Any]) -> RuntimeEvent:
    event = record["event"]
    index = record.get("extrinsic_idx")
    return RuntimeEvent(index, event["module_id"], event["event_id"], event["attributes"])


def dispatch_error(runtime: Runtime, value: Any) -> tuple[str, str]:
    """Pallet (or kind) and name of a `DispatchError`: ``("Balances", "InsufficientBalance")``.

    Errors that belong to no pallet have their kind in the first place: ``("Token", "Frozen")``,
    ``("", "BadOrigin")``.
    """
    name, content = variant(value)
    if name == "Module":
        raw = content["error"]
        index = int(raw) if isinstance(raw, int) else bytes.fromhex(str(raw).removeprefix("0x"))[0]
        return runtime.error_name(int(content["index"]), index)
    return (name, variant(content)[0]) if content is not None else ("", name)
