"""A secure job's terms, and what each of its rounds is for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from decentralml.learning.secagg.errors import UnsafeRequest
from decentralml.roles.secure.settings import (
    FILE,
    Phase,
    SecureSettings,
    phase_of,
    read_secure,
    rounds_for,
    trainings_in,
    write_secure,
)
from decentralml.types import Round, TaskId

SOUND = {"threshold": 0.7, "min_members": 3, "max_examples": 1000, "bound": 8.0}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_secure(tmp_path, SecureSettings(**SOUND))  # type: ignore[arg-type]
    assert read_secure(tmp_path) == SecureSettings(**SOUND)  # type: ignore[arg-type]


def test_without_the_file_a_task_is_not_secure(tmp_path: Path) -> None:
    assert read_secure(tmp_path) is None


@pytest.mark.parametrize(
    "change",
    [{"threshold": 0.5}, {"threshold": 1.01}, {"min_members": 2}, {"min_members": 501},
     {"min_members": 3.0}, {"max_examples": 0}, {"max_examples": True}, {"bound": 0},
     {"bound": -1.0}, {"bound": "8"}, {"max_examples": 10**17, "bound": 1e9}, {"more": 1}],
)  # fmt: skip
def test_terms_that_no_member_may_agree_to_are_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    (tmp_path / FILE).write_text(json.dumps({**SOUND, **change}))
    with pytest.raises(UnsafeRequest):
        read_secure(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '{"threshold": NaN}', "x" * 5000])
def test_a_malformed_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UnsafeRequest):
        read_secure(tmp_path)


def test_the_phases_of_two_trainings() -> None:
    assert [phase_of(Round(number), 6) for number in range(1, 7)] == [
        Phase(),
        Phase(share=1),
        Phase(train=1),
        Phase(share=2, unmask=1),
        Phase(train=2),
        Phase(unmask=2),
    ]


def test_a_round_that_cannot_be_unmasked_any_more_trains_nothing() -> None:
    assert phase_of(Round(5), 5) == Phase()
    assert phase_of(Round(4), 5) == Phase(unmask=1)


@pytest.mark.parametrize("trainings", [0, 1, 2, 40])
def test_trainings_and_rounds_fit_each_other(trainings: int) -> None:
    assert trainings_in(rounds_for(trainings)) == trainings
    assert trainings_in(rounds_for(trainings) + 1) == trainings


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_too_few_rounds_train_nothing(rounds: int) -> None:
    assert trainings_in(rounds) == 0


@pytest.mark.parametrize(("members", "refused"), [(2, True), (3, False), (500, False), (501, True)])
def test_a_roster_has_its_least_and_most_members(members: int, refused: bool) -> None:
    keys = {str(at): at.to_bytes(32, "big") for at in range(members)}
    settings = SecureSettings()
    if not refused:
        session = settings.session("0xab", TaskId(1), 1, keys)
        assert session.threshold == settings.needed(members)
        return
    with pytest.raises(UnsafeRequest):
        settings.session("0xab", TaskId(1), 1, keys)


def test_a_session_is_of_one_chain_task_and_number() -> None:
    keys = {str(at): at.to_bytes(32, "big") for at in range(3)}
    some = [("0xab", 1, 1), ("0xac", 1, 1), ("0xab", 2, 1), ("0xab", 1, 2)]
    digests = {SecureSettings().session(g, TaskId(t), n, keys).digest() for g, t, n in some}
    assert len(digests) == 4
