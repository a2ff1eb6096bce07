"""Two people fine-tune Segment Anything together, each on pictures of its own."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("flwr")  # has no release for Python 3.10
FEDSAM = Path(__file__).parents[3] / "examples" / "fedsam"


@pytest.fixture
def fedsam(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The example's modules, imported as its programs import them."""
    monkeypatch.syspath_prepend(str(FEDSAM))
    names = ("pictures", "sam", "client", "run_locally")
    modules = {}
    for name in names:
        spec = importlib.util.spec_from_file_location(name, FEDSAM / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        modules[name] = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, modules[name])
        spec.loader.exec_module(modules[name])
    yield modules


@pytest.mark.timeout(900)
@pytest.mark.slow
def test_the_federated_model_finds_what_is_in_the_box(
    fedsam: dict[str, ModuleType], tmp_path: Path
) -> None:
    figures = fedsam["run_locally"].run(tmp_path, rounds=5, pictures=240)

    overlaps = dict(figures["iou"])
    assert overlaps[0] < 0.5  # untrained
    assert overlaps[5] >= 0.9


def test_parameters_go_around_through_the_client_unchanged(
    fedsam: dict[str, ModuleType], tmp_path: Path
) -> None:
    fedsam["pictures"].draw_dataset(tmp_path, 2, seed=1)
    client = fedsam["client"].SamClient(tmp_path, batch_size=2, num_epochs=1)
    before = [np.array(array) for array in client.get_parameters()]

    trained, count, metrics = client.fit([array.copy() for array in before], {})
    changed = sum(not np.array_equal(a, b) for a, b in zip(trained, before, strict=True))
    client.set_parameters(before)

    assert count == 2
    assert metrics["loss"] > 0
    assert changed > len(before) // 2
    for found, sent in zip(client.get_parameters(), before, strict=True):
        np.testing.assert_array_equal(found, sent)


def test_a_wide_picture_is_scaled_and_filled_up(
    fedsam: dict[str, ModuleType], tmp_path: Path
) -> None:
    mask = np.zeros((50, 100), np.uint8)
    mask[10:30, 20:60] = 255
    for folder, pixels in (("images", np.full((50, 100, 3), 200, np.uint8)), ("masks", mask)):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels).save(tmp_path / folder / "wide.png")

    (item,) = [fedsam["pictures"].Pictures(tmp_path, "images", "masks", 64, 16)[0]]

    assert item["pixel_values"].shape == (3, 64, 64)
    assert not item["pixel_values"][:, 32:].any()
    np.testing.assert_allclose(
        item["input_boxes"], [[20 * 0.64, 10 * 0.64, 60 * 0.64, 30 * 0.64]], atol=1
    )
    assert item["mask"].sum() == pytest.approx(16 * 16 * (20 * 40) / 100**2, abs=6)


@pytest.mark.parametrize("fault", ["missing", "empty", "another size"])
def test_a_faulty_annotation_is_named(
    fedsam: dict[str, ModuleType], tmp_path: Path, fault: str
) -> None:
    fedsam["pictures"].draw_dataset(tmp_path, 1, seed=1)
    annotation = tmp_path / "annotations" / "0000.png"
    if fault == "missing":
        annotation.unlink()
    else:
        Image.new("L", (64, 64) if fault == "empty" else (8, 8)).save(annotation)

    with pytest.raises(ValueError, match="annotation"):
        fedsam["pictures"].Pictures(tmp_path, "images", "annotations", 64, 16)[0]


def test_the_loss_is_least_where_the_mask_is_met(fedsam: dict[str, ModuleType]) -> None:
    masks = torch.zeros(1, 4, 4)
    masks[:, :2] = 1
    loss = fedsam["sam"].dice_and_cross_entropy

    right, wrong = loss(20 * (masks * 2 - 1), masks), loss(-20 * (masks * 2 - 1), masks)

    assert right < 0.01
    # Cross-entropy is 20 everywhere, and dice 1 - 1 / (8 + 8 + 1).
    assert wrong == pytest.approx(20 + 1 - 1 / 17, abs=0.01)
