use frame_support::dispatch::DispatchClass;
use pallet_transaction_payment::{Multiplier, NextFeeMultiplier};
use sp_runtime::{traits::One, Perbill};

use super::*;
use crate::configs::RuntimeBlockWeights;

/// Ends one block after another, each with this part of its normal weight used.
fn blocks(count: u32, fullness: Perbill) -> Multiplier {
    let limits = RuntimeBlockWeights::get();
    let normal = limits
        .get(DispatchClass::Normal)
        .max_total
        .expect("normal weight is limited");
    for number in 1..=count {
        System::set_block_number(number);
        System::set_block_consumed_resources(fullness * normal, 0);
        crate::TransactionPayment::on_finalize(number);
    }
    NextFeeMultiplier::<Runtime>::get()
}

#[test]
fn fees_stay_at_their_base_on_an_idle_chain() {
    development().execute_with(|| {
        assert_eq!(blocks(1_000, Perbill::zero()), Multiplier::one());
    });
}

#[test]
fn fees_rise_while_blocks_are_full_and_fall_back_to_their_base_after() {
    development().execute_with(|| {
        let risen = blocks(1_000, Perbill::one());
        // (1 + 0.75 × 0.000075)^1000 = 1.0579
        assert!(risen > Multiplier::from_rational(1_057, 1_000), "{risen:?}");
        assert!(risen < Multiplier::from_rational(1_059, 1_000), "{risen:?}");
        assert!(blocks(1_000, Perbill::zero()) < risen);
        assert_eq!(blocks(10_000, Perbill::zero()), Multiplier::one());
    });
}

#[test]
fn what_must_be_deposited_counts_items_and_bytes() {
    use crate::units::{deposit, MICRO, MILLI};
    assert_eq!(deposit(0, 0), 0);
    assert_eq!(deposit(2, 3), 4 * MILLI + 30 * MICRO);
}
