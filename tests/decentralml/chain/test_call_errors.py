"""Every error of the pallet has a class, and every class an error."""

from __future__ import annotations

from decentralml.chain import call_errors
from decentralml.chain.calls import PALLET
from decentralml.chain.market import Market
from decentralml.chain.node import NEEDED_CALLS
from decentralml.errors import CallRejected, InsufficientFunds


def test_classes_are_the_errors_that_the_runtime_has(alice: Market) -> None:
    assert set(call_errors.BY_NAME) == alice.node.runtime().errors_of(PALLET)


def test_the_calls_that_are_asked_for_are_the_calls_that_the_pallet_has(alice: Market) -> None:
    the_councils = {"set_byte_price"}
    assert alice.node.runtime().calls_of(PALLET) == NEEDED_CALLS | the_councils


def test_every_error_of_another_pallet_that_is_named_here_exists(alice: Market) -> None:
    runtime = alice.node.runtime()
    for name in call_errors.ELSEWHERE:
        pallet, _, error = name.rpartition(".")
        if runtime.has_pallet(pallet):
            assert error in runtime.errors_of(pallet), name
        elif pallet:
            crate = "sp_arithmetic" if pallet == "Arithmetic" else "sp_runtime"
            kind = runtime.type_named(crate, f"{pallet}Error")
            assert error in runtime.variants(kind), name
        else:
            assert error in runtime.variants(runtime.type_named("sp_runtime", "DispatchError"))


def test_each_error_says_what_to_do_in_one_sentence_or_two() -> None:
    for kind in [*call_errors.BY_NAME.values(), *call_errors.ELSEWHERE.values()]:
        assert kind.advice != CallRejected.advice, kind
        assert kind.advice.endswith("."), kind
        assert len(kind.advice) <= 100, kind


def test_an_error_carries_its_data_and_prints_its_advice() -> None:
    error = call_errors.NoFreeSlot("accept_task", "NoFreeSlot", "0x" + "ab" * 32, 7)
    assert (error.call, error.error, error.fee) == ("accept_task", "NoFreeSlot", 7)
    assert str(error).startswith("accept_task failed with NoFreeSlot (block 0xababababab…). All")


def test_missing_money_is_one_error_whether_included_or_not() -> None:
    assert issubclass(call_errors.NotEnoughFunds, InsufficientFunds)
    assert issubclass(call_errors.NotEnoughFunds, CallRejected)
