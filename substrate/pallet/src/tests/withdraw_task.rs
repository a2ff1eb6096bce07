//! `withdraw_task`: the creator breaks off; what is owed stays.

use crate::mock::*;
use frame_support::{assert_noop, assert_ok};

#[test]
fn everything_goes_back_when_nobody_has_accepted() {
    market(|| {
        let task = posted(federated(3));
        told();

        assert_ok!(withdraw(task));

        assert_eq!(the(task).status, TaskStatus::Withdrawn);
        assert_eq!((the(task).owed, held(HoldReason::Reward, CREATOR)), (0, 0));
        assert_eq!(
            told(),
            vec![
                Event::TaskWithdrawn { task },
                Event::RewardFreed { task, amount: 600 }
            ]
        );
    });
}

#[test]
fn what_workers_may_still_earn_stays_on_hold() {
    market(|| {
        let task = posted(Terms {
            slots: 4,
            ..federated(3)
        }); // 1,200
        for who in [WORKER, OTHER, THIRD] {
            assert_ok!(accept(task, who));
        }
        assert_ok!(send(task, 1, WORKER)); // pending
        assert_ok!(send(task, 1, OTHER));
        assert_ok!(approve(task, 1, OTHER)); // paid

        assert_ok!(withdraw(task));

        // One pending, one that may still deliver.
        assert_eq!(
            (the(task).owed, held(HoldReason::Reward, CREATOR)),
            (200, 200)
        );
    });
}

#[test]
fn nobody_joins_and_no_round_starts_any_more() {
    new_test_ext().execute_with(|| {
        let task = posted(federated(3));
        assert_ok!(accept(task, WORKER));
        assert_ok!(withdraw(task));
        assert_noop!(accept(task, OTHER), Error::TaskNotOpen);
        assert_noop!(next_round(task), Error::TaskNotOpen);
        assert_noop!(withdraw(task), Error::TaskNotOpen);
    });
}

#[test]
fn a_rejection_settled_afterwards_frees_its_reward() {
    market(|| {
        let task = posted(terms());
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(reject(task, 1, WORKER));
        assert_ok!(withdraw(task));
        assert_eq!(the(task).owed, 100);
        at(31);
        assert_ok!(claim(task, 1, WORKER));
        assert_eq!((the(task).owed, held(HoldReason::Reward, CREATOR)), (0, 0));
    });
}

#[test]
fn a_result_delivered_afterwards_ends_its_assignment_when_settled() {
    market(|| {
        let task = posted(federated(3));
        assert_ok!(accept(task, WORKER));
        assert_ok!(withdraw(task));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(approve(task, 1, WORKER));
        assert!(assignment(task, WORKER).ended);
        assert_eq!(free(WORKER), 10_000 - 10 - 7 + 100);
    });
}

#[test]
fn a_completed_task_is_not_withdrawn() {
    new_test_ext().execute_with(|| {
        let task = posted(Terms {
            slots: 1,
            ..unchecked()
        });
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        assert_noop!(withdraw(task), Error::TaskNotOpen);
    });
}

#[test]
fn only_the_creator_withdraws() {
    new_test_ext().execute_with(|| {
        let task = posted(terms());
        let call = DecentralML::withdraw_task(signed(STRANGER), task);
        assert_noop!(call, Error::NotCreator);
        assert_noop!(withdraw(task + 1), Error::UnknownTask);
    });
}

#[test]
fn anyone_withdraws_a_task_that_nobody_touched_for_long() {
    // Accepted in block 1, so the round was over in 11, but until 21 others could have joined.
    for (block, idle) in [(520, false), (521, true), (522, true)] {
        market(|| {
            let task = posted(federated(2));
            assert_ok!(accept(task, WORKER));
            assert_ok!(send(task, 1, WORKER));
            assert_ok!(approve(task, 1, WORKER));
            at(block);
            let call = DecentralML::withdraw_task(signed(STRANGER), task);
            if idle {
                assert_ok!(call);
            } else {
                assert_eq!(call, Err(Error::NotCreator.into()));
            }
        });
    }
}

#[test]
fn a_task_is_not_idle_while_a_long_round_may_be_running() {
    for (block, idle) in [(1_500, false), (1_501, true)] {
        market(|| {
            let mut long = federated(2);
            long.schedule.round_time = MAX_SPAN;
            let task = posted(long); // in block 1
            at(block);
            let call = DecentralML::withdraw_task(signed(STRANGER), task);
            assert_eq!(call.is_ok(), idle);
        });
    }
}

#[test]
fn a_withdrawn_idle_task_gives_everybody_their_money_back() {
    market(|| {
        let task = posted(federated(2));
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(approve(task, 1, WORKER));
        at(521);
        assert_ok!(DecentralML::withdraw_task(signed(STRANGER), task));
        prune_all(task);
        assert_eq!((free(WORKER), all_held(WORKER)), (10_100, 0));
        assert_eq!((free(CREATOR), all_held(CREATOR)), (9_900, 0));
    });
}
