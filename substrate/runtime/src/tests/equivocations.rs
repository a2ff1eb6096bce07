//! A validator that votes twice in one round of GRANDPA.

use codec::Decode;
use finality_grandpa::{Equivocation as Twice, Message, Prevote};
use frame_support::{assert_ok, traits::KeyOwnerProofSystem};
use sp_consensus_grandpa::{
    AuthorityId as GrandpaId, Equivocation, EquivocationProof, RoundNumber, SetId, KEY_TYPE,
};
use sp_keyring::Ed25519Keyring;
use sp_runtime::{
    transaction_validity::{
        InvalidTransaction, TransactionSource, TransactionValidity, TransactionValidityError,
    },
    DispatchError,
};
use sp_session::MembershipProof;

use super::*;
use crate::{Aura, BlockNumber, Grandpa, Historical, RuntimeEvent, Session, ValidatorSet};

const SET: SetId = 0;
const LENGTH: u32 = 30;

type Proof = EquivocationProof<Hash, BlockNumber>;

/// Two prevotes in one round, each for a block of that hash.
fn votes(
    who: Ed25519Keyring,
    signer: Ed25519Keyring,
    round: RoundNumber,
    hashes: [u8; 2],
) -> Proof {
    let vote = |byte: u8| {
        let prevote = Prevote {
            target_hash: Hash::repeat_byte(byte),
            target_number: 7,
        };
        let message = Message::Prevote(prevote.clone());
        let payload = sp_consensus_grandpa::localized_payload(round, SET, &message);
        (prevote, signer.sign(&payload).into())
    };
    let twice = Twice {
        round_number: round,
        identity: who.public().into(),
        first: vote(hashes[0]),
        second: vote(hashes[1]),
    };
    EquivocationProof::new(SET, Equivocation::Prevote(twice))
}

fn owner_of(who: Ed25519Keyring) -> MembershipProof {
    Historical::prove((KEY_TYPE, GrandpaId::from(who.public()))).expect("a session's key")
}

fn report(votes: Proof, owner: MembershipProof) -> Result<(), DispatchError> {
    Grandpa::report_equivocation_unsigned(RuntimeOrigin::none(), Box::new(votes), owner)
        .map(|_| ())
        .map_err(|error| error.error)
}

fn refusal(error: pallet_grandpa::Error<Runtime>) -> Result<(), DispatchError> {
    Err(error.into())
}

fn dave() -> crate::AccountId {
    Sr25519Keyring::Dave.to_account_id()
}

fn dave_is_disabled() -> bool {
    let index = Session::validators().iter().position(|who| *who == dave());
    index.is_some_and(|index| Session::disabled_validators().contains(&(index as u32)))
}

#[test]
fn two_votes_in_a_round_are_recorded_and_the_voter_is_disabled_at_once() {
    chain("local_testnet").execute_with(|| {
        go_to(1);
        let proof = votes(Ed25519Keyring::Dave, Ed25519Keyring::Dave, 1, [1, 2]);
        assert_ok!(report(proof, owner_of(Ed25519Keyring::Dave)));

        assert!(dave_is_disabled());
        let offence = System::events().into_iter().any(|record| {
            matches!(&record.event, RuntimeEvent::Offences(pallet_offences::Event::Offence { kind, .. })
                if kind == b"grandpa:equivoca")
        });
        assert!(offence);
        System::assert_has_event(
            pallet_rotation::Event::EquivocationAnswered {
                validator: dave(),
                removed: true,
            }
            .into(),
        );
        assert_eq!(pallet_offences::Reports::<Runtime>::iter().count(), 1);
    });
}

#[test]
fn who_equivocated_stays_disabled_until_a_set_without_it_begins() {
    chain("local_testnet").execute_with(|| {
        go_to(1);
        let proof = votes(Ed25519Keyring::Dave, Ed25519Keyring::Dave, 1, [1, 2]);
        assert_ok!(report(proof, owner_of(Ed25519Keyring::Dave)));

        skip_daves_slots_to(LENGTH);
        assert_eq!(Session::current_index(), 1);
        assert!(dave_is_disabled());
        skip_daves_slots_to(2 * LENGTH);
        assert_eq!(Session::validators().len(), 3);
        assert!(!Session::validators().contains(&dave()));
        assert!(Session::disabled_validators().is_empty());
    });
}

#[test]
fn who_equivocated_stays_disabled_when_somebody_else_joins_meanwhile() {
    chain("local_testnet").execute_with(|| {
        go_to(1);
        let bob = Sr25519Keyring::Bob.to_account_id();
        assert_ok!(ValidatorSet::remove_invulnerable(
            RuntimeOrigin::root(),
            bob
        ));
        go_to(LENGTH);
        // The set of the next session is planned already, with Dave and without Bob.
        let proof = votes(Ed25519Keyring::Dave, Ed25519Keyring::Dave, 1, [1, 2]);
        assert_ok!(report(proof, owner_of(Ed25519Keyring::Dave)));
        skip_daves_slots_to(2 * LENGTH);
        assert_eq!(Session::validators().len(), 3);
        assert!(dave_is_disabled());
        skip_daves_slots_to(3 * LENGTH);
        assert_eq!(Session::validators().len(), 2);
    });
}

/// Makes blocks as the others do who leave out the turns of a disabled validator.
fn skip_daves_slots_to(number: u32) {
    for next in System::block_number() + 1..=number {
        Executive::finalize_block();
        let mut slot = *pallet_aura::CurrentSlot::<Runtime>::get() + 1;
        // Whoever is disabled when the block begins may not author it; the set may change in it.
        let disabled = Session::disabled_validators();
        let count = Session::validators().len() as u64;
        while disabled.contains(&((slot % count) as u32)) {
            slot += 1;
        }
        begin_block_in_slot(next, slot);
    }
}

#[test]
fn a_disabled_validator_makes_no_blocks() {
    chain("local_testnet").execute_with(|| {
        go_to(1);
        let proof = votes(Ed25519Keyring::Dave, Ed25519Keyring::Dave, 1, [1, 2]);
        assert_ok!(report(proof, owner_of(Ed25519Keyring::Dave)));
        Executive::finalize_block();
        let index = Session::validators().iter().position(|who| *who == dave());
        let turn = 4 + index.expect("it validates") as u64;
        let panicked = std::panic::catch_unwind(|| begin_block_in_slot(2, turn));
        assert!(panicked.is_err());
    });
}

#[test]
fn the_same_votes_are_reported_once() {
    chain("local_testnet").execute_with(|| {
        go_to(1);
        let proof = votes(Ed25519Keyring::Dave, Ed25519Keyring::Dave, 1, [1, 2]);
        let owner = owner_of(Ed25519Keyring::Dave);
        assert_ok!(report(proof.clone(), owner.clone()));
        assert_eq!(
            report(proof, owner),
            refusal(pallet_grandpa::Error::<Runtime>::DuplicateOffenceReport)
        );
    });
}

#[test]
fn votes_that_somebody_else_signed_are_refused() {
    chain("local_testnet").execute_with(|| {
        go_to(1);
        let forged = votes(Ed25519Keyring::Dave, Ed25519Keyring::Bob, 1, [1, 2]);
        assert_eq!(
            report(forged, owner_of(Ed25519Keyring::Dave)),
            refusal(pallet_grandpa::Error::<Runtime>::InvalidEquivocationProof)
        );
        assert!(!dave_is_disabled());
    });
}

#[test]
fn one_vote_shown_twice_is_refused() {
    chain("local_testnet").execute_with(|| {
        go_to(1);
        let once = votes(Ed25519Keyring::Dave, Ed25519Keyring::Dave, 1, [1, 1]);
        assert_eq!(
            report(once, owner_of(Ed25519Keyring::Dave)),
            refusal(pallet_grandpa::Error::<Runtime>::InvalidEquivocationProof)
        );
    });
}

#[test]
fn another_validators_proof_of_its_key_is_refused() {
    chain("local_testnet").execute_with(|| {
        go_to(1);
        let proof = votes(Ed25519Keyring::Dave, Ed25519Keyring::Dave, 1, [1, 2]);
        assert_eq!(
            report(proof, owner_of(Ed25519Keyring::Bob)),
            refusal(pallet_grandpa::Error::<Runtime>::InvalidKeyOwnershipProof)
        );
    });
}

#[test]
fn a_key_of_no_validator_cannot_be_proven() {
    chain("local_testnet").execute_with(|| {
        go_to(1);
        let proof = votes(Ed25519Keyring::Eve, Ed25519Keyring::Eve, 1, [1, 2]);
        let of_nobody =
            Historical::prove((KEY_TYPE, GrandpaId::from(Ed25519Keyring::Eve.public())));
        let answer = report(proof, of_nobody.expect("a proof that it is not there"));
        assert_eq!(
            answer,
            refusal(pallet_grandpa::Error::<Runtime>::InvalidKeyOwnershipProof)
        );
    });
}

#[test]
fn a_report_enters_the_pool_of_the_node_that_saw_it_alone() {
    chain("local_testnet").execute_with(|| {
        go_to(1);
        let call = pallet_grandpa::Call::report_equivocation_unsigned {
            equivocation_proof: Box::new(votes(
                Ed25519Keyring::Dave,
                Ed25519Keyring::Dave,
                1,
                [1, 2],
            )),
            key_owner_proof: owner_of(Ed25519Keyring::Dave),
        };
        let validity = |source| -> TransactionValidity {
            let report = UncheckedExtrinsic::new_bare(call.clone().into());
            Executive::validate_transaction(source, report, System::block_hash(0))
        };
        assert!(validity(TransactionSource::Local).is_ok());
        assert_eq!(
            validity(TransactionSource::External),
            Err(TransactionValidityError::Invalid(InvalidTransaction::Call))
        );
    });
}

#[test]
fn a_proof_of_a_key_travels_as_bytes() {
    chain("local_testnet").execute_with(|| {
        go_to(1);
        let bytes = owner_of(Ed25519Keyring::Dave).encode();
        let opaque = sp_consensus_grandpa::OpaqueKeyOwnershipProof::new(bytes);
        let decoded: MembershipProof = opaque.decode().expect("what was encoded");
        assert_eq!(decoded.validator_count, 4);
        let again = MembershipProof::decode(&mut &decoded.encode()[..]).expect("encoded");
        let proof = votes(Ed25519Keyring::Dave, Ed25519Keyring::Dave, 1, [1, 2]);
        assert_ok!(report(proof, again));
    });
}

#[test]
fn the_only_validator_goes_on_though_it_cheated() {
    development().execute_with(|| {
        go_to(1);
        let proof = votes(Ed25519Keyring::Alice, Ed25519Keyring::Alice, 1, [1, 2]);
        assert_ok!(report(proof, owner_of(Ed25519Keyring::Alice)));
        System::assert_has_event(
            pallet_rotation::Event::EquivocationAnswered {
                validator: Sr25519Keyring::Alice.to_account_id(),
                removed: false,
            }
            .into(),
        );
        assert!(Session::disabled_validators().is_empty());
        go_to(3);
        assert_eq!(Aura::slot_duration(), 2_000);
    });
}
