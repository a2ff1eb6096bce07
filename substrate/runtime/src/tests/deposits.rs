//! A stored item's deposit is at least what its bytes cost: else filling the state is cheap.

use codec::MaxEncodedLen;
use frame_support::traits::{Get, StorageInfoTrait};
use pallet_decentralml::Config;

use super::*;
use crate::{units::deposit, Balance};

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

#[test]
fn a_tasks_deposit_covers_the_task_and_its_places_in_the_lists() {
    let bytes = largest("Tasks") + largest("OpenTasks") + 3 * largest("TasksOfOfficer");
    assert!(
        held::<<Runtime as Config>::TaskDeposit>() >= deposit(5, bytes),
        "{bytes} bytes"
    );
}

#[test]
fn an_assignments_deposit_covers_it_and_its_place_in_the_workers_list() {
    let bytes = largest("Assignments") + largest("TasksOfWorker");
    let deposited = held::<<Runtime as Config>::AssignmentDeposit>();
    assert!(deposited >= deposit(2, bytes), "{bytes} bytes");
}

#[test]
fn a_results_deposit_covers_the_result() {
    let bytes = largest("Results");
    assert!(
        held::<<Runtime as Config>::ResultDeposit>() >= deposit(1, bytes),
        "{bytes} bytes"
    );
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
