"""Weights are measured ones, and the page of fees says what the runtime charges."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SUBSTRATE = ROOT / "substrate"
BENCHMARK = re.compile(r"#\[benchmark\]\s+fn (\w+)")
CALL = re.compile(r"#\[pallet::call_index\(\d+\)\].*?pub fn (\w+)", re.DOTALL)


def benchmarks(pallet: str) -> set[str]:
    """Every benchmark of a pallet."""
    return set(BENCHMARK.findall((SUBSTRATE / pallet / "src/benchmarking.rs").read_text()))


def weights(pallet: str) -> str:
    return (SUBSTRATE / pallet / "src/weights.rs").read_text()


@pytest.mark.parametrize("pallet", ["pallet", "rotation"])
class TestWeights:
    def test_every_call_has_a_benchmark(self, pallet: str) -> None:
        found = set(CALL.findall((SUBSTRATE / pallet / "src/lib.rs").read_text()))
        assert found
        assert found <= benchmarks(pallet)

    def test_every_benchmark_has_its_measured_function(self, pallet: str) -> None:
        _, implementation = weights(pallet).split("impl<T: frame_system::Config> WeightInfo")
        functions = implementation.split("    fn ")
        names = {text.split("(")[0] for text in functions[1:]}
        assert names == benchmarks(pallet)
        for text in functions[1:]:
            assert re.search(r"Weight::from_parts\([\d_]+, \d+\)", text), text
            assert "// Least execution time: " in text
            assert ".saturating_add(T::DbWeight::get()." in text

    def test_each_function_names_the_storage_it_touches(self, pallet: str) -> None:
        _, implementation = weights(pallet).split("impl<T: frame_system::Config> WeightInfo")
        for function in re.findall(r"((?:    ///.*\n)*)    fn (\w+)", implementation):
            documented, name = function
            assert "/// Storage: `" in documented, name

    def test_they_say_how_they_were_written_and_not_where(self, pallet: str) -> None:
        head = weights(pallet).split("use ")[0]
        assert "Written by `scripts/benchmark_weights.sh`, never by hand." in head
        assert not re.search(r"HOSTNAME|DATE|/home|/work|/tmp", weights(pallet))

    def test_the_runtime_uses_them(self, pallet: str) -> None:
        crate = {"pallet": "pallet_decentralml", "rotation": "pallet_rotation"}[pallet]
        sources = "".join(path.read_text() for path in (SUBSTRATE / "runtime/src").glob("*.rs"))
        assert f"type WeightInfo = {crate}::weights::SubstrateWeight<Runtime>;" in sources


@pytest.fixture
def write_fees() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_fees", ROOT / "scripts/write_fees.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_fees_says_what_the_runtime_charges(write_fees: ModuleType) -> None:
    assert write_fees.PAGE.read_text() == write_fees.page()
