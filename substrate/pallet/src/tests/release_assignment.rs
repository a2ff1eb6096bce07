//! `release_assignment`: a worker leaves, or is removed for missing its round.

use crate::mock::*;
use frame_support::{assert_noop, assert_ok};

/// A task that the worker accepted in the first block: half of its round is over in block 6, the
/// whole in block 11.
fn accepted(terms: Terms) -> TaskId {
    let task = posted(terms);
    assert_ok!(accept(task, WORKER));
    told();
    task
}

#[test]
fn leaving_in_the_first_half_of_a_round_is_free() {
    market(|| {
        let task = accepted(terms());
        at(5);

        assert_ok!(leave(task, WORKER));

        assert_eq!(free(WORKER), 10_000 - 10); // the deposit stays until the task is pruned
        assert_eq!(free(CREATOR), 10_000 - 100 - 200);
        assert_eq!(reputation(WORKER), Reputation::default());
        assert_eq!(
            told(),
            vec![Event::AssignmentReleased {
                task,
                worker: WORKER,
                forfeited: 0
            }]
        );
    });
}

#[test]
fn leaving_in_the_second_half_forfeits_the_stake_to_the_creator() {
    market(|| {
        let task = accepted(terms());
        at(6);

        assert_ok!(leave(task, WORKER));

        assert_eq!(free(WORKER), 10_000 - 10 - 40);
        assert_eq!(free(CREATOR), 10_000 - 100 - 200 + 40);
        assert_eq!(reputation(WORKER).expired, 0); // it said so in time
        assert_eq!(
            told(),
            vec![Event::AssignmentReleased {
                task,
                worker: WORKER,
                forfeited: 40
            }]
        );
    });
}

#[test]
fn half_of_an_odd_round_is_rounded_for_the_worker() {
    for (round_time, block, forfeited) in [(10, 5, 0), (10, 6, 40), (11, 6, 0), (11, 7, 40)] {
        market(|| {
            let mut terms = terms();
            terms.schedule.round_time = round_time;
            let task = accepted(terms);
            at(block);
            assert_ok!(leave(task, WORKER));
            assert_eq!(free(WORKER), 10_000 - 10 - forfeited);
        });
    }
}

#[test]
fn one_round_of_several_forfeits_its_part_and_the_remainder_stays_the_workers() {
    market(|| {
        let task = accepted(Terms {
            stake: 41,
            ..federated(3)
        });
        at(6);

        assert_ok!(leave(task, WORKER));

        assert_eq!(free(WORKER), 10_000 - 10 - 13); // 41 ÷ 3 = 13, remainder 2
        assert_eq!(held(HoldReason::Stake, WORKER), 0);
        assert_eq!(free(CREATOR), 10_000 - 100 - 600 + 13);
    });
}

#[test]
fn anyone_removes_a_worker_from_the_end_of_its_round_on() {
    for (block, missed) in [(10, false), (11, true), (12, true)] {
        market(|| {
            let task = accepted(terms());
            at(block);
            if missed {
                assert_ok!(evict(task, WORKER));
                assert_eq!(free(WORKER), 10_000 - 10 - 40);
                assert_eq!(free(CREATOR), 10_000 - 100 - 200 + 40);
                assert_eq!((free(STRANGER), reputation(WORKER).expired), (10_000, 1));
            } else {
                assert_noop!(evict(task, WORKER), Error::TooEarly);
            }
        });
    }
}

#[test]
fn a_worker_who_reports_its_own_miss_pays_as_well() {
    market(|| {
        let task = accepted(terms());
        at(11);
        assert_ok!(leave(task, WORKER));
        assert_eq!(free(WORKER), 10_000 - 10 - 40);
        assert_eq!(reputation(WORKER).expired, 1);
    });
}

#[test]
fn the_slot_opens_again_with_its_money() {
    market(|| {
        let task = accepted(Terms {
            slots: 1,
            ..terms()
        });
        at(11);
        assert_ok!(evict(task, WORKER));

        let stored = the(task);
        assert_eq!((stored.assigned, stored.waiting, stored.units), (0, 0, 1));
        assert_eq!(stored.owed, 100);
        assert_ok!(accept(task, OTHER));
    });
}

#[test]
fn who_has_delivered_the_running_round_leaves_for_free() {
    market(|| {
        let task = accepted(federated(3));
        assert_ok!(send(task, 1, WORKER));
        at(500);

        assert_ok!(leave(task, WORKER));

        assert_eq!(free(WORKER), 10_000 - 10 - 7);
        assert_eq!(reputation(WORKER).expired, 0);
    });
}

#[test]
fn who_waits_for_the_next_round_is_not_removed_and_leaves_for_free() {
    market(|| {
        let task = posted(Terms {
            slots: 1,
            ..federated(2)
        });
        assert_ok!(accept(task, OTHER));
        assert_ok!(send(task, 1, OTHER));
        assert_ok!(leave(task, OTHER));
        assert_ok!(accept(task, WORKER)); // from round 2 on
        at(500);

        assert_noop!(evict(task, WORKER), Error::TooEarly);
        assert_ok!(leave(task, WORKER));

        assert_eq!(free(WORKER), 10_000 - 10);
    });
}

#[test]
fn who_has_delivered_cannot_be_removed_while_the_task_goes_on() {
    market(|| {
        let task = accepted(federated(2));
        assert_ok!(send(task, 1, WORKER));
        at(500);
        assert_noop!(evict(task, WORKER), Error::TooEarly);
    });
}

#[test]
fn the_second_round_counts_from_its_own_start() {
    market(|| {
        let task = accepted(federated(2));
        assert_ok!(send(task, 1, WORKER));
        at(100);
        assert_ok!(next_round(task)); // half over in 105, over in 110
        at(109);
        assert_noop!(evict(task, WORKER), Error::TooEarly);
        at(110);
        assert_ok!(evict(task, WORKER));
        assert_eq!(free(WORKER), 10_000 - 10 - 7 - 20); // 40 ÷ 2
    });
}

#[test]
fn a_withdrawn_task_punishes_nobody() {
    market(|| {
        let task = accepted(terms());
        assert_ok!(accept(task, OTHER));
        assert_ok!(withdraw(task));
        at(8);
        assert_ok!(leave(task, WORKER)); // second half
        at(10);
        assert_noop!(evict(task, OTHER), Error::TooEarly); // may still deliver
        at(11);
        assert_ok!(evict(task, OTHER));

        for who in [WORKER, OTHER] {
            assert_eq!(free(who), 10_000 - 10);
            assert_eq!(reputation(who).expired, 0);
        }
        assert_eq!((the(task).owed, free(CREATOR)), (0, 10_000 - 100));
    });
}

#[test]
fn who_has_nothing_to_deliver_in_a_withdrawn_task_is_released_by_anyone() {
    market(|| {
        let task = accepted(federated(2));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(approve(task, 1, WORKER));
        assert_ok!(withdraw(task));

        assert_ok!(evict(task, WORKER));

        assert_eq!(held(HoldReason::Stake, WORKER), 0);
    });
}

#[test]
fn the_last_missed_round_completes_the_task_once_nobody_can_join() {
    market(|| {
        let task = accepted(Terms {
            slots: 1,
            ..terms()
        });
        at(21); // accept_before
        told();

        assert_ok!(evict(task, WORKER));

        assert_eq!(the(task).status, TaskStatus::Completed);
        assert_eq!(held(HoldReason::Reward, CREATOR), 0);
        assert_eq!(
            told(),
            vec![
                Event::AssignmentReleased {
                    task,
                    worker: WORKER,
                    forfeited: 40
                },
                Event::RewardFreed { task, amount: 100 },
                Event::TaskCompleted { task },
            ]
        );
    });
}

#[test]
fn an_assignment_ends_once() {
    market(|| {
        let task = accepted(terms());
        assert_ok!(leave(task, WORKER));
        assert_noop!(leave(task, WORKER), Error::AssignmentEnded);
        assert_noop!(evict(task, WORKER), Error::AssignmentEnded);
    });
}

#[test]
fn only_an_assignment_is_released() {
    new_test_ext().execute_with(|| {
        let task = accepted(terms());
        assert_noop!(leave(task, OTHER), Error::UnknownAssignment);
        assert_noop!(leave(task + 1, WORKER), Error::UnknownTask);
    });
}

#[test]
fn a_stake_on_hold_is_forfeited_even_when_frozen() {
    use frame_support::traits::{LockableCurrency, WithdrawReasons};
    market(|| {
        let task = accepted(terms());
        Balances::set_lock(*b"frozen__", &WORKER, 10_000, WithdrawReasons::all());
        at(11);
        assert_ok!(evict(task, WORKER));
        assert_eq!(free(CREATOR), 10_000 - 100 - 200 + 40);
    });
}
