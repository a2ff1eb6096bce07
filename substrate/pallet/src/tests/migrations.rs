//! From one deposit for every kind of item to a price for bytes.

use crate::{migrations::PriceBytes, mock::*, BytePrice, Pallet};
use frame_support::{
    assert_ok, parameter_types,
    traits::{Get, GetStorageVersion, OnRuntimeUpgrade, StorageVersion},
    weights::{RuntimeDbWeight, Weight},
};

parameter_types! {
    pub Written: Balance = <Test as crate::Config>::InitialBytePrice::get();
}

/// A market that an older runtime left, with an item of each kind.
fn old_market(story: impl FnOnce(TaskId)) {
    market(|| {
        StorageVersion::new(0).put::<Pallet<Test>>();
        BytePrice::<Test>::kill();
        let id = posted(terms());
        assert_ok!(accept(id, WORKER));
        assert_ok!(send(id, 1, WORKER));
        story(id)
    });
}

fn upgrade() -> Weight {
    #[cfg(feature = "try-runtime")]
    let before = PriceBytes::<Test>::pre_upgrade().unwrap();
    let weight = PriceBytes::<Test>::on_runtime_upgrade();
    #[cfg(feature = "try-runtime")]
    PriceBytes::<Test>::post_upgrade(before).unwrap();
    weight
}

#[test]
fn bytes_get_their_first_price_and_the_state_its_version() {
    old_market(|_| {
        upgrade();
        assert_eq!(BytePrice::<Test>::get(), Written::get());
        assert!(BytePrice::<Test>::exists());
        assert_eq!(Pallet::<Test>::on_chain_storage_version(), 1);
    });
}

#[test]
fn items_that_are_there_keep_their_deposits() {
    old_market(|id| {
        let before = (all_held(CREATOR), all_held(WORKER));
        upgrade();
        assert_eq!((all_held(CREATOR), all_held(WORKER)), before);
        assert_eq!(the(id).deposit, TASK_DEPOSIT);
    });
}

#[test]
fn a_second_run_changes_nothing() {
    old_market(|_| {
        upgrade();
        assert_ok!(DecentralML::set_byte_price(RuntimeOrigin::root(), 9));
        upgrade();
        assert_eq!(BytePrice::<Test>::get(), 9);
    });
}

#[test]
fn it_costs_the_same_however_large_the_market_is() {
    let weight_with = |tasks: usize| {
        let mut weight = Weight::zero();
        old_market(|_| {
            for _ in 1..tasks {
                posted(unchecked());
            }
            weight = upgrade();
        });
        weight
    };
    assert_eq!(weight_with(1), weight_with(20));
    let db: RuntimeDbWeight = <Test as frame_system::Config>::DbWeight::get();
    assert_eq!(weight_with(1), db.reads_writes(1, 2));
}

#[test]
fn the_market_goes_on_where_it_was() {
    old_market(|id| {
        upgrade();
        assert_ok!(approve(id, 1, WORKER));
        assert_ok!(accept(id, OTHER));
        assert_ok!(send(id, 1, OTHER));
        assert_ok!(approve(id, 1, OTHER));
        assert_eq!(the(id).status, TaskStatus::Completed);
        prune_all(id);
        assert_eq!(all_held(CREATOR) + all_held(WORKER) + all_held(OTHER), 0);
    });
}
