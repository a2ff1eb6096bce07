//! `claim_result`: anyone asks for what time has decided.

use crate::mock::*;
use frame_support::{assert_noop, assert_ok};

/// A task whose worker delivered in the first block; to validate before block 21.
fn delivered(terms: Terms) -> TaskId {
    let task = posted(terms);
    assert_ok!(accept(task, WORKER));
    assert_ok!(send(task, 1, WORKER));
    told();
    task
}

/// The same, rejected in the first block; to dispute before block 31.
fn rejected(terms: Terms) -> TaskId {
    let task = delivered(terms);
    assert_ok!(reject(task, 1, WORKER));
    told();
    task
}

/// The same, disputed in the first block; to rule before block 51.
fn disputed(terms: Terms) -> TaskId {
    let task = rejected(terms);
    assert_ok!(dispute(task, 1, WORKER));
    told();
    task
}

#[test]
fn a_silent_validator_has_accepted() {
    market(|| {
        let task = delivered(terms());
        at(21);

        assert_ok!(claim(task, 1, WORKER));

        assert_eq!(result(task, 1, WORKER).status, ResultStatus::Accepted);
        assert_eq!(free(WORKER), 10_000 - 10 - 7 + 100);
        assert_eq!((free(STRANGER), reputation(WORKER).accepted), (10_000, 1));
        assert_eq!(
            told()[0],
            Event::TaskResultAccepted {
                task,
                round: 1,
                worker: WORKER,
                paid: 100
            }
        );
    });
}

#[test]
fn silence_is_claimed_from_the_deadline_on() {
    market(|| {
        let task = delivered(terms());
        at(20);
        assert_noop!(claim(task, 1, WORKER), Error::TooEarly);
        at(21);
        assert_ok!(claim(task, 1, WORKER));
    });
    market(|| {
        let task = delivered(terms());
        at(22);
        assert_ok!(claim(task, 1, WORKER));
    });
}

#[test]
fn a_rejection_that_nobody_disputes_is_final() {
    market(|| {
        let mut long = terms();
        long.schedule.accept_before = 500;
        let task = rejected(long);
        at(31);

        assert_ok!(claim(task, 1, WORKER));

        let settled = result(task, 1, WORKER);
        assert_eq!(
            (settled.status, settled.deadline),
            (ResultStatus::Rejected, None)
        );
        assert_eq!((settled.paid, settled.bond), (0, 0));
        assert_eq!(free(WORKER), 10_000 - 10 - 7); // the stake is back: it did deliver
        assert_eq!(held(HoldReason::DisputeDeposit, CREATOR), 0);
        assert_eq!(
            reputation(WORKER),
            Reputation {
                rejected: 1,
                ..Default::default()
            }
        );
        assert_eq!(
            told(),
            vec![Event::RejectionSettled {
                task,
                round: 1,
                worker: WORKER
            }]
        );
    });
}

#[test]
fn a_final_rejection_opens_the_slot_again_while_the_task_can_be_accepted() {
    market(|| {
        let mut long = terms();
        long.schedule.accept_before = 32;
        let task = rejected(Terms { slots: 1, ..long });
        at(31);
        assert_ok!(claim(task, 1, WORKER));
        assert_eq!((the(task).owed, the(task).units), (100, 1));
        assert_ok!(accept(task, OTHER));
    });
}

#[test]
fn a_final_rejection_ends_the_task_when_nobody_can_join_any_more() {
    market(|| {
        let mut long = terms();
        long.schedule.accept_before = 31;
        let task = rejected(Terms { slots: 1, ..long });
        at(31);

        assert_ok!(claim(task, 1, WORKER));

        assert_eq!(the(task).status, TaskStatus::Completed);
        assert_eq!(held(HoldReason::Reward, CREATOR), 0);
        assert_eq!(
            told()[1..],
            [
                Event::RewardFreed { task, amount: 100 },
                Event::TaskCompleted { task }
            ]
        );
    });
}

#[test]
fn a_rejection_is_settled_from_its_deadline_on() {
    market(|| {
        let task = rejected(terms());
        at(30);
        assert_noop!(claim(task, 1, WORKER), Error::TooEarly);
        at(31);
        assert_ok!(claim(task, 1, WORKER));
    });
    market(|| {
        let task = rejected(terms());
        at(32);
        assert_ok!(claim(task, 1, WORKER));
    });
}

#[test]
fn a_silent_arbiter_halves_the_reward_and_both_deposits_go_back() {
    market(|| {
        let task = disputed(terms());
        at(51);

        assert_ok!(claim(task, 1, WORKER));

        assert_eq!(result(task, 1, WORKER).paid, 50);
        assert_eq!(result(task, 1, WORKER).status, ResultStatus::Disputed);
        assert_eq!(result(task, 1, WORKER).deadline, None);
        assert_eq!(free(WORKER), 10_000 - 10 - 7 + 50);
        assert_eq!(held(HoldReason::DisputeDeposit, WORKER), 0);
        assert_eq!(held(HoldReason::DisputeDeposit, CREATOR), 0);
        // The task ends with it, since the time to accept is over.
        assert_eq!(free(CREATOR), 10_000 - 100 - 50);
        assert_eq!(
            told()[..2],
            [
                Event::DisputeResolved {
                    task,
                    round: 1,
                    worker: WORKER,
                    outcome: Outcome::Expired,
                    paid: 50
                },
                Event::RewardFreed { task, amount: 50 },
            ]
        );
    });
}

#[test]
fn the_odd_unit_of_a_halved_reward_is_the_workers() {
    for (reward, paid) in [(101, 51), (1, 1), (2, 1), (3, 2)] {
        market(|| {
            let task = disputed(Terms {
                reward,
                slots: 1,
                stake: 0,
                ..terms()
            });
            at(51);
            assert_ok!(claim(task, 1, WORKER));
            assert_eq!(free(WORKER), 10_000 - 10 - 7 + paid);
            assert_eq!(free(CREATOR), 10_000 - 100 - paid);
        });
    }
}

#[test]
fn a_halved_reward_counts_as_neither_won_nor_lost() {
    market(|| {
        let task = disputed(terms());
        at(51);
        assert_ok!(claim(task, 1, WORKER));
        assert_eq!(
            reputation(WORKER),
            Reputation {
                earned: 50,
                ..Default::default()
            }
        );
        assert_eq!(reputation(CREATOR), Reputation::default());
    });
}

#[test]
fn a_halved_reward_uses_its_slot_up() {
    market(|| {
        let mut long = terms();
        long.schedule.accept_before = 500;
        let task = disputed(Terms { slots: 1, ..long });
        at(51);
        assert_ok!(claim(task, 1, WORKER));
        assert_eq!(the(task).status, TaskStatus::Completed);
    });
}

#[test]
fn a_dispute_is_closed_from_the_arbiters_deadline_on() {
    market(|| {
        let task = disputed(terms());
        at(50);
        assert_noop!(claim(task, 1, WORKER), Error::TooEarly);
        at(51);
        assert_ok!(claim(task, 1, WORKER));
    });
    market(|| {
        let task = disputed(terms());
        at(52);
        assert_ok!(claim(task, 1, WORKER));
    });
}

#[test]
fn nothing_is_claimed_twice() {
    market(|| {
        for (task, block) in [(delivered(terms()), 21), (rejected(terms()), 31)] {
            at(block);
            assert_ok!(claim(task, 1, WORKER));
            assert_noop!(claim(task, 1, WORKER), Error::NothingToClaim);
            at(START);
        }
        let task = disputed(terms());
        at(51);
        assert_ok!(claim(task, 1, WORKER));
        assert_noop!(claim(task, 1, WORKER), Error::NothingToClaim);
    });
}

#[test]
fn what_was_validated_in_time_has_nothing_to_claim() {
    market(|| {
        let task = delivered(terms());
        assert_ok!(approve(task, 1, WORKER));
        at(100);
        assert_noop!(claim(task, 1, WORKER), Error::NothingToClaim);
    });
}

#[test]
fn what_was_not_sent_cannot_be_claimed() {
    new_test_ext().execute_with(|| {
        let task = delivered(terms());
        assert_noop!(claim(task + 1, 1, WORKER), Error::UnknownTask);
        assert_noop!(claim(task, 1, OTHER), Error::UnknownResult);
        assert_noop!(claim(task, 2, WORKER), Error::UnknownResult);
    });
}
