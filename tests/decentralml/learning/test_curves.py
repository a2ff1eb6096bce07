"""Learning curves: lines survive their writer, and the picture shows every curve."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.learning import curves


def test_lines_come_back_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "curves.jsonl"
    curves.append(path, {"round": 1, "accuracy": 0.5})
    curves.append(path, {"round": 2, "accuracy": 0.75, "who": "Ännchen"})
    assert curves.read(path) == [
        {"round": 1, "accuracy": 0.5},
        {"round": 2, "accuracy": 0.75, "who": "Ännchen"},
    ]


def test_without_a_file_there_are_no_lines(tmp_path: Path) -> None:
    assert curves.read(tmp_path / "none.jsonl") == []


@pytest.mark.parametrize("torn", ['{"round": 2, "acc', "x" * 10_000])
def test_what_a_killed_writer_left_is_not_read_and_the_next_line_replaces_it(
    tmp_path: Path, torn: str
) -> None:
    path = tmp_path / "curves.jsonl"
    path.write_text('{"round": 1}\n' + torn)
    assert curves.read(path) == [{"round": 1}]
    curves.append(path, {"round": 2})
    assert path.read_text() == '{"round": 1}\n{"round": 2}\n'


def test_a_torn_only_line_leaves_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "curves.jsonl"
    path.write_text('{"ro')
    assert curves.read(path) == []
    curves.append(path, {"round": 1})
    assert curves.read(path) == [{"round": 1}]


def test_a_number_that_json_has_no_word_for_is_refused_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    path = tmp_path / "curves.jsonl"
    curves.append(path, {"round": 1})
    with pytest.raises(ValueError, match="JSON"):
        curves.append(path, {"loss": float("nan")})
    assert curves.read(path) == [{"round": 1}]


def test_lines_that_are_no_objects_are_refused(tmp_path: Path) -> None:
    (tmp_path / "curves.jsonl").write_text("[1]\n")
    with pytest.raises(ValueError, match="no JSON objects"):
        curves.read(tmp_path / "curves.jsonl")


def test_the_picture_has_a_line_for_every_curve(tmp_path: Path) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    curves.draw(tmp_path / "none.png", {"fedavg": []}, title="federated digits")
    both = {"fedavg": [(1, 0.5), (2, 0.75)], "fedadam": [(1, 0.5), (2, 0.25)]}
    curves.draw(tmp_path / "both.png", both, title="federated digits")
    none, two = (pyplot.imread(tmp_path / name) for name in ("none.png", "both.png"))
    assert none.shape == two.shape

    def coloured(image: object) -> int:
        spread = image[..., :3].max(axis=2) - image[..., :3].min(axis=2)  # type: ignore[index]
        return int((spread > 0.2).sum())

    assert coloured(none) == 0
    assert coloured(two) > 1000
    assert not pyplot.get_fignums()
