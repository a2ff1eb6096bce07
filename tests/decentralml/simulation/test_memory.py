"""Memory of all processes together does not grow with the number of contributors."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import simulate as benchmark

PARAMETERS = 500_000  # 2 MB: 35 results held in memory would be 70 MB on top of about 90


@pytest.mark.slow
def test_forty_contributors_take_the_memory_of_five(tmp_path: Path) -> None:
    peaks = []
    for count in (5, 40):
        folder = tmp_path / str(count)
        folder.mkdir()
        peak, _, _ = benchmark.in_a_fresh_process(count, PARAMETERS, 1, folder)
        peaks.append(peak)
    assert peaks[0] > 30 * benchmark.MIB
    assert peaks[1] < 1.2 * peaks[0]
