"""Without Keras installed, what needs it says how to get it; safetensors work as ever."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from decentralml.learning.errors import FrameworkMissing
from decentralml.learning.frameworks.keras import import_keras
from decentralml.learning.models import read_layers


def test_keras_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(FrameworkMissing, match=r"pip install 'decentralml\[keras\]'"):
        import_keras()


def test_reading_a_keras_file_without_h5py_is_not_an_import_error(
    monkeypatch: pytest.MonkeyPatch, base_file: Path
) -> None:
    monkeypatch.setitem(sys.modules, "decentralml.learning.frameworks.keras_weights", None)
    with pytest.raises(FrameworkMissing):
        read_layers(base_file)
