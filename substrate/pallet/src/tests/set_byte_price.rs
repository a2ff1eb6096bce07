//! What a byte costs, and what is deposited for how many of them.

use crate::{mock::*, BytePrice};
use codec::{Encode, MaxEncodedLen};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

const PRICE: Balance = 3;

fn set(price: Balance) {
    assert_ok!(DecentralML::set_byte_price(RuntimeOrigin::root(), price));
}

/// What was deposited for bytes alone.
fn bytes(deposit: Balance, for_the_items: Balance) -> Balance {
    assert_eq!((deposit - for_the_items) % PRICE, 0);
    (deposit - for_the_items) / PRICE
}

fn length(item: &impl Encode) -> Balance {
    item.encoded_size() as Balance
}

fn title(length: usize) -> Title {
    vec![b'x'; length].try_into().unwrap()
}

fn of_length(letters: usize) -> Cid {
    let mut text = vec![b'a'; letters];
    text[0] = b'b';
    text.try_into().unwrap()
}

#[test]
fn only_governance_sets_the_price() {
    market(|| {
        for who in PEOPLE {
            assert_noop!(
                DecentralML::set_byte_price(signed(who), PRICE),
                DispatchError::BadOrigin
            );
        }
        set(PRICE);
        assert_eq!(BytePrice::<Test>::get(), PRICE);
        assert_eq!(told(), [Event::BytePriceSet { price: PRICE }]);
    });
}

#[test]
fn a_task_deposits_for_its_bytes_and_its_places_in_the_lists() {
    market(|| {
        set(PRICE);
        let id = posted(terms());
        // Key of the task 16 + 8; among the open ones 8 + 1 + 8; creator and arbiter 16 + 8 + 8 each.
        let lists = 24 + 17 + 2 * 32;
        let stored = the(id);
        assert_eq!(bytes(stored.deposit, TASK_DEPOSIT), lists + length(&stored));
        assert_eq!(held(HoldReason::TaskDeposit, CREATOR), stored.deposit);
    });
}

#[test]
fn each_letter_of_a_title_costs_a_byte_up_to_the_longest() {
    market(|| {
        set(PRICE);
        let deposit = |letters: usize| {
            let id = posted(Terms {
                title: title(letters),
                ..terms()
            });
            the(id).deposit
        };
        let empty = deposit(0);
        assert_eq!(deposit(1), empty + PRICE);
        // From 64 letters on the length itself takes a byte more.
        assert_eq!(deposit(63), empty + 63 * PRICE);
        assert_eq!(deposit(64), empty + 65 * PRICE);
        assert_eq!(deposit(128), empty + 129 * PRICE);
    });
}

#[test]
fn a_task_of_more_rounds_deposits_for_the_longest_model_that_may_come() {
    market(|| {
        set(PRICE);
        let short = Terms {
            model: Some(of_length(2)),
            ..federated(2)
        };
        let long = Terms {
            model: Some(of_length(64)),
            ..federated(2)
        };
        let id = posted(short);
        let before = the(id).deposit;
        assert_ok!(DecentralML::start_round(signed(CREATOR), id, of_length(64)));
        assert_eq!(the(id).deposit, before);
        assert!(bytes(before, TASK_DEPOSIT) >= 24 + length(&the(id)));
        // Only the first model, kept among the terms, differs: 62 letters, and one byte of length.
        assert_eq!(the(posted(long)).deposit, before + 63 * PRICE);
    });
}

#[test]
fn a_task_of_one_round_deposits_for_no_other_model() {
    market(|| {
        set(PRICE);
        let none = the(posted(terms())).deposit;
        let some = Terms {
            model: Some(of_length(10)),
            ..terms()
        };
        // Ten letters and their count, among the terms and as the running model.
        assert_eq!(the(posted(some)).deposit, none + 2 * 11 * PRICE);
    });
}

#[test]
fn an_assignment_deposits_for_its_bytes_and_its_place_in_the_list() {
    market(|| {
        set(PRICE);
        let id = posted(terms());
        assert_ok!(accept(id, WORKER));
        let stored = assignment(id, WORKER);
        // Key 8 + 8 + 16 + 8, in the worker's list 16 + 8 + 8.
        let expected = 40 + 32 + length(&stored);
        assert_eq!(bytes(stored.deposit, ASSIGNMENT_DEPOSIT), expected);
        assert_eq!(held(HoldReason::AssignmentDeposit, WORKER), stored.deposit);
    });
}

#[test]
fn a_result_that_nobody_can_reject_deposits_for_its_bytes() {
    market(|| {
        set(PRICE);
        let id = posted(unchecked());
        assert_ok!(accept(id, WORKER));
        assert_ok!(send(id, 1, WORKER));
        let stored = result(id, 1, WORKER);
        // Key 8 + 8, 8 + 4, 16 + 8. Sent with a deadline of 8 bytes that is settled since.
        let expected = 52 + length(&stored) + 8;
        assert_eq!(bytes(stored.deposit, RESULT_DEPOSIT), expected);
    });
}

#[test]
fn a_result_deposits_for_the_longest_reason_that_its_validator_may_store() {
    market(|| {
        set(PRICE);
        let id = posted(terms());
        assert_ok!(accept(id, WORKER));
        assert_ok!(send(id, 1, WORKER));
        let before = result(id, 1, WORKER).deposit;
        let longest = vec![b'!'; MAX_REASON_LENGTH as usize];
        let verdict = Verdict::Reject(longest.try_into().unwrap());
        assert_ok!(DecentralML::validate_task_result(
            signed(CREATOR),
            id,
            1,
            WORKER,
            verdict
        ));
        let stored = result(id, 1, WORKER);
        assert_eq!(stored.deposit, before);
        assert_eq!(bytes(before, RESULT_DEPOSIT), 52 + length(&stored));
    });
}

#[test]
fn no_item_takes_more_bytes_than_its_type_says() {
    market(|| {
        set(PRICE);
        let widest = Terms {
            title: title(MAX_TITLE_LENGTH as usize),
            bundle: of_length(64),
            model: Some(of_length(64)),
            policy: Policy::Delegated(VALIDATOR),
            sealing_key: Some([7; 32]),
            ..federated(2)
        };
        let id = posted(widest);
        assert_ok!(accept(id, WORKER));
        let most = 24 + crate::TaskOf::<Test>::max_encoded_len() as Balance + 18 + 3 * 32;
        let paid = bytes(the(id).deposit, TASK_DEPOSIT);
        // The kind alone is smaller than the widest kind, twice: in the task and in the list.
        assert_eq!(paid, most - 2);
    });
}

#[test]
fn items_keep_the_deposit_that_they_began_with() {
    market(|| {
        let id = posted(unchecked());
        assert_ok!(accept(id, WORKER));
        set(PRICE);
        assert_ok!(send(id, 1, WORKER));
        set(0);
        assert_eq!(held(HoldReason::TaskDeposit, CREATOR), TASK_DEPOSIT);
        assert_eq!(
            held(HoldReason::AssignmentDeposit, WORKER),
            ASSIGNMENT_DEPOSIT
        );
        assert!(held(HoldReason::ResultDeposit, WORKER) > RESULT_DEPOSIT);

        assert_ok!(withdraw(id));
        prune_all(id);
        assert_eq!(all_held(CREATOR), 0);
        assert_eq!(all_held(WORKER), 0);
    });
}

#[test]
fn who_cannot_pay_for_the_bytes_stores_nothing() {
    market(|| {
        set(PURSE);
        assert!(DecentralML::create_task(signed(CREATOR), terms()).is_err());
        assert_eq!(all_held(CREATOR), 0);
        assert_eq!(crate::NextTaskId::<Test>::get(), 0);
    });
}
