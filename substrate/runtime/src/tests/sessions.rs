//! The set of validators changes while the chain runs.

use std::sync::Arc;

use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};

use super::*;
use crate::{
    AccountId, Aura, Balances, Grandpa, Historical, Rotation, RuntimeHoldReason, Session,
    SessionKeys, ValidatorSet,
};

const LENGTH: u32 = 30;

fn local() -> TestExternalities {
    let mut state = chain("local_testnet");
    state.register_extension(KeystoreExt(Arc::new(MemoryKeystore::new())));
    state
}

fn root() -> RuntimeOrigin {
    RuntimeOrigin::root()
}

fn eve() -> AccountId {
    Sr25519Keyring::Eve.to_account_id()
}

/// Makes keys as a node does for that account, and publishes them.
fn set_keys(who: Sr25519Keyring) -> SessionKeys {
    let account = who.to_account_id();
    let generated = account.using_encoded(|owner| SessionKeys::generate(owner, None));
    let (keys, proof) = (generated.keys, generated.proof.encode());
    assert_ok!(Session::set_keys(signed(who), keys.clone(), proof));
    keys
}

/// How many take turns to author; GRANDPA's follow at the end of the block.
fn authorities() -> usize {
    let aura = pallet_aura::Authorities::<Runtime>::get().len();
    assert_eq!(Session::validators().len(), aura);
    aura
}

#[test]
fn a_session_ends_with_every_thirtieth_block_on_a_local_network() {
    local().execute_with(|| {
        go_to(LENGTH - 1);
        assert_eq!(Session::current_index(), 0);
        go_to(LENGTH);
        assert_eq!(Session::current_index(), 1);
        go_to(2 * LENGTH);
        assert_eq!(Session::current_index(), 2);
    });
}

#[test]
fn a_set_that_stays_is_not_announced_as_a_new_one() {
    local().execute_with(|| {
        go_to(4 * LENGTH);
        assert_eq!(Grandpa::current_set_id(), 0);
        assert_eq!(authorities(), 4);
    });
}

#[test]
fn a_block_that_ends_a_session_has_room_for_transactions() {
    local().execute_with(|| {
        go_to(LENGTH);
        let pay = pallet_balances::Call::transfer_keep_alive {
            dest: eve().into(),
            value: crate::units::TOKEN,
        };
        let extrinsic = sign(Sr25519Keyring::Bob, 0, pay.into());
        assert_ok!(Executive::apply_extrinsic(extrinsic).expect("valid"));
    });
}

#[test]
fn who_has_keys_joins_at_the_second_boundary_with_them() {
    local().execute_with(|| {
        go_to(1);
        let keys = set_keys(Sr25519Keyring::Eve);
        assert_ok!(ValidatorSet::add_invulnerable(root(), eve()));

        go_to(2 * LENGTH - 1);
        assert_eq!(authorities(), 4);
        go_to(2 * LENGTH);
        assert_eq!(authorities(), 5);
        let aura = pallet_aura::Authorities::<Runtime>::get();
        assert!(aura.contains(&keys.aura));
        // GRANDPA's authorities follow at the end of that block.
        Executive::finalize_block();
        begin_block(2 * LENGTH + 1);
        assert_eq!(Grandpa::current_set_id(), 1);
        let voters = Grandpa::grandpa_authorities();
        assert!(voters.contains(&(keys.grandpa, 1)));
        assert_eq!(voters.len(), 5);
    });
}

#[test]
fn a_validator_leaves_at_the_second_boundary() {
    local().execute_with(|| {
        go_to(1);
        let dave = Sr25519Keyring::Dave.to_account_id();
        assert_ok!(ValidatorSet::remove_invulnerable(root(), dave.clone()));
        go_to(2 * LENGTH);
        assert_eq!(Session::validators().len(), 3);
        assert!(!Session::validators().contains(&dave));
    });
}

#[test]
fn a_validator_changes_its_keys_and_stays() {
    local().execute_with(|| {
        go_to(1);
        let keys = set_keys(Sr25519Keyring::Alice);
        go_to(2 * LENGTH);
        let aura = pallet_aura::Authorities::<Runtime>::get();
        assert!(aura.contains(&keys.aura));
        assert_eq!(aura.len(), 4);
    });
}

#[test]
fn who_has_no_keys_is_refused() {
    local().execute_with(|| {
        assert_noop!(
            ValidatorSet::add_invulnerable(root(), eve()),
            pallet_collator_selection::Error::<Runtime>::ValidatorNotRegistered
        );
    });
}

#[test]
fn keys_without_proof_that_they_are_ones_own_are_refused() {
    local().execute_with(|| {
        let generated = eve().using_encoded(|owner| SessionKeys::generate(owner, None));
        let stolen = Session::set_keys(
            signed(Sr25519Keyring::Ferdie),
            generated.keys,
            generated.proof.encode(),
        );
        assert_eq!(
            stolen,
            Err(pallet_session::Error::<Runtime>::InvalidProof.into())
        );
    });
}

#[test]
fn keys_hold_a_deposit_until_they_are_removed() {
    local().execute_with(|| {
        let reason = RuntimeHoldReason::Session(pallet_session::HoldReason::Keys);
        set_keys(Sr25519Keyring::Eve);
        assert!(Balances::balance_on_hold(&reason, &eve()) > 0);
        assert_ok!(Session::purge_keys(signed(Sr25519Keyring::Eve)));
        assert_eq!(Balances::balance_on_hold(&reason, &eve()), 0);
    });
}

#[test]
fn the_last_validator_cannot_be_removed() {
    development().execute_with(|| {
        let alice = Sr25519Keyring::Alice.to_account_id();
        assert_noop!(
            ValidatorSet::remove_invulnerable(root(), alice),
            pallet_collator_selection::Error::<Runtime>::TooFewEligibleCollators
        );
    });
}

#[test]
fn a_list_of_nobody_with_keys_leaves_those_who_validate() {
    local().execute_with(|| {
        go_to(1);
        assert_ok!(ValidatorSet::set_invulnerables(root(), vec![eve()]));
        go_to(3 * LENGTH);
        assert_eq!(authorities(), 4);
    });
}

#[test]
fn nobody_can_propose_itself() {
    local().execute_with(|| {
        set_keys(Sr25519Keyring::Eve);
        let proposed = ValidatorSet::register_as_candidate(signed(Sr25519Keyring::Eve));
        let refused = pallet_collator_selection::Error::<Runtime>::TooManyCandidates;
        assert_eq!(proposed.map_err(|error| error.error), Err(refused.into()));
    });
}

#[test]
fn governance_changes_how_long_a_session_is_within_bounds() {
    local().execute_with(|| {
        go_to(1);
        for length in [9, 1_801] {
            assert_noop!(
                Rotation::set_session_length(root(), length),
                pallet_rotation::Error::<Runtime>::LengthOutOfBounds
            );
        }
        let anybody = signed(Sr25519Keyring::Eve);
        let refused = sp_runtime::DispatchError::BadOrigin;
        assert_noop!(Rotation::set_session_length(anybody, 10), refused);

        assert_ok!(Rotation::set_session_length(root(), 10));
        go_to(10);
        assert_eq!(Session::current_index(), 1);
    });
}

#[test]
fn proofs_of_old_sessions_are_kept_for_as_many_sessions_as_promised() {
    let patch = serde_json::json!({"rotation": {"sessionLength": 10}});
    let mut state = build("development", patch).expect("allowed");
    state.execute_with(|| {
        let kept = crate::validators::PROVABLE_SESSIONS;
        go_to(10 * (kept + 3));
        assert_eq!(Session::current_index(), kept + 3);
        assert!(Historical::historical_root(1).is_none());
        assert!(Historical::historical_root(2).is_some());
        assert_eq!(Aura::slot_duration(), 2_000);
    });
}
