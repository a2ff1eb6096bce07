"""What a node's refusal of an extrinsic means."""

from __future__ import annotations

import pytest

from decentralml.chain.submission import Answer, judge


@pytest.mark.parametrize(
    ("code", "text", "answer"),
    [
        (1010, "Invalid Transaction: Transaction is outdated", Answer.NONCE_TAKEN),
        (1010, "Invalid Transaction Transaction has a bad signature", Answer.BAD_SIGNATURE),
        (1010, "Invalid Transaction Transaction has an ancient birth block", Answer.DEAD),
        (
            1010,
            "Invalid Transaction Inability to pay some fees , e.g. account balance too low",
            Answer.NO_FUNDS,
        ),
        (1010, "Invalid Transaction Transaction would exhaust the block limits", Answer.LATER),
        (1010, "Invalid Transaction Transaction will be valid in the future", Answer.LATER),
        (1010, "Invalid Transaction Transaction call is not expected", Answer.REFUSED),
        (1010, "Invalid Transaction Custom error: 7", Answer.REFUSED),
        (1012, "Transaction is temporarily banned", Answer.BANNED),
        (1013, "Transaction Already Imported", Answer.KNOWN),
        (1014, "Priority is too low: (1 vs 1)", Answer.NONCE_TAKEN),
        (1016, "Immediately Dropped: the pool is full", Answer.LATER),
        (1002, "Verification Error: Execution failed", Answer.REFUSED),
        (-32602, "Invalid params", Answer.REFUSED),
    ],
)
def test_a_refusal_is_read(code: int, text: str, answer: Answer) -> None:
    assert judge(code, text) is answer
