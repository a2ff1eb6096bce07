//! `dispute_result`: a worker calls the arbiter about a rejection.

use crate::mock::*;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;

/// A task whose worker's result was rejected in the first block; to dispute before block 31.
fn rejected(terms: Terms) -> TaskId {
    let task = posted(terms);
    assert_ok!(accept(task, WORKER));
    assert_ok!(send(task, 1, WORKER));
    assert_ok!(reject(task, 1, WORKER));
    told();
    task
}

#[test]
fn both_sides_have_the_same_deposit_on_hold() {
    market(|| {
        let task = rejected(terms());
        at(4);

        assert_ok!(dispute(task, 1, WORKER));

        assert_eq!(held(HoldReason::DisputeDeposit, WORKER), 20);
        assert_eq!(held(HoldReason::DisputeDeposit, CREATOR), 20);
        let disputed = result(task, 1, WORKER);
        assert_eq!(
            (disputed.status, disputed.deadline),
            (ResultStatus::Disputed, Some(54))
        );
        assert_eq!(held(HoldReason::Reward, CREATOR), 200);
        assert_eq!(
            told(),
            vec![Event::TaskResultDisputed {
                task,
                round: 1,
                worker: WORKER
            }]
        );
    });
}

#[test]
fn disputing_ends_in_the_block_of_the_deadline() {
    for (block, in_time) in [(30, true), (31, false), (32, false)] {
        market(|| {
            let task = rejected(terms());
            at(block);
            if in_time {
                assert_ok!(dispute(task, 1, WORKER));
            } else {
                assert_noop!(dispute(task, 1, WORKER), Error::DisputeTimeOver);
            }
        });
    }
}

#[test]
fn only_a_rejection_that_is_not_final_is_disputed() {
    market(|| {
        let task = posted(terms());
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        assert_noop!(dispute(task, 1, WORKER), Error::NotRejected); // pending
        assert_ok!(approve(task, 1, WORKER));
        assert_noop!(dispute(task, 1, WORKER), Error::NotRejected); // accepted

        let task = rejected(terms());
        assert_ok!(dispute(task, 1, WORKER));
        assert_noop!(dispute(task, 1, WORKER), Error::NotRejected); // disputed

        let task = rejected(terms());
        at(31);
        assert_ok!(claim(task, 1, WORKER));
        assert_noop!(dispute(task, 1, WORKER), Error::NotRejected); // settled
    });
}

#[test]
fn only_the_worker_disputes_and_only_its_own_result() {
    new_test_ext().execute_with(|| {
        let task = rejected(terms());
        assert_noop!(dispute(task, 1, OTHER), Error::UnknownResult);
        assert_noop!(dispute(task, 2, WORKER), Error::UnknownResult);
        assert_noop!(dispute(task + 1, 1, WORKER), Error::UnknownTask);
    });
}

#[test]
fn who_cannot_put_up_the_deposit_cannot_dispute() {
    new_test_ext().execute_with(|| {
        let task = rejected(terms());
        // On hold are 57; 20 and 5 are needed.
        assert_ok!(Balances::transfer_allow_death(
            signed(WORKER),
            STRANGER,
            9_943 - 24
        ));
        assert_noop!(dispute(task, 1, WORKER), TokenError::FundsUnavailable);
    });
}

#[test]
fn a_worker_who_left_can_still_dispute() {
    market(|| {
        let task = rejected(terms());
        assert_ok!(leave(task, WORKER));
        assert_ok!(dispute(task, 1, WORKER));
    });
}

#[test]
fn a_dispute_outlives_the_withdrawal_of_the_task() {
    market(|| {
        let task = rejected(terms());
        assert_ok!(withdraw(task));
        assert_ok!(dispute(task, 1, WORKER));
        assert_ok!(rule(task, 1, WORKER, Ruling::Worker));
        assert_eq!(result(task, 1, WORKER).paid, 100);
    });
}
