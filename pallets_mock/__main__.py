"""`python -m pallets_mock`: the development chain as a process."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pallets_mock.errors import NotOnThisMachine, PalletsMockError

if TYPE_CHECKING:
    from pallets_mock.genesis import Genesis

DEFAULT_PORT = 9944
DEFAULT_PATH = Path("decentralml-chain")
MEMORY = "memory"
PRESETS = {"dev": "development", "local": "local_testnet"}
"""Short names, as a node's command line has them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 done, 1 refused, 2 misused."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(given)
    logging.basicConfig(
        level=options.log.upper(), stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s"
    )
    try:
        return int(options.run(options))
    except (PalletsMockError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pallets_mock",
        description="A development chain that executes the production runtime's WebAssembly.",
    )
    _add_run_options(parser)
    parser.set_defaults(run=_run)
    commands = parser.add_subparsers(title="other commands", metavar="")
    purge = commands.add_parser("purge", help="remove the chain of a folder")
    purge.add_argument("--path", type=Path, default=DEFAULT_PATH)
    purge.set_defaults(run=_purge)
    spec = commands.add_parser("build-spec", help="print the chain spec, to start a node from")
    spec.add_argument("--chain", default="development", metavar="PRESET|SPEC.json")
    spec.add_argument("--raw", action="store_true", help="the state itself, not its configuration")
    spec.set_defaults(run=_build_spec)
    return parser


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--port",
        type=_number(0, 65535),
        default=DEFAULT_PORT,
        help="0 for a free one (default: 9944)",
    )
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add(
        "--unsafe-rpc-external",
        action="store_true",
        help="let others in: on every address, or on --host; dev_*, key and log methods are off",
    )
    add("--path", type=Path, default=DEFAULT_PATH, help=f"the chain's folder ({DEFAULT_PATH})")
    add("--tmp", action="store_true", help="a folder that is removed at the end")
    add("--durable", action="store_true", help="wait for the disk at every block")
    add("--memory", action="store_true", help="no folder at all")
    add(
        "--chain",
        default="development",
        metavar="PRESET|SPEC.json",
        help="a preset of the runtime, or a chain spec file (default: development)",
    )
    add("--block-time", default="instant", metavar="instant|manual|SECONDS", help="when to seal")
    add("--finality-lag", type=_number(0), default=0, metavar="N", help="blocks from best to final")
    add("--rpc-max-connections", type=_number(1), default=100, metavar="N")
    add("--rpc-max-request-size", type=_number(1), default=15, metavar="MIB")
    add("--rpc-max-response-size", type=_number(1), default=15, metavar="MIB")
    add("--rpc-cors", type=_pattern, metavar="REGEX", help="origins whose web pages may ask")
    add(
        "--pool-limit",
        type=_number(1),
        default=8192,
        metavar="N",
        help="transactions that may wait",
    )
    add("--pool-kbytes", type=_number(1), default=20480, metavar="N")
    add("--json-ready", action="store_true", help="say that it is ready as a line of JSON")
    add("--log", default="warning", choices=["debug", "info", "warning", "error"])


def _number(least: int, most: int = 1_000_000) -> Callable[[str], int]:
    def number(text: str) -> int:
        found = int(text)
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(f"{found} is not from {least} to {most}")
        return found

    return number


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"no regular expression: {error}") from error
    return text


def _genesis(chain: str) -> Genesis:
    from pallets_mock.genesis import from_file, from_preset
    from pallets_mock.runtime import compressed_blob

    if chain.endswith(".json"):
        return from_file(Path(chain))
    return from_preset(compressed_blob(), PRESETS.get(chain, chain))


def _run(options: argparse.Namespace) -> int:
    with contextlib.ExitStack() as stack:
        folder: Path | None = options.path
        if options.memory:
            folder = None
        elif options.tmp:
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="pallets-mock-"))
            folder = Path(made)
        asyncio.run(_serve(options, folder))
    return 0


async def _serve(options: argparse.Namespace, folder: Path | None) -> None:
    from pallets_mock.clock import parse_block_time
    from pallets_mock.node import Node, Sealer
    from pallets_mock.pool.queue import PoolLimits
    from pallets_mock.rpc.limits import MIB, RpcLimits
    from pallets_mock.rpc.server import LOCAL_ORIGINS
    from pallets_mock.rpc.service import Service
    from pallets_mock.store import ChainStore

    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
    block_time = parse_block_time(options.block_time)
    store = ChainStore(folder, durable=options.durable)
    try:
        node = Node(
            store,
            _genesis(options.chain),
            block_time=block_time,
            finality_lag=options.finality_lag,
            pool_limits=PoolLimits(options.pool_limit, options.pool_kbytes * 1024),
        )
        sealer = Sealer(node)
        limits = RpcLimits(
            request_bytes=options.rpc_max_request_size * MIB,
            response_bytes=options.rpc_max_response_size * MIB,
            connections=options.rpc_max_connections,
        )
        host = _host(options)
        service = Service(
            node, sealer, host=host, limits=limits, origins=options.rpc_cors or LOCAL_ORIGINS
        )
        url = await service.open(options.port)
        sealer.start()
        _say_ready(options, node, url, folder)
        await stop.wait()
        await service.close()
        await sealer.stop()
    finally:
        store.close()


def _host(options: argparse.Namespace) -> str:
    """Where to listen: on this machine's own address unless told otherwise by name."""
    from pallets_mock.rpc.service import is_loopback

    given = str(options.host)
    if not options.unsafe_rpc_external:
        if not is_loopback(given):
            raise NotOnThisMachine(given)
        return given
    return "0.0.0.0" if is_loopback(given) else given  # noqa: S104 - it was asked for by name


def _say_ready(options: argparse.Namespace, node: object, url: str, folder: Path | None) -> None:
    from pallets_mock.node import Node

    assert isinstance(node, Node)  # noqa: S101 - for the type checker
    chain = node.chain
    if options.json_ready:
        ready = {
            "url": url,
            "chain": chain.genesis.name,
            "genesis": "0x" + chain.genesis.hash.hex(),
            "best": chain.head.best_number,
            "path": None if folder is None else str(folder),
        }
        line = json.dumps(ready)
    else:
        place = MEMORY if folder is None else folder
        line = f"{chain.genesis.name} at {url}, block {chain.head.best_number}, kept in {place}"
    print(line, flush=True)  # noqa: T201


def _purge(options: argparse.Namespace) -> int:
    from pallets_mock.store.sqlite import purge

    removed = purge(options.path)
    print(f"removed the chain in {options.path}" if removed else "there is no chain")  # noqa: T201
    return 0


def _build_spec(options: argparse.Namespace) -> int:
    from pallets_mock.genesis import human_spec, raw_spec

    genesis = _genesis(options.chain)
    if options.raw:
        spec = raw_spec(genesis)
    elif options.chain.endswith(".json"):
        spec = json.loads(Path(options.chain).read_text(encoding="utf-8"))
    else:
        spec = human_spec(genesis, PRESETS.get(options.chain, options.chain))
    print(json.dumps(spec, indent=2))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
