"""What an update must look like before it is summed."""

from __future__ import annotations

import numpy as np
import pytest

from decentralml.learning.errors import DtypeMismatch, LayerMismatch, NotFinite, ShapeMismatch
from decentralml.learning.layers import check_finite, check_like, fingerprint, template_of

BASE = {"kernel": np.ones((2, 3), np.float32), "bias": np.zeros(3, np.float32)}
TEMPLATE = template_of(BASE)


def test_layers_of_the_same_names_shapes_and_types_pass() -> None:
    check_like({name: array + 1 for name, array in BASE.items()}, TEMPLATE)


def test_a_missing_layer_is_named() -> None:
    with pytest.raises(LayerMismatch, match="without 'bias'") as caught:
        check_like({"kernel": BASE["kernel"]}, TEMPLATE)
    assert caught.value.missing == ["bias"]


def test_an_additional_layer_is_named() -> None:
    with pytest.raises(LayerMismatch, match="with an unknown 'more'") as caught:
        check_like({**BASE, "more": BASE["bias"]}, TEMPLATE)
    assert caught.value.extra == ["more"]


def test_a_transposed_kernel_is_refused() -> None:
    with pytest.raises(ShapeMismatch, match=r"'kernel' has shape \(3, 2\)"):
        check_like({**BASE, "kernel": BASE["kernel"].T}, TEMPLATE)


def test_another_number_type_is_refused() -> None:
    with pytest.raises(DtypeMismatch, match="'bias' is float64"):
        check_like({**BASE, "bias": np.zeros(3)}, TEMPLATE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 65_535, 65_536, 99_999])
def test_one_value_that_is_not_finite_is_found_anywhere(value: float, place: int) -> None:
    array = np.zeros(100_000, np.float32)
    array[place] = value
    with pytest.raises(NotFinite, match="'kernel' has 1 values"):
        check_finite({"kernel": array})


def test_single_precision_s_largest_number_passes_in_double_and_the_next_does_not() -> None:
    largest = float(np.finfo(np.float32).max)
    check_finite({"kernel": np.array([largest, -largest])})
    with pytest.raises(NotFinite):
        check_finite({"kernel": np.array([np.nextafter(largest, np.inf)])})


def test_a_layer_without_values_is_finite() -> None:
    check_finite({"kernel": np.zeros((0, 3), np.float32)})


def test_the_fingerprint_does_not_depend_on_order_or_memory_layout() -> None:
    turned = {"bias": BASE["bias"], "kernel": np.asfortranarray(BASE["kernel"])}
    assert fingerprint(turned) == fingerprint(BASE)


def test_the_fingerprint_changes_with_one_value_a_name_a_shape_and_a_type() -> None:
    kernel = BASE["kernel"]
    changed = [
        {**BASE, "bias": np.array([0, 0, 1e-30], np.float32)},
        {"kernel": kernel, "offset": BASE["bias"]},
        {**BASE, "kernel": kernel.reshape(3, 2)},
        {**BASE, "bias": BASE["bias"].view(np.int32)},
    ]
    assert len({fingerprint(BASE), *map(fingerprint, changed)}) == 5
