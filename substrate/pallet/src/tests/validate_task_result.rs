//! `validate_task_result`: the validator pays, or refuses with a reason.

use crate::mock::*;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;

/// A task whose worker delivered in the first block; to validate before block 21.
fn delivered(terms: Terms) -> TaskId {
    let task = posted(terms);
    assert_ok!(accept(task, WORKER));
    assert_ok!(send(task, 1, WORKER));
    told();
    task
}

#[test]
fn accepting_pays_the_worker_from_what_is_on_hold() {
    market(|| {
        let task = delivered(terms());

        assert_ok!(approve(task, 1, WORKER));

        assert_eq!(held(HoldReason::Reward, CREATOR), 100); // for the other slot
        assert_eq!(free(WORKER), 10_000 - 10 - 7 + 100); // the stake of 40 is back
        let paid = result(task, 1, WORKER);
        assert_eq!((paid.status, paid.paid), (ResultStatus::Accepted, 100));
        assert_eq!(paid.deadline, None);
        assert_eq!((the(task).paid, the(task).owed), (100, 100));
        assert_eq!(
            told(),
            vec![Event::TaskResultAccepted {
                task,
                round: 1,
                worker: WORKER,
                paid: 100
            }]
        );
    });
}

#[test]
fn accepting_counts_for_the_worker() {
    market(|| {
        let task = delivered(terms());
        assert_ok!(approve(task, 1, WORKER));
        let expected = Reputation {
            accepted: 1,
            earned: 100,
            ..Default::default()
        };
        assert_eq!(reputation(WORKER), expected);
    });
}

#[test]
fn in_a_round_that_is_not_the_last_the_worker_stays_with_its_stake() {
    market(|| {
        let task = delivered(federated(2));
        assert_ok!(approve(task, 1, WORKER));
        assert!(!assignment(task, WORKER).ended);
        assert_eq!(held(HoldReason::Stake, WORKER), 40);
    });
}

#[test]
fn rejecting_leaves_the_reward_on_hold_until_the_dispute_time_is_over() {
    market(|| {
        let task = delivered(terms());
        at(3);

        assert_ok!(reject(task, 1, WORKER));

        assert_eq!(held(HoldReason::Reward, CREATOR), 200);
        let rejected = result(task, 1, WORKER);
        assert_eq!(
            (rejected.status, rejected.paid),
            (ResultStatus::Rejected, 0)
        );
        assert_eq!((rejected.deadline, rejected.bond), (Some(33), 20));
        assert_eq!(rejected.reason, Some(reason("noise")));
        assert_eq!(
            told(),
            vec![Event::TaskResultRejected {
                task,
                round: 1,
                worker: WORKER,
                reason: reason("noise")
            }]
        );
    });
}

#[test]
fn rejecting_costs_a_deposit_until_it_is_final() {
    market(|| {
        let task = delivered(terms());
        assert_ok!(reject(task, 1, WORKER));
        assert_eq!(held(HoldReason::DisputeDeposit, CREATOR), 20);
        assert_eq!(reputation(WORKER), Reputation::default()); // not final: counts for nothing
    });
}

#[test]
fn who_cannot_put_up_the_deposit_cannot_reject_but_can_accept() {
    market(|| {
        let task = delivered(terms());
        // On hold are 200 and 100; 20 and 5 are needed.
        assert_ok!(Balances::transfer_allow_death(
            signed(CREATOR),
            STRANGER,
            9_700 - 24
        ));
        assert_noop!(reject(task, 1, WORKER), TokenError::FundsUnavailable);
        assert_ok!(approve(task, 1, WORKER));
    });
}

#[test]
fn a_rejection_has_a_reason() {
    new_test_ext().execute_with(|| {
        let task = delivered(terms());
        let verdict = Verdict::Reject(reason(""));
        let call = DecentralML::validate_task_result(signed(CREATOR), task, 1, WORKER, verdict);
        assert_noop!(call, Error::ReasonRequired);
    });
}

#[test]
fn validating_ends_in_the_block_of_the_deadline() {
    for (block, in_time) in [(20, true), (21, false), (22, false)] {
        for verdict in [Verdict::Accept, Verdict::Reject(reason("noise"))] {
            market(|| {
                let task = delivered(terms()); // in block 1, for 20 blocks
                at(block);
                let call =
                    DecentralML::validate_task_result(signed(CREATOR), task, 1, WORKER, verdict);
                if in_time {
                    assert_ok!(call);
                } else {
                    assert_eq!(call, Err(Error::ValidateTimeOver.into()));
                }
            });
        }
    }
}

#[test]
fn nobody_but_the_creator_validates_a_manual_task() {
    new_test_ext().execute_with(|| {
        let task = delivered(terms());
        for who in [WORKER, OTHER, ARBITER, STRANGER] {
            let call =
                DecentralML::validate_task_result(signed(who), task, 1, WORKER, Verdict::Accept);
            assert_noop!(call, Error::NotValidator);
        }
    });
}

#[test]
fn a_delegated_validator_decides_and_the_creator_does_not() {
    market(|| {
        let task = delivered(Terms {
            policy: Policy::Delegated(VALIDATOR),
            ..terms()
        });
        assert_noop!(approve(task, 1, WORKER), Error::NotValidator);
        assert_noop!(reject(task, 1, WORKER), Error::NotValidator);

        assert_ok!(DecentralML::validate_task_result(
            signed(VALIDATOR),
            task,
            1,
            WORKER,
            Verdict::Reject(reason("noise"))
        ));

        assert_eq!(held(HoldReason::DisputeDeposit, VALIDATOR), 20);
        assert_eq!(held(HoldReason::DisputeDeposit, CREATOR), 0);
    });
}

#[test]
fn a_delegated_validator_spends_the_creators_money_not_its_own() {
    market(|| {
        let task = delivered(Terms {
            policy: Policy::Delegated(VALIDATOR),
            ..terms()
        });
        let validator = signed(VALIDATOR);
        assert_ok!(DecentralML::validate_task_result(
            validator,
            task,
            1,
            WORKER,
            Verdict::Accept
        ));
        assert_eq!(free(VALIDATOR), 10_000);
        assert_eq!(held(HoldReason::Reward, CREATOR), 100);
    });
}

#[test]
fn work_that_pays_itself_has_no_validator() {
    new_test_ext().execute_with(|| {
        let task = delivered(unchecked());
        assert_noop!(approve(task, 1, WORKER), Error::NotValidator);
    });
}

#[test]
fn a_result_is_decided_once() {
    market(|| {
        let task = delivered(terms());
        assert_ok!(approve(task, 1, WORKER));
        assert_noop!(approve(task, 1, WORKER), Error::NotPending);
        assert_noop!(reject(task, 1, WORKER), Error::NotPending);
    });
    market(|| {
        let task = delivered(terms());
        assert_ok!(reject(task, 1, WORKER));
        assert_noop!(approve(task, 1, WORKER), Error::NotPending);
        assert_noop!(reject(task, 1, WORKER), Error::NotPending);
    });
}

#[test]
fn what_was_not_sent_cannot_be_validated() {
    new_test_ext().execute_with(|| {
        let task = delivered(terms());
        assert_noop!(approve(task + 1, 1, WORKER), Error::UnknownTask);
        assert_noop!(approve(task, 2, WORKER), Error::UnknownResult);
        assert_noop!(approve(task, 1, OTHER), Error::UnknownResult);
    });
}

#[test]
fn a_worker_who_left_after_delivering_is_paid() {
    market(|| {
        let task = delivered(terms());
        assert_ok!(leave(task, WORKER));
        assert_ok!(approve(task, 1, WORKER));
        assert_eq!(free(WORKER), 10_000 - 10 - 7 + 100);
    });
}
