//! A stored item's deposit is what its bytes cost: else filling the state is cheap.

use codec::MaxEncodedLen;
use frame_support::{
    assert_ok,
    traits::{fungible::InspectHold, Get, StorageInfoTrait},
};
use pallet_decentralml::{types::*, HoldReason};

use super::*;
use crate::{units::deposit, Balance, Balances, DecentralML};

fn held<Deposit: Get<Balance>>() -> Balance {
    Deposit::get()
}

/// The most bytes that one item of this storage takes, its key included.
fn largest(storage: &str) -> u32 {
    pallet_decentralml::Pallet::<Runtime>::storage_info()
        .into_iter()
        .find(|info| info.storage_name == storage.as_bytes())
        .and_then(|info| info.max_size)
        .expect("the storage exists and is bounded")
}

fn on_hold(reason: pallet_decentralml::HoldReason, who: Sr25519Keyring) -> Balance {
    Balances::balance_on_hold(&reason.into(), &who.to_account_id())
}

fn cid() -> Cid {
    Cid::truncate_from(vec![b'b'; MAX_CID_LENGTH as usize])
}

/// The largest items there can be: a task, an assignment and a result of it.
fn largest_items() -> TestExternalities {
    let mut state = development();
    state.execute_with(|| {
        go_to(1);
        let terms = Terms {
            kind: TaskKind::Annotation(Media::Video),
            title: Title::truncate_from(vec![b'x'; MAX_TITLE_LENGTH as usize]),
            bundle: cid(),
            model: Some(cid()),
            reward: crate::units::TOKEN,
            slots: 1,
            rounds: 2,
            policy: Policy::Delegated(Sr25519Keyring::Dave.to_account_id()),
            schedule: Schedule {
                accept_before: 10,
                round_time: 10,
                validate_time: 10,
                dispute_time: 10,
            },
            stake: crate::units::TOKEN,
            arbiter: Some(Sr25519Keyring::Eve.to_account_id()),
            sealing_key: Some([7; 32]),
        };
        assert_ok!(DecentralML::create_task(
            signed(Sr25519Keyring::Alice),
            terms
        ));
        assert_ok!(DecentralML::accept_task(signed(Sr25519Keyring::Bob), 0));
        assert_ok!(DecentralML::send_task_result(
            signed(Sr25519Keyring::Bob),
            0,
            1,
            cid()
        ));
    });
    state
}

#[test]
fn the_largest_task_deposits_for_itself_and_its_places_in_the_lists_to_the_byte() {
    largest_items().execute_with(|| {
        let bytes = largest("Tasks") + largest("OpenTasks") + 3 * largest("TasksOfOfficer");
        let deposited = on_hold(HoldReason::TaskDeposit, Sr25519Keyring::Alice);
        assert_eq!(deposited, deposit(5, bytes));
    });
}

#[test]
fn an_assignment_deposits_for_itself_and_its_place_in_the_workers_list_to_the_byte() {
    largest_items().execute_with(|| {
        let bytes = largest("Assignments") + largest("TasksOfWorker");
        let deposited = on_hold(HoldReason::AssignmentDeposit, Sr25519Keyring::Bob);
        assert_eq!(deposited, deposit(2, bytes));
    });
}

#[test]
fn the_largest_result_deposits_for_itself_to_the_byte() {
    largest_items().execute_with(|| {
        let deposited = on_hold(HoldReason::ResultDeposit, Sr25519Keyring::Bob);
        assert_eq!(deposited, deposit(1, largest("Results")));
    });
}

#[test]
fn the_councils_two_thirds_set_what_a_byte_costs() {
    development().execute_with(|| {
        let council = |ayes| pallet_collective::RawOrigin::Members(ayes, 3).into();
        assert!(DecentralML::set_byte_price(council(1), 5).is_err());
        assert_ok!(DecentralML::set_byte_price(council(2), 5));
        assert_eq!(pallet_decentralml::BytePrice::<Runtime>::get(), 5);
    });
}

#[test]
fn a_proxys_deposit_covers_its_bytes() {
    let bytes = pallet_proxy::ProxyDefinition::<
        crate::AccountId,
        crate::proxy::ProxyType,
        crate::BlockNumber,
    >::max_encoded_len() as u32;
    assert!(held::<<Runtime as pallet_proxy::Config>::ProxyDepositFactor>() >= deposit(0, bytes));
}
