"""`decentralml coordinator`: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from decentralml.compat.coordinator.settings import sample
from pallets_mock.testing import DevChain

ROOT = Path(__file__).parents[3]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "coordinator.toml"
    path.write_text(
        '[job]\nname = "a"\nrounds = 1\nreward = "1"\n[model]\nshape = [5]\n'
        "[coordinator]\nport = 0\n[aggregator]\nport = 0\n"
    )
    return path


def test_the_sample_configuration_is_printed_as_it_is(alone: Any) -> None:
    assert alone.good("coordinator", "--sample-config").out == sample()


def test_without_a_configuration_it_says_how_to_make_one(alone: Any) -> None:
    refused = alone("coordinator")

    assert refused.status == 3
    assert "decentralml coordinator --sample-config" in refused.err


def test_a_configuration_that_is_wrong_is_refused_before_anything_is_done(
    alone: Any, config: Path
) -> None:
    config.write_text(config.read_text().replace("rounds = 1", "rounds = 0"))
    refused = alone("coordinator", "--config", config, "--key", "//Alice")

    assert refused.status == 3
    assert "job.rounds" in refused.err


def test_a_strategy_that_asks_participants_something_is_refused(cli: Any, config: Path) -> None:
    config.write_text(config.read_text().replace("[model]", '[model]\nstrategy = "scaffold"'))
    refused = cli("coordinator", "--config", config, "--key", "//Alice")

    assert refused.status == 3
    assert "a part for participants" in refused.err


def test_a_strategy_that_needs_weights_to_begin_with_is_refused_without_them(
    cli: Any, config: Path
) -> None:
    config.write_text(config.read_text().replace("[model]", '[model]\nstrategy = "fedadam"'))
    refused = cli("coordinator", "--config", config, "--key", "//Alice")

    assert refused.status == 3
    assert "as initial" in refused.err


def test_a_strategy_that_there_is_not_is_refused(cli: Any, config: Path) -> None:
    config.write_text(config.read_text().replace("[model]", '[model]\nstrategy = "magic"'))
    refused = cli("coordinator", "--config", config, "--key", "//Alice")

    assert refused.status == 7
    assert "fedavg" in refused.err


def test_without_a_key_it_says_how_to_name_one(cli: Any, config: Path) -> None:
    refused = cli("coordinator", "--config", config)

    assert refused.status == 3
    assert "--key" in refused.err


def test_without_a_chain_it_ends(alone: Any, config: Path) -> None:
    assert alone("coordinator", "--config", config, "--key", "//Alice").status == 4


def test_a_port_that_is_taken_is_named(cli: Any, config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config.write_text(config.read_text().replace("port = 0", f"port = {port}", 1))
        refused = cli("coordinator", "--config", config, "--key", "//Alice")

    assert refused.status == 3
    assert f"127.0.0.1:{port} cannot be listened at" in refused.err


@pytest.mark.parametrize("library", ["starlette", "uvicorn"])
def test_without_the_web_extra_it_says_what_to_install(config: Path, library: str) -> None:
    program = (
        f"import sys; sys.modules[{library!r}] = None\n"
        f"sys.argv[1:] = ['coordinator', '--config', {str(config)!r}, '--key', '//Alice']\n"
        "from decentralml.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)

    assert done.returncode == 7
    assert "pip install 'decentralml[web]'" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGTERM, -signal.SIGTERM, "stopped"), (signal.SIGINT, 130, "interrupted")],
)
def test_a_signal_ends_it_in_order_and_it_goes_on_with_the_same_task(
    config: Path, tmp_path: Path, number: signal.Signals, status: int, word: str
) -> None:
    with DevChain() as chain:
        for _ in range(2):
            running = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "decentralml.cli.main",
                    "coordinator",
                    "--config",
                    str(config),
                    "--key",
                    "//Alice",
                    "--node",
                    chain.url,
                    "--workspace",
                    str(tmp_path / "workspace"),
                    "--store",
                    str(tmp_path / "store"),
                ],
                stderr=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                # A shell's job in the background ignores Ctrl-C, and so would what the tests start.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )
            assert running.stderr is not None
            first = next(line for line in running.stderr if "coordinator at" in line)
            running.send_signal(number)
            _, rest = running.communicate(timeout=60)

            assert re.search(r"task 0: coordinator at http://127\.0\.0\.1:\d+", first)
            assert running.returncode == status
            assert f"{word}: what was done is kept" in rest
            assert "Traceback" not in rest


def test_keeping_keys_needs_a_password_at_the_beginning(cli: Any, config: Path) -> None:
    config.write_text(config.read_text() + '[participants]\nkeyless = "keep"\n')
    refused = cli("coordinator", "--config", config, "--key", "//Alice")

    assert refused.status == 5
    assert "DECENTRALML_PASSWORD" in refused.err
