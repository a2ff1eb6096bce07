use frame_support::assert_ok;
use sp_runtime::transaction_validity::{
    InvalidTransaction, TransactionSource, TransactionValidityError,
};

use super::*;
use crate::{genesis_presets::ENDOWMENT, units::TOKEN};

fn pay_bob(value: u128) -> RuntimeCall {
    let dest = Sr25519Keyring::Bob.to_account_id().into();
    pallet_balances::Call::transfer_keep_alive { dest, value }.into()
}

fn refusal(extrinsic: UncheckedExtrinsic) -> InvalidTransaction {
    let genesis = System::block_hash(0);
    match Executive::validate_transaction(TransactionSource::External, extrinsic, genesis) {
        Err(TransactionValidityError::Invalid(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_signed_transfer_moves_the_money_and_costs_a_fee() {
    development().execute_with(|| {
        begin_block(1);
        let extrinsic = sign(Sr25519Keyring::Alice, 0, pay_bob(3 * TOKEN));
        assert_ok!(Executive::apply_extrinsic(extrinsic).expect("valid"));
        assert_eq!(free(Sr25519Keyring::Bob), ENDOWMENT + 3 * TOKEN);
        assert!(free(Sr25519Keyring::Alice) < ENDOWMENT - 3 * TOKEN);
    });
}

#[test]
fn a_transfer_costs_less_than_a_thousandth_of_a_token() {
    development().execute_with(|| {
        begin_block(1);
        let extrinsic = sign(Sr25519Keyring::Alice, 0, pay_bob(TOKEN));
        assert_ok!(Executive::apply_extrinsic(extrinsic).expect("valid"));
        let fee = ENDOWMENT - TOKEN - free(Sr25519Keyring::Alice);
        assert!(fee > 0 && fee < TOKEN / 1_000, "{fee}");
    });
}

#[test]
fn a_call_other_than_the_signed_one_is_refused() {
    development().execute_with(|| {
        begin_block(1);
        let mut extrinsic = sign(Sr25519Keyring::Alice, 0, pay_bob(TOKEN));
        extrinsic.function = pay_bob(2 * TOKEN);
        assert_eq!(refusal(extrinsic), InvalidTransaction::BadProof);
    });
}

#[test]
fn the_same_transaction_is_not_taken_twice() {
    development().execute_with(|| {
        begin_block(1);
        let extrinsic = sign(Sr25519Keyring::Alice, 0, pay_bob(TOKEN));
        assert_ok!(Executive::apply_extrinsic(extrinsic.clone()).expect("valid"));
        assert_eq!(refusal(extrinsic), InvalidTransaction::Stale);
    });
}

#[test]
fn who_cannot_pay_the_fee_is_refused() {
    development().execute_with(|| {
        begin_block(1);
        let extrinsic = sign(Sr25519Keyring::One, 0, pay_bob(TOKEN));
        assert_eq!(refusal(extrinsic), InvalidTransaction::Payment);
    });
}

#[test]
fn a_block_without_a_timestamp_panics() {
    let panicked = std::panic::catch_unwind(|| {
        development().execute_with(|| {
            let slot = DigestItem::PreRuntime(AURA_ENGINE_ID, Slot::from(1).encode());
            let digest = Digest { logs: vec![slot] };
            let parent = System::block_hash(0);
            let header = Header::new(1, Hash::zero(), Hash::zero(), parent, digest);
            Executive::initialize_block(&header);
            Executive::finalize_block();
        })
    });
    assert!(panicked.is_err());
}
