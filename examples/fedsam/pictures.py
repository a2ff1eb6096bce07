"""Pictures and masks from two folders, as Segment Anything wants them; and small ones to try with.

DATASET_ROOT/images/0001.png          a picture, of any size
DATASET_ROOT/annotations/0001.png     its mask: what is not black belongs to the object
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch.utils.data import Dataset

MEAN = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
SPREAD = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)
ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}
Item = dict[str, torch.Tensor]


@dataclass
class Pictures(Dataset[Item]):
    """Pictures, each with one object, a box around it, and its mask.

    Args:
        dataset_root: the folder of both.
        image_subfolder: holds the pictures.
        annotation_subfolder: holds a mask for each, of the same name whatever its ending.
        side: of the square that the model sees, in pixels.
        mask_side: of the square that the model answers.

    Raises: ValueError: a picture has no mask, a mask is empty or of another size, or there is none.
    """

    dataset_root: Path
    image_subfolder: str
    annotation_subfolder: str
    side: int = 1024
    mask_side: int = 256

    def __post_init__(self) -> None:
        self.images = _pictures_in(self.dataset_root / self.image_subfolder)
        masks = _pictures_in(self.dataset_root / self.annotation_subfolder)
        missing = sorted(set(self.images) - set(masks))
        if missing or not self.images:
            raise ValueError(f"{self.dataset_root} has no annotation for {missing or 'anything'}")
        self.masks = {name: masks[name] for name in self.images}
        self.names = sorted(self.images)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Item:
        name = self.names[index]
        with Image.open(self.images[name]) as image, Image.open(self.masks[name]) as mask:
            if image.size != mask.size:
                raise ValueError(f"the annotation of {name} is {mask.size}, the image {image.size}")
            scale = self.side / max(image.size)
            size = (round(image.width * scale), round(image.height * scale))
            pixels = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR))
            drawn = np.asarray(mask.convert("L").resize(size, Image.Resampling.NEAREST)) > 0
        if not drawn.any():
            raise ValueError(f"the annotation of {name} is empty")
        return {
            "pixel_values": self._padded((_channels(pixels) - MEAN) / SPREAD),
            "input_boxes": torch.tensor([_box(drawn)], dtype=torch.float32),
            "mask": self._small(torch.from_numpy(drawn.astype(np.float32))[None]),
        }

    def _padded(self, picture: torch.Tensor) -> torch.Tensor:
        """Filled up to a square at the right and at the bottom, as SAM was trained."""
        down, right = self.side - picture.shape[-2], self.side - picture.shape[-1]
        return torch.nn.functional.pad(picture, (0, right, 0, down))

    def _small(self, mask: torch.Tensor) -> torch.Tensor:
        size = (self.mask_side, self.mask_side)
        whole = self._padded(mask)[None]
        return (torch.nn.functional.interpolate(whole, size, mode="area")[0] > 0.5).float()


def draw_dataset(root: Path, count: int, seed: int, side: int = 64) -> Path:
    """Draw pictures of one bright shape on a noisy ground, with their masks.

    Returns: `root`, with the folders ``images`` and ``annotations``.
    """
    generator = np.random.default_rng(seed)
    for folder in ("images", "annotations"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        mask = Image.new("L", (side, side))
        corner = generator.integers(2, side // 2, 2)
        size = generator.integers(side // 4, side // 2 - 4, 2)
        box = (*map(int, corner), *map(int, corner + size))
        draw = ImageDraw.Draw(mask)
        (draw.ellipse if generator.random() < 0.5 else draw.rectangle)(box, fill=255)
        ground = generator.normal(70, 20, (side, side, 3))
        colour = generator.uniform(150, 250, 3)
        pixels = np.where(np.asarray(mask)[..., None] > 0, colour + ground - 70, ground)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(
            root / "images" / f"{number:04}.png"
        )
        mask.save(root / "annotations" / f"{number:04}.png")
    return root


def _pictures_in(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS}


def _channels(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)


def _box(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what is drawn."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
