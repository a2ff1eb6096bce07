"""`create-task --seal`, `keys sealing-key`, `keys new-sealing-key`: sealed results by commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from decentralml.assets.sealing.folders import open_folder
from decentralml.assets.sealing.keys import Identity, read_identities
from tests.decentralml.cli.conftest import CommandLine

EVE = "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw"
Post = Callable[..., int]


def public(cli: CommandLine, name: str) -> str:
    return str(cli.good("keys", "sealing-key", name).out.strip())


def work(cli: CommandLine, task: int, name: str = "//Bob") -> None:
    cli.good("contributor", "work", "--task", task, "--once", "--yes", "--key", name)


def with_file(cli: CommandLine, file: Path) -> CommandLine:
    return CommandLine({**cli.environment, "DECENTRALML_SEALING_FILE": str(file)})


def test_a_sealed_task_is_worked_on_validated_and_federated_as_any_other(
    cli: CommandLine, post: Post
) -> None:
    task = post("--seal")
    terms = cli.good("tasks", "show", task, "--json").data["terms"]
    work(cli, task)
    done = cli.good("creator", "validate-all", task, "--key", "//Alice", "--json").data
    assert len(done) == 1
    report = cli.good("creator", "federate", task, "--round", 1, "--key", "//Alice", "--json").data
    assert len(report["used"]) == 1
    assert terms["sealing_key"] is not None


def test_what_was_posted_says_to_whom_results_are_sealed(
    cli: CommandLine, job: Path, model: Path
) -> None:
    done = cli.good(
        "creator", "create-task", job, "--kind", "contribution", "--title", "x", "--reward", "1",
        "--model", model, "--seal", "--key", "//Alice",
    )  # fmt: skip
    assert public(cli, "//Alice") in done.out
    task = done.out.split()[1]
    assert f"sealed to {public(cli, '//Alice')}" in cli.good("tasks", "show", task).out


def test_the_secret_half_opens_a_delivery_by_itself(
    cli: CommandLine, post: Post, tmp_path: Path
) -> None:
    work(cli, post("--seal"), "//Dave")  # never judged, so Dave is busy from here on
    (sealed,) = (tmp_path / "workspace").rglob("sealed/delivery.age")
    secret = cli.good("keys", "sealing-key", "//Alice", "--secret").out.strip()
    open_folder(sealed, tmp_path / "out", Identity(secret))
    assert (tmp_path / "out" / "result" / "weights.safetensors").is_file()


def test_creator_and_evaluator_share_a_key_in_a_file(
    cli: CommandLine, post: Post, tmp_path: Path
) -> None:
    file = tmp_path / "shared"
    key = cli.good("keys", "new-sealing-key", file, "--json").data["sealing_key"]
    task = post("--policy", EVE, "--seal-to", key)
    work(cli, task)

    without = cli("evaluator", "fetch-results", task, "--key", "//Eve")
    assert "none of your keys opens" in without.err
    assert "DECENTRALML_SEALING_FILE" in without.err
    assert without.status == 9

    both = with_file(cli, file)
    both.good("evaluator", "work", "--once", "--key", "//Eve")
    assert both.good("tasks", "show", task, "--json").data["paid"] == 5 * 10**12
    report = both.good("creator", "federate", task, "--round", 1, "--key", "//Alice", "--json")
    assert len(report.data["used"]) == 1


def test_ones_own_key_is_no_use_where_another_validates(
    cli: CommandLine, job: Path, model: Path
) -> None:
    refused = cli(
        "creator", "create-task", job, "--kind", "contribution", "--title", "x", "--reward", "1",
        "--model", model, "--policy", EVE, "--seal", "--key", "//Alice",
    )  # fmt: skip
    assert refused.status == 9
    assert "--seal-to" in refused.err


@pytest.mark.parametrize(
    ("options", "status"),
    [(["--seal", "--seal-to", "age1x"], 2), (["--seal-to", "age1x"], 6)],
)
def test_a_key_that_cannot_be_meant_is_refused(
    cli: CommandLine, job: Path, model: Path, options: list[str], status: int
) -> None:
    refused = cli(
        "creator", "create-task", job, "--kind", "contribution", "--title", "x", "--reward", "1",
        "--model", model, "--key", "//Alice", *options,
    )  # fmt: skip
    assert refused.status == status, refused.err


def test_the_sealing_key_of_a_key_file_is_the_same_wherever_its_words_are(
    alone: CommandLine, tmp_path: Path
) -> None:
    words = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
    from decentralml.chain.keys import KeyStore

    found = set()
    for folder, password in (("here", "one"), ("there", "another")):
        KeyStore(tmp_path / folder).import_mnemonic("mine", words, password)
        settings = {
            "DECENTRALML_KEYS": str(tmp_path / folder),
            "DECENTRALML_PASSWORD": password,
        }
        found.add(public(CommandLine({**alone.environment, **settings}), "mine"))
    assert len(found) == 1
    assert found.pop().startswith("age1")


def test_a_new_key_is_for_its_owners_eyes_and_replaces_nothing(
    alone: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    made = alone.good("keys", "new-sealing-key", file)
    (identity,) = read_identities(file)
    assert made.out.strip() == str(identity.public)
    assert identity.export() not in made.out + made.err
    assert file.stat().st_mode & 0o777 == 0o600
    again = alone("keys", "new-sealing-key", file)
    assert again.status != 0
    assert read_identities(file)[0].export() == identity.export()


def test_a_key_file_that_everybody_may_read_is_refused_before_anything_is_done(
    cli: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    cli.good("keys", "new-sealing-key", file)
    file.chmod(0o644)
    refused = with_file(cli, file)("creator", "list", "--key", "//Alice")
    assert refused.status != 0
    assert "chmod 600" in refused.err
