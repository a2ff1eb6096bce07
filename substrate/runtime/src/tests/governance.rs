//! A chain without a master key is ruled by its council.

use frame_support::{assert_ok, dispatch::DispatchResultWithPostInfo, traits::EnsureOrigin};
use sp_keyring::Ed25519Keyring;
use sp_runtime::{
    traits::{BlakeTwo256, Hash as _},
    DispatchError,
};

use super::*;
use crate::{Balances, Council, CouncilMembership, RuntimeEvent, Sudo, Whitelist};

const COUNCIL: [Sr25519Keyring; 3] = [
    Sr25519Keyring::Dave,
    Sr25519Keyring::Eve,
    Sr25519Keyring::Ferdie,
];

/// A production chain: two validators, a council of three, and no well-known root.
fn production() -> TestExternalities {
    let account = |key: Sr25519Keyring| key.to_account_id().to_string();
    let keys = |sr: Sr25519Keyring, ed: Ed25519Keyring| {
        let keys = serde_json::json!({
            "aura": sr.public().to_string(),
            "grandpa": ed.public().to_string(),
        });
        serde_json::json!([account(sr), account(sr), keys])
    };
    let patch = serde_json::json!({
        "balances": {"balances": COUNCIL.map(|who| (account(who), 1_000_000_000_000_000u64))},
        "validatorSet": {
            "invulnerables": [account(Sr25519Keyring::Bob), account(Sr25519Keyring::Charlie)],
        },
        "session": {"keys": [
            keys(Sr25519Keyring::Bob, Ed25519Keyring::Bob),
            keys(Sr25519Keyring::Charlie, Ed25519Keyring::Charlie),
        ]},
        "councilMembership": {"members": COUNCIL.map(account)},
    });
    let mut state = build("production", patch).expect("complete");
    state.execute_with(|| go_to(1));
    state
}

/// Proposes, lets so many of the council say aye and the others nay, and closes the motion.
fn motion(call: RuntimeCall, ayes: usize) -> Result<(), DispatchError> {
    let hash = BlakeTwo256::hash_of(&call);
    let length = call.encoded_size() as u32;
    Council::propose(signed(COUNCIL[0]), 2, Box::new(call), length).map_err(|e| e.error)?;
    let index =
        pallet_collective::ProposalCount::<Runtime, crate::governance::CouncilCollective>::get()
            - 1;
    for (place, member) in COUNCIL.into_iter().enumerate() {
        Council::vote(signed(member), hash, index, place < ayes).map_err(|error| error.error)?;
    }
    let weight = crate::governance::MaxProposalWeight::get();
    Council::close(signed(COUNCIL[0]), hash, index, weight, length).map_err(|error| error.error)?;
    executed()
}

/// What became of the call in the motion that was closed last.
fn executed() -> Result<(), DispatchError> {
    let outcome = System::events()
        .into_iter()
        .rev()
        .find_map(|record| match record.event {
            RuntimeEvent::Council(pallet_collective::Event::Executed { result, .. }) => {
                Some(result)
            }
            RuntimeEvent::Council(pallet_collective::Event::Disapproved { .. }) => {
                Some(Err(DispatchError::Other("disapproved")))
            }
            _ => None,
        });
    outcome.expect("a closed motion says how it went")
}

fn whitelisted(call: &RuntimeCall, ayes: usize) -> Result<(), DispatchError> {
    let call_hash = BlakeTwo256::hash_of(call);
    motion(
        pallet_whitelist::Call::whitelist_call { call_hash }.into(),
        ayes,
    )
}

fn as_root(call: RuntimeCall, who: Sr25519Keyring) -> DispatchResultWithPostInfo {
    Whitelist::dispatch_whitelisted_call_with_preimage(signed(who), Box::new(call))
}

/// What the whitelist's last dispatch gave.
fn dispatched() -> Option<DispatchResultWithPostInfo> {
    System::events()
        .into_iter()
        .rev()
        .find_map(|record| match record.event {
            RuntimeEvent::Whitelist(pallet_whitelist::Event::WhitelistedCallDispatched {
                result,
                ..
            }) => Some(result),
            _ => None,
        })
}

fn upgrade() -> RuntimeCall {
    let code_hash = Hash::repeat_byte(7);
    frame_system::Call::authorize_upgrade { code_hash }.into()
}

/// The code that an upgrade is authorized for.
fn authorized() -> Option<Hash> {
    System::events()
        .into_iter()
        .find_map(|record| match record.event {
            RuntimeEvent::System(frame_system::Event::UpgradeAuthorized { code_hash, .. }) => {
                Some(code_hash)
            }
            _ => None,
        })
}

#[test]
fn production_has_no_root_key_and_no_account_can_set_one() {
    production().execute_with(|| {
        assert_eq!(pallet_sudo::Key::<Runtime>::get(), None);
        for who in [Sr25519Keyring::Alice, Sr25519Keyring::Bob]
            .into_iter()
            .chain(COUNCIL)
        {
            let new = who.to_account_id().into();
            assert!(Sudo::set_key(signed(who), new).is_err());
            assert!(Sudo::sudo(signed(who), Box::new(upgrade())).is_err());
        }
        let new = COUNCIL[0].to_account_id().into();
        let by_motion = motion(pallet_sudo::Call::set_key { new }.into(), 3);
        assert_eq!(by_motion, Err(DispatchError::BadOrigin));
        assert_eq!(pallet_sudo::Key::<Runtime>::get(), None);
    });
}

#[test]
fn two_thirds_of_the_council_authorize_an_upgrade() {
    production().execute_with(|| {
        assert_ok!(whitelisted(&upgrade(), 2));
        assert_ok!(as_root(upgrade(), COUNCIL[1]));
        assert!(dispatched().expect("dispatched").is_ok());
        assert_eq!(authorized(), Some(Hash::repeat_byte(7)));
    });
}

#[test]
fn one_of_three_authorizes_nothing() {
    production().execute_with(|| {
        assert!(whitelisted(&upgrade(), 1).is_err());
        assert_eq!(authorized(), None);
    });
}

#[test]
fn a_member_alone_dispatches_nothing_that_is_not_whitelisted() {
    production().execute_with(|| {
        // A call ahead of its whitelisting waits for it, and does nothing.
        let _ = as_root(upgrade(), COUNCIL[0]);
        assert!(dispatched().is_none());
        assert!(as_root(upgrade(), Sr25519Keyring::Bob).is_err());
        assert!(dispatched().is_none());
        assert_eq!(authorized(), None);
    });
}

#[test]
fn who_is_not_in_the_council_dispatches_nothing() {
    production().execute_with(|| {
        assert_ok!(whitelisted(&upgrade(), 3));
        assert!(as_root(upgrade(), Sr25519Keyring::Bob).is_err());
        assert_eq!(authorized(), None);
    });
}

#[test]
fn a_whitelisted_call_is_dispatched_once() {
    production().execute_with(|| {
        let who = COUNCIL[2].to_account_id();
        let gift: RuntimeCall = pallet_balances::Call::force_set_balance {
            who: who.clone().into(),
            new_free: 5 * crate::units::TOKEN,
        }
        .into();
        assert_ok!(whitelisted(&gift, 2));
        assert_ok!(as_root(gift.clone(), COUNCIL[0]));
        assert_eq!(Balances::free_balance(&who), 5 * crate::units::TOKEN);
        assert_ok!(Balances::force_set_balance(
            RuntimeOrigin::root(),
            who.clone().into(),
            crate::units::TOKEN
        ));
        let _ = as_root(gift, COUNCIL[0]);
        assert_eq!(Balances::free_balance(&who), crate::units::TOKEN);
    });
}

#[test]
fn two_thirds_of_the_council_change_the_validators() {
    production().execute_with(|| {
        let who = Sr25519Keyring::Charlie.to_account_id();
        let remove = pallet_collator_selection::Call::remove_invulnerable { who };
        assert!(motion(remove.clone().into(), 1).is_err());
        assert_ok!(motion(remove.into(), 2));
        assert_eq!(
            pallet_collator_selection::Invulnerables::<Runtime>::get().to_vec(),
            vec![Sr25519Keyring::Bob.to_account_id()]
        );
    });
}

#[test]
fn two_thirds_of_the_council_change_the_council() {
    production().execute_with(|| {
        let who = Sr25519Keyring::Bob.to_account_id();
        let add = pallet_membership::Call::add_member {
            who: who.clone().into(),
        };
        assert_ok!(motion(add.into(), 2));
        assert!(CouncilMembership::members().contains(&who));
        assert!(
            pallet_collective::Members::<Runtime, crate::governance::CouncilCollective>::get()
                .contains(&who)
        );
    });
}

fn council(ayes: u32, members: u32) -> RuntimeOrigin {
    pallet_collective::RawOrigin::Members(ayes, members).into()
}

#[test]
fn more_than_half_of_the_council_rules_disputes_that_name_no_arbiter() {
    type Arbiter = <Runtime as pallet_decentralml::Config>::ArbiterOrigin;
    production().execute_with(|| {
        for (ayes, members) in [(2, 3), (3, 4), (1, 1)] {
            assert!(Arbiter::ensure_origin(council(ayes, members)).is_ok());
        }
        for (ayes, members) in [(1, 2), (2, 4), (1, 3)] {
            assert!(Arbiter::ensure_origin(council(ayes, members)).is_err());
        }
        assert!(Arbiter::ensure_origin(RuntimeOrigin::root()).is_ok());
        assert!(Arbiter::ensure_origin(signed(COUNCIL[0])).is_err());
    });
}

#[test]
fn validators_need_two_thirds_and_more_than_half_is_not_enough() {
    type Update = <Runtime as pallet_collator_selection::Config>::UpdateOrigin;
    production().execute_with(|| {
        assert!(Update::ensure_origin(council(2, 3)).is_ok());
        assert!(Update::ensure_origin(council(3, 5)).is_err());
        assert!(Update::ensure_origin(signed(COUNCIL[0])).is_err());
    });
}
