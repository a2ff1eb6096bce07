"""A network in a folder: made once, started and stopped as often as wanted."""

from __future__ import annotations

import fcntl
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from decentralml.localnet import keys, ports
from decentralml.localnet.errors import LocalNetworkError, NetworkRuns
from decentralml.localnet.keeper import end_nodes, start_keeper
from decentralml.localnet.making import FILE, check_free, find_places, make_places, spec_in
from decentralml.localnet.status import NetworkStatus, look_at
from decentralml.localnet.validator import Place, Validator, Wrap, as_it_is, command_of

DEFAULT_VALIDATORS = 4
READY_SECONDS = 90.0
PAUSE_SECONDS = 0.2


class LocalNetwork:
    """Validators on loopback. Use as a context manager, or `start` and `stop` it.

    Attributes:
        folder: all that it keeps.
        spec: the raw chain spec that every node starts from.
        validators: its nodes, in their order; those that `join` come last.
    """

    def __init__(
        self,
        folder: Path,
        binary: Path,
        places: Sequence[Place],
        *,
        options: Sequence[str] = (),
        wrap: Wrap = as_it_is,
    ) -> None:
        """A network that `make` or `resume` prepared; call those.

        Args:
            folder: where it lies, without symbolic links.
            binary: the node.
            places: where each validator lives.
            options: further arguments of every node.
            wrap: changes each command line before it is started.
        """
        self.folder, self.spec, self._binary = folder, spec_in(folder), binary
        self._options, self._wrap = tuple(options), wrap
        self.validators = [self._validator(place, places) for place in places]
        self._keeper: subprocess.Popen[bytes] | None = None
        self._lock: IO[bytes] | None = None

    # Making

    @classmethod
    def make(  # noqa: PLR0913 - as the command line's options
        cls,
        folder: Path,
        binary: Path,
        *,
        validators: int = DEFAULT_VALIDATORS,
        base_port: int | None = None,
        options: Sequence[str] = (),
        wrap: Wrap = as_it_is,
        host: Callable[[int], str] = lambda _index: ports.LOOPBACK,
        template: dict[str, Any] | None = None,
    ) -> LocalNetwork:
        """A new network: keys, chain spec and ports. Starts nothing.

        Args:
            folder: empty, or not there yet.
            binary: the node.
            validators: how many; four go on when one fails, three do not.
            base_port: clients connect at this one and those after it; None: free ones.
            options, wrap: see `LocalNetwork`.
            host: the address of each validator, by its number.
            template: a readable chain spec, whose validators are replaced by these; None: that of
                the runtime's preset.
        Raises:
            BadNetwork: the folder is in use, or the number cannot be.
            NodeCommandFailed: the node refused to make a key or the chain spec.
        """
        places = make_places(folder, binary, validators, base_port, host, template=template)
        folder = folder.resolve()
        return cls(folder, binary, places, options=options, wrap=wrap)

    @classmethod
    def resume(
        cls,
        folder: Path,
        binary: Path,
        *,
        base_port: int | None = None,
        options: Sequence[str] = (),
        wrap: Wrap = as_it_is,
    ) -> LocalNetwork:
        """The network of a folder, as it was left; arguments as for `make`.

        Raises:
            BadNetwork: the folder holds none.
        """
        folder = folder.resolve()
        places = find_places(folder, base_port)
        return cls(folder, binary, places, options=options, wrap=wrap)

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether `resume` would find a network there."""
        return (folder / FILE).is_file()

    # Running

    def start(self) -> LocalNetwork:
        """Start every validator; returns at once, see `wait_ready`.

        Raises:
            NetworkRuns: another process runs it.
            PortTaken: somebody listens where a validator must.
        """
        self._take()
        try:
            end_nodes(self.folder)  # of somebody who was killed a moment ago
            for place in (one.place for one in self.validators):
                check_free(place.name, place.host, place.rpc_port, place.p2p_port)
            self._keeper = start_keeper(self.folder)
            for validator in self.validators:
                validator.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End all nodes, each in order. Twice is harmless."""
        for validator in self.validators:
            validator.ask_to_end()
        for validator in self.validators:
            validator.stop()
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            if keeper.stdin is not None:
                keeper.stdin.close()
            keeper.wait()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def __enter__(self) -> LocalNetwork:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def join(self, name: str, *options: str, validates: bool = False) -> Validator:
        """A further node, which begins with nothing; not started. Validates only if told to.

        Args:
            name: also of its folder.
            options: further arguments, such as ``--sync warp``.
            validates: whether it shall make blocks once the chain takes its keys
                (``author_rotateKeys`` makes them).
        """
        [(rpc, p2p)] = ports.pairs(None, 1)
        folder = self.folder / name
        folder.mkdir()
        peer_id = keys.make_node_key(self._binary, folder / "node-key")
        place = Place(name, folder, rpc, p2p, peer_id, validates=validates)
        joined = self._validator(place, [one.place for one in self.validators], options)
        self.validators.append(joined)
        return joined

    # Looking

    def status(self, timeout: float = 2.0) -> NetworkStatus:
        """How far each node is."""
        return look_at(self.validators, timeout)

    def wait_until(
        self, reached: Callable[[NetworkStatus], bool], seconds: float = READY_SECONDS
    ) -> NetworkStatus:
        """The first status that is so.

        Raises:
            LocalNetworkError: none was within so many seconds.
        """
        end = time.monotonic() + seconds
        while True:
            status = self.status()
            if reached(status):
                return status
            if time.monotonic() >= end:
                raise LocalNetworkError(
                    f"The network in {self.folder} did not come so far in {seconds:.0f} s: "
                    f"{status}. Look at the logs there."
                )
            time.sleep(PAUSE_SECONDS)

    def wait_ready(self, seconds: float = READY_SECONDS) -> NetworkStatus:
        """Wait until every validator answers and a first block is final.

        Raises:
            ValidatorEnded: one ended meanwhile; the end of its log is in the error.
            LocalNetworkError: it takes longer.
        """

        def is_ready(status: NetworkStatus) -> bool:
            for validator, seen in zip(self.validators, status.validators, strict=True):
                if seen.exit_status is not None:
                    raise validator.ended(f"ended with status {seen.exit_status}")
            return all((one.finalised or 0) > 0 for one in status.validators)

        return self.wait_until(is_ready, seconds)

    def _validator(
        self, place: Place, peers: Sequence[Place], options: Sequence[str] = ()
    ) -> Validator:
        command = command_of(self._binary, self.spec, place, peers, [*self._options, *options])
        return Validator(place, self._wrap(place, command))

    def _take(self) -> None:
        if self._lock is not None:
            raise NetworkRuns(self.folder)
        lock = (self.folder / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise NetworkRuns(self.folder) from None
        self._lock = lock
