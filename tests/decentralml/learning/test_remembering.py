"""A strategy's memory in files: whole or not at all, read anew for a round that is done again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from decentralml.learning.errors import ResultRefused, ShapeMismatch, StrategyFailed
from decentralml.learning.layers import LayerSpec
from decentralml.learning.remembering import FileMemory
from decentralml.learning.strategies.memory import ArrayMemory, Memory, MemoryStore
from decentralml.learning.updates import spans

TEMPLATE = {
    "kernel": LayerSpec((3, 4), "float16"),
    "empty": LayerSpec((0, 2), "float32"),
    "deep/scalar": LayerSpec((), "float64"),
}
SIZES = {"kernel": 12, "deep/scalar": 1}


def count_up(store: MemoryStore) -> None:
    """Adds 1 to slot ``a`` and 10 to ``b`` everywhere, by blocks of 5."""
    for layer, size in SIZES.items():
        for start, stop in spans(size, 5):
            memory = store.read(layer, start, stop)
            for slot, step in (("a", 1), ("b", 10)):
                memory[slot] = np.zeros(stop - start) + memory.get(slot, 0) + step
            store.write(layer, start, memory)


def held(store: MemoryStore) -> dict[str, list[float]]:
    return {
        f"{slot} of {layer}": numbers.tolist()
        for layer, size in SIZES.items()
        for slot, numbers in store.read(layer, 0, size).items()
    }


def test_the_next_round_reads_what_this_one_left(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    with FileMemory(TEMPLATE, None, first) as store:
        count_up(store)
        store.commit()
    with FileMemory(TEMPLATE, first, second) as store:
        assert store.round == 1
        count_up(store)
        store.commit()
    after = FileMemory(TEMPLATE, second, None)
    assert (after.round, after.read("kernel", 3, 5)["b"].tolist()) == (2, [20, 20])


def test_it_holds_what_arrays_in_memory_hold(tmp_path: Path) -> None:
    with FileMemory(TEMPLATE, None, tmp_path / "1") as store:
        count_up(store)
        store.commit()
    arrays = ArrayMemory(TEMPLATE)
    count_up(arrays)
    assert held(FileMemory(TEMPLATE, tmp_path / "1", None)) == held(arrays.next())


def test_a_round_that_is_done_again_reads_the_same(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    with FileMemory(TEMPLATE, None, first) as store:
        count_up(store)
    results = []
    for _ in range(2):
        with FileMemory(TEMPLATE, first, second) as store:
            count_up(store)
            store.commit()
        results.append(second.read_bytes())
    assert results[0] == results[1]


def test_a_round_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyError), FileMemory(TEMPLATE, None, tmp_path / "1") as store:
        count_up(store)
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_a_strategy_that_remembers_nothing_still_counts_rounds(tmp_path: Path) -> None:
    with FileMemory(TEMPLATE, None, tmp_path / "1") as store:
        store.write("kernel", 0, Memory())
        store.commit()
    after = FileMemory(TEMPLATE, tmp_path / "1", None)
    assert (after.round, after.read("kernel", 0, 12)) == (1, {})


def test_a_file_that_is_not_there_is_the_first_round(tmp_path: Path) -> None:
    store = FileMemory(TEMPLATE, tmp_path / "never", None)
    assert (store.round, store.read("kernel", 0, 2)) == (0, {})


def test_memory_of_another_model_is_refused_by_its_name(tmp_path: Path) -> None:
    with FileMemory(TEMPLATE, None, tmp_path / "old") as store:
        count_up(store)
        store.commit()
    other = {**TEMPLATE, "kernel": LayerSpec((3, 5), "float16")}
    with pytest.raises(ShapeMismatch, match="kernel"):
        FileMemory(other, tmp_path / "old", None)


def test_bytes_that_are_no_memory_are_refused(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"\x80\x04]\x94.")
    with pytest.raises(ResultRefused, match="old"):
        FileMemory(TEMPLATE, tmp_path / "old", None)


@pytest.mark.parametrize("slots", [{"a": [1.0]}, {"a": [1.0], "c": [1.0]}], ids=str)
def test_every_block_has_the_slots_of_the_first(
    slots: dict[str, list[float]], tmp_path: Path
) -> None:
    for store in (FileMemory(TEMPLATE, None, tmp_path / "1"), ArrayMemory(TEMPLATE)):
        store.write("kernel", 0, Memory(slots={"a": np.ones(1), "b": np.ones(1)}))
        with pytest.raises(StrategyFailed, match="same slots"):
            store.write("kernel", 1, Memory(slots={s: np.array(v) for s, v in slots.items()}))


def test_too_large_numbers_end_at_single_precision_s_bounds() -> None:
    store = ArrayMemory(TEMPLATE)
    store.write("kernel", 0, Memory(slots={"a": np.array([1e300, -np.inf])}))
    largest = float(np.finfo(np.float32).max)
    assert store.next().read("kernel", 0, 2)["a"].tolist() == [largest, -largest]


def test_what_is_no_number_is_not_remembered() -> None:
    with pytest.raises(StrategyFailed, match="no numbers"):
        ArrayMemory(TEMPLATE).write("kernel", 0, Memory(slots={"a": np.array([np.nan])}))
