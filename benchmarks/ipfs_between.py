"""A file from one daemon's network: how much of the wait for each block is waited at once.

    python -m benchmarks.ipfs_between [MEGABYTES [MILLISECONDS ...]]     # 64 MB at 0, 10 and 50 ms

Two kubo daemons on loopback that know only each other; what one says to the other comes so many
milliseconds later, each way. The file is put on the first; what fetches it asks the second. Each
figure comes from a process of its own, its start included, and each way out has a file of its own,
so that no block is there before. `stream` is `ipfs dag export`, verified as it comes; `one by one`
asks for a block when the last one came; `ahead` is what `IpfsStore.fetch` does.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.ipfs import Figures, measured, random_file
from decentralml.assets.ipfs.private import PrivateDaemon, find_kubo
from decentralml.assets.ipfs.store import IpfsStore

_OWN = """
import sys
from pathlib import Path
from contextlib import closing

what, location, cid, copy = sys.argv[1:]

from decentralml.assets.cid import to_bytes
from decentralml.assets.fetching import unpack
from decentralml.assets.ipfs.store import IpfsStore
from decentralml.assets.rules import BundleLimits
from decentralml.assets.streamed import StreamedSource

def high_water():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))

store = IpfsStore(location)
list(store.list())
before = high_water()
if what == "ahead":
    store.fetch(cid, Path(copy))
else:
    root = to_bytes(cid)

    class OneByOne:
        def get(self, block):
            return daemon.ask(lambda api: api.block(block))

    with store._daemon() as daemon, daemon.another() as api:
        if what == "stream":
            with closing(api.export(root)) as stream:
                source = StreamedSource(stream, root, OneByOne().get)
                unpack(source, root, Path(copy), BundleLimits())
        else:
            unpack(OneByOne(), root, Path(copy), BundleLimits())
print(high_water() - before)
"""


class _Late:
    """Hands on what comes, ``delay`` seconds later, to a port on loopback and back."""

    def __init__(self, port: int, delay: float) -> None:
        self._port, self._delay = port, delay

    async def serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        server, there = await asyncio.open_connection("127.0.0.1", self._port)
        await asyncio.gather(self._hand_on(client, there), self._hand_on(server, back))

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def read() -> None:
            with suppress(OSError):
                while piece := await reader.read(1 << 16):
                    late.put_nowait((clock() + self._delay, piece))
            late.put_nowait((0, b""))

        reading = asyncio.create_task(read())
        with suppress(OSError):
            while (found := await late.get())[1]:
                await asyncio.sleep(max(0, found[0] - clock()))
                writer.write(found[1])
                await writer.drain()
        writer.close()
        await reading


@contextmanager
def late(port: int, delay: float) -> Iterator[int]:
    """A port at which another answers, but later."""
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(
        asyncio.start_server(_Late(port, delay).serve, "127.0.0.1", 0)
    )
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield listening.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@contextmanager
def two_daemons(folder: Path, delay: float) -> Iterator[tuple[PrivateDaemon, PrivateDaemon]]:
    """Two that run; the second knows the first, from afar."""
    here, there = (
        PrivateDaemon.make(_new(folder / name), find_kubo(), peered=True) for name in ("a", "b")
    )
    assert here.swarm is not None
    with late(here.swarm, delay) as port:
        peer = {"ID": here.identity, "Addrs": [f"/ip4/127.0.0.1/tcp/{port}"]}
        there.configure(Peering={"Peers": [peer]})
        try:
            here.start()
            there.start()
            yield here, there
        finally:
            there.kill()
            here.kill()


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def figures(folder: Path, megabytes: int, delay: float) -> dict[str, Figures]:
    """Each way out once."""
    found: dict[str, Figures] = {}
    with two_daemons(folder, delay) as (here, there):
        for what in ("stream", "one by one", "ahead"):
            cid = IpfsStore(here.location).put_file(random_file(folder / "file", megabytes))
            command = [sys.executable, "-c", _OWN, what, there.location, cid, str(folder / "copy")]
            found[what] = measured(there, command)
            (folder / "copy").unlink()
    return found


def main() -> None:
    """Prints a line for each way and delay."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    delays = [int(word) for word in sys.argv[2:]] or [0, 10, 50]
    print(f"{megabytes} MB{'s':>18}{'MB/s':>8}{'CPU s':>8}{'daemon':>8}{'memory MiB':>12}")
    for milliseconds in delays:
        with tempfile.TemporaryDirectory(prefix="decentralml-between-") as name:
            found = figures(Path(name), megabytes, milliseconds / 1000)
        for what, one in found.items():
            print(
                f"{milliseconds:3} ms  {what:12}{one.seconds:6.2f}{megabytes / one.seconds:8.0f}"
                f"{one.own_cpu:8.2f}{one.daemon_cpu:8.2f}{one.memory / 1024:12.1f}"
            )


if __name__ == "__main__":
    main()
