from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pallets_mock.block.builder import BlockBuilder, SealedBlock, encode_block
from pallets_mock.block.header import DigestKind, Header
from pallets_mock.block.outcome import Included, Panicked, Refused
from pallets_mock.block.seal import Authority, is_sealed_by
from pallets_mock.errors import InvalidBlock, RuntimePanic
from pallets_mock.executor import executor_for
from pallets_mock.runtime import blob, compress
from pallets_mock.state.root import root_of
from pallets_mock.state.trie import Trie
from tests.pallets_mock.offline import START_MS, UNIT, OfflineChain, well_known

ALICE, BOB, CHARLIE = (well_known(name) for name in ("Alice", "Bob", "Charlie"))


@pytest.fixture
def chain() -> OfflineChain:
    return OfflineChain()


def executes(chain: OfflineChain, parent: Header, block: SealedBlock) -> None:
    """The runtime itself verifies the block: header, inherents, roots, digest."""
    state = Trie(chain.nodes, parent.state_root)
    encoded = encode_block(block.header.unsealed(), block.extrinsics)
    result = chain.executor.call("Core_execute_block", encoded, state)
    assert result.output == b""


def test_an_empty_block_has_the_timestamp_and_is_valid_to_the_runtime(chain: OfflineChain) -> None:
    genesis = chain.header

    block = chain.seal()

    assert block.header.parent_hash == genesis.hash()
    assert block.header.number == 1
    assert block.header.slot == (START_MS + chain.slot_ms) // chain.slot_ms
    assert len(block.extrinsics) == 1
    assert chain.client.query("Timestamp", "Now").value == START_MS + chain.slot_ms
    executes(chain, genesis, block)


def test_a_transfer_moves_money_and_leaves_its_events(chain: OfflineChain) -> None:
    before = chain.client.free_balance(ALICE), chain.client.free_balance(BOB)

    chain.seal(chain.client.transfer(ALICE, BOB, 5 * UNIT, nonce=0))

    alice, bob = chain.client.free_balance(ALICE), chain.client.free_balance(BOB)
    paid = [e["attributes"] for e in chain.client.events() if e["event_id"] == "TransactionFeePaid"]
    assert bob == before[1] + 5 * UNIT
    assert alice == before[0] - 5 * UNIT - paid[0]["actual_fee"]
    names = [event["event_id"] for event in chain.client.events() if event["extrinsic_idx"] == 1]
    assert "Transfer" in names
    assert names[-1] == "ExtrinsicSuccess"


def test_a_call_that_fails_is_included_with_its_error_and_pays(chain: OfflineChain) -> None:
    before = chain.client.free_balance(ALICE)
    too_much = chain.client.transfer(ALICE, BOB, 10**9 * UNIT, nonce=0)
    builder = chain.builder()

    outcome = builder.apply(too_much)
    block = chain.adopt(builder)

    assert isinstance(outcome, Included)
    assert outcome.error is not None
    assert len(block.extrinsics) == 2
    assert chain.client.free_balance(ALICE) < before
    assert chain.client.events()[-1]["event_id"] == "ExtrinsicFailed"


@pytest.mark.parametrize(
    ("nonce", "validity"), [(1, b"\x00\x02"), (0, None)], ids=["future nonce", "right nonce"]
)
def test_a_refused_extrinsic_leaves_no_trace(
    chain: OfflineChain, nonce: int, validity: bytes | None
) -> None:
    builder = chain.builder()
    before = builder.overlay.diff()

    outcome = builder.apply(chain.client.transfer(ALICE, BOB, UNIT, nonce))

    assert outcome == (Included() if validity is None else Refused(validity))
    assert (builder.overlay.diff() == before) == (validity is not None)
    assert len(builder.extrinsics) == (2 if validity is None else 1)


def test_a_stale_nonce_is_refused(chain: OfflineChain) -> None:
    transfer = chain.client.transfer(ALICE, BOB, UNIT, nonce=0)
    builder = chain.builder()
    builder.apply(transfer)

    assert builder.apply(transfer) == Refused(b"\x00\x03")


def test_a_changed_signature_is_refused(chain: OfflineChain) -> None:
    transfer = bytearray(chain.client.transfer(ALICE, BOB, UNIT, nonce=0))
    transfer[60] ^= 1  # within the signature: 2 + 1 + 33 + 1 bytes stand before it

    assert chain.builder().apply(bytes(transfer)) == Refused(b"\x00\x04")


@pytest.mark.parametrize("junk", [b"", b"\x00", b"\x04\x84", b"\xff" * 40])
def test_bytes_that_are_no_extrinsic_leave_no_trace(chain: OfflineChain, junk: bytes) -> None:
    builder = chain.builder()
    before = builder.overlay.diff()

    outcome = builder.apply(junk)

    assert isinstance(outcome, Panicked)
    assert "Bad input data" in outcome.message
    assert builder.overlay.diff() == before
    executes(chain, chain.header, chain_block(chain, builder))


def chain_block(chain: OfflineChain, builder: BlockBuilder) -> SealedBlock:
    return builder.finalise(Authority.development())


def test_a_block_is_full_when_the_runtime_says_so(chain: OfflineChain) -> None:
    builder = chain.builder()
    remark = "0x" + "ab" * 1_000_000
    outcomes = [
        builder.apply(chain.client.sign(ALICE, "System", "remark", nonce, remark=remark))
        for nonce in range(5)
    ]

    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert outcomes[0] == Included()
    assert refused
    assert refused[0].exhausts
    executes(chain, chain.header, chain_block(chain, builder))


def test_the_slot_must_be_after_the_parents(chain: OfflineChain) -> None:
    chain.seal()
    slot = chain.header.slot
    assert slot is not None
    end_of_slot = (slot + 1) * chain.slot_ms

    with pytest.raises(InvalidBlock, match=str(end_of_slot)):
        BlockBuilder(
            chain.executor.execute, chain.header, chain.head, end_of_slot - 1, chain.slot_ms
        )
    BlockBuilder(chain.executor.execute, chain.header, chain.head, end_of_slot, chain.slot_ms)


def test_the_seal_is_the_development_authoritys(chain: OfflineChain) -> None:
    block = chain.seal()

    authorities = chain.executor.call("AuraApi_authorities", b"", chain.head).output

    assert authorities == b"\x04" + Authority.development().public
    assert is_sealed_by(block.header, Authority.development().public)
    assert not is_sealed_by(block.header, Authority.development("Bob").public)
    assert not is_sealed_by(block.header.unsealed(), Authority.development().public)


def test_a_block_with_another_state_root_is_refused_by_the_runtime(chain: OfflineChain) -> None:
    genesis = chain.header
    header = chain.seal().header.unsealed()
    forged = Header(
        header.parent_hash, header.number, bytes(32), header.extrinsics_root, header.digest
    )
    encoded = encode_block(forged, chain.blocks[0].extrinsics)

    with pytest.raises(RuntimePanic, match="Storage root"):
        chain.executor.call("Core_execute_block", encoded, Trie(chain.nodes, genesis.state_root))


def test_every_old_block_still_answers(chain: OfflineChain) -> None:
    roots = [chain.header.state_root]
    for nonce in range(4):
        chain.seal(chain.client.transfer(ALICE, BOB, UNIT, nonce))
        roots.append(chain.header.state_root)

    nonces = [
        chain.executor.call(
            "AccountNonceApi_account_nonce", ALICE.public_key, Trie(chain.nodes, root)
        ).output[0]
        for root in roots
    ]

    assert nonces == [0, 1, 2, 3, 4]


PEOPLE = (ALICE, BOB, CHARLIE)
TRANSFERS = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(range(3)),
            st.sampled_from(range(3)),
            st.sampled_from([0, 1, UNIT, 999_999 * UNIT, 10**8 * UNIT]),
            st.sampled_from([0, 0, 0, 1]),
        ),
        max_size=4,
    ),
    max_size=4,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(blocks=TRANSFERS)
def test_whatever_is_transferred_the_runtime_verifies_every_block(
    blocks: list[list[tuple[int, int, int, int]]],
) -> None:
    chain = OfflineChain()
    nonces = [0, 0, 0]
    for transfers in blocks:
        parent, builder = chain.header, chain.builder()
        for who, to, amount, skip in transfers:
            transfer = chain.client.transfer(PEOPLE[who], PEOPLE[to], amount, nonces[who] + skip)
            nonces[who] += isinstance(builder.apply(transfer), Included)
        executes(chain, parent, chain.adopt(builder))

    pairs = {key: chain.head.get(key) for key in chain.head.keys(b"")}
    assert chain.header.state_root == root_of(pairs)


def test_a_runtime_that_was_upgraded_builds_the_next_block(chain: OfflineChain) -> None:
    newer = compress(blob() + b"\x00\x05\x04note")  # the same runtime with one more custom section
    call = chain.client.compose_call("System", "set_code_without_checks", {"code": newer})
    chain.seal(chain.client.sign(ALICE, "Sudo", "sudo", 0, call=call.value))

    assert chain.head.get(b":code") == newer
    upgraded = executor_for(newer)
    assert upgraded.code_hash != chain.executor.code_hash
    assert DigestKind.RUNTIME_ENVIRONMENT_UPDATED in {item.kind for item in chain.header.digest}
    chain.executor = upgraded
    parent = chain.header
    executes(chain, parent, chain.seal(chain.client.transfer(ALICE, BOB, UNIT, nonce=1)))
