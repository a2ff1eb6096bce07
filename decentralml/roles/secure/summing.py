"""From updates to masked files, and from the sum of those to the next model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from decentralml.learning import models
from decentralml.learning.layers import Array
from decentralml.learning.remembering import FileMemory
from decentralml.learning.secagg.errors import OutOfRange
from decentralml.learning.secagg.fixed import Encoding, Ring
from decentralml.learning.secagg.masks import BLOCK, Mask, MaskSum
from decentralml.learning.strategies import Strategy
from decentralml.learning.updates import Readable, Update, parameters_of, size_of, spans
from decentralml.learning.weights import WeightsHeader

_ITEM: Final = 8


def masked_size(model: Path) -> int:
    """Bytes of every masked update of this model: one number for the examples comes first."""
    return _ITEM * (1 + parameters_of(models.read_template(model)))


def write_masked(
    path: Path, base: Readable, update: Update, encoding: Encoding, masks: Iterable[Mask]
) -> None:
    """Write the update, weighted by its examples and masked.

    Raises: OutOfRange: a number changed by more, or the examples are more, than the job allows.
    """
    total = MaskSum(masks)
    with path.open("wb") as file:
        count = np.array([encoding.check_examples(update.examples)], np.uint64)
        file.write((count + total.read(1)).astype("<u8").tobytes())
        for name, spec in base.template.items():
            for start, stop in spans(size_of(spec), BLOCK):
                before = base.block(name, start, stop).astype(np.float64)
                change = update.block(name, start, stop) - before
                numbers = encoding.encode(change, update.examples) + total.read(stop - start)
                file.write(numbers.astype("<u8").tobytes())


def add_up(files: Sequence[Path], size: int, target: Path) -> None:
    """The sum of masked files of that many bytes, into another one; in little memory."""
    partial = target.with_name(target.name + ".part")
    with partial.open("wb") as out:
        for start, stop in spans(size // _ITEM, BLOCK):
            total = np.zeros(stop - start, np.uint64)
            for path in files:
                total += _read(path, start, stop)
            out.write(total.astype("<u8").tobytes())
    partial.replace(target)


def unmasked(path: Path, masks: Iterable[Mask]) -> tuple[int, Ring]:
    """Examples and encoded sum of a file of ``add_up``, the masks taken off: two models' memory."""
    numbers: Ring = np.fromfile(path, "<u8").astype(np.uint64, copy=False)
    total = MaskSum(masks)
    for start, stop in spans(numbers.size, BLOCK):
        numbers[start:stop] -= total.read(stop - start)
    return int(numbers[0]), numbers[1:]


def write_next(  # noqa: PLR0913, PLR0917 - each is another's word
    base_model: Path,
    base: Readable,
    encoding: Encoding,
    summed: tuple[int, Ring],
    strategy: Strategy,
    out: Path,
    memory: Path | None = None,
    new_memory: Path | None = None,
) -> None:
    """The next model: the base moved by the strategy's step towards the mean of the updates.

    Raises: OutOfRange: the sum is none of updates within the job's limits.
    """
    examples, numbers = summed
    most = encoding.members * encoding.max_examples
    if not 1 <= examples <= most:
        raise OutOfRange("the sum of examples", examples, most)
    with FileMemory(base.template, memory, new_memory) as remembered:

        def layers() -> Iterator[tuple[str, Array]]:
            at = 0
            for name, spec in base.template.items():
                flat = np.empty(size_of(spec), spec.dtype)
                for start, stop in spans(flat.size, BLOCK):
                    part = encoding.decode(numbers[at + start : at + stop], examples)
                    before = base.block(name, start, stop).astype(np.float64)
                    slots = remembered.read(name, start, stop)
                    flat[start:stop] = _clipped(strategy.step(before, before + part, slots), flat)
                    remembered.write(name, start, slots)
                at += flat.size
                yield name, flat.reshape(spec.shape)
            remembered.commit()

        models.write_layers(base_model, layers(), out, WeightsHeader(examples=examples))


def _clipped(numbers: npt.NDArray[np.float64], like: Array) -> npt.NDArray[np.float64]:
    largest = float(np.finfo(like.dtype).max)
    return np.clip(numbers, -largest, largest)


def _read(path: Path, start: int, stop: int) -> Ring:
    numbers: Ring = np.fromfile(path, "<u8", stop - start, offset=_ITEM * start)
    return numbers
