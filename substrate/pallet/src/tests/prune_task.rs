//! `prune_task`: a finished task is removed bit by bit, and deposits go back.

use crate::{mock::*, Assignments, Results, Tasks, TasksOfWorker};
use frame_support::{assert_noop, assert_ok};

fn prune(task: TaskId, limit: u32) -> frame_support::dispatch::DispatchResultWithPostInfo {
    DecentralML::prune_task(signed(STRANGER), task, limit)
}

/// A completed task with two results and two assignments.
fn completed() -> TaskId {
    let task = posted(unchecked());
    for who in [WORKER, OTHER] {
        assert_ok!(accept(task, who));
        assert_ok!(send(task, 1, who));
    }
    told();
    task
}

#[test]
fn every_deposit_goes_back_to_who_paid_it() {
    market(|| {
        let task = completed();

        assert_ok!(prune(task, 4));

        assert_eq!((free(CREATOR), all_held(CREATOR)), (9_800, 0));
        assert_eq!((free(WORKER), all_held(WORKER)), (10_100, 0));
        assert_eq!((free(OTHER), all_held(OTHER)), (10_100, 0));
        assert_eq!(free(STRANGER), 10_000);
        assert_eq!(
            told(),
            vec![Event::TaskPruned {
                task,
                items: 4,
                done: true
            }]
        );
    });
}

#[test]
fn nothing_of_the_task_is_left_but_reputation() {
    market(|| {
        let task = completed();
        assert_ok!(prune(task, 4));
        assert!(!Tasks::<Test>::contains_key(task));
        assert_eq!(Assignments::<Test>::iter().count(), 0);
        assert_eq!(Results::<Test>::iter().count(), 0);
        assert_eq!(TasksOfWorker::<Test>::iter().count(), 0);
        assert_eq!(reputation(WORKER).accepted, 1);
    });
}

#[test]
fn one_call_removes_no_more_than_its_limit() {
    market(|| {
        let task = completed();
        assert_ok!(prune(task, 1)); // a result
        assert_eq!(
            told(),
            vec![Event::TaskPruned {
                task,
                items: 1,
                done: false
            }]
        );
        assert_eq!(Results::<Test>::iter().count(), 1);
        assert_ok!(prune(task, 2)); // a result and an assignment
        assert_eq!(
            told(),
            vec![Event::TaskPruned {
                task,
                items: 2,
                done: false
            }]
        );
        assert_eq!(held(HoldReason::TaskDeposit, CREATOR), 100);
        assert_ok!(prune(task, 2)); // the last assignment
        assert_eq!(
            told(),
            vec![Event::TaskPruned {
                task,
                items: 1,
                done: true
            }]
        );
    });
}

#[test]
fn a_limit_above_the_largest_is_cut() {
    market(|| {
        let task = posted(Terms {
            slots: 3,
            ..unchecked()
        });
        for who in [WORKER, OTHER, THIRD] {
            assert_ok!(accept(task, who));
            assert_ok!(send(task, 1, who));
        }
        told();
        assert_ok!(prune(task, u32::MAX)); // at most 4 of 6
        assert_eq!(
            told(),
            vec![Event::TaskPruned {
                task,
                items: 4,
                done: false
            }]
        );
    });
}

#[test]
fn a_limit_of_nothing_removes_a_task_without_items() {
    market(|| {
        let task = posted(terms());
        assert_ok!(withdraw(task));
        assert_ok!(prune(task, 0));
        assert!(!Tasks::<Test>::contains_key(task));
    });
    market(|| {
        let task = completed();
        assert_ok!(prune(task, 0));
        assert!(Tasks::<Test>::contains_key(task));
    });
}

#[test]
fn pruning_pays_for_what_it_removed_only() {
    use crate::weights::WeightInfo;
    market(|| {
        let task = completed();
        let spent = prune(task, 4).unwrap().actual_weight;
        assert_eq!(
            spent,
            Some(<Test as crate::Config>::WeightInfo::prune_task(4))
        );
        let task = posted(terms());
        assert_ok!(withdraw(task));
        let spent = prune(task, 4).unwrap().actual_weight;
        assert_eq!(
            spent,
            Some(<Test as crate::Config>::WeightInfo::prune_task(0))
        );
    });
}

#[test]
fn a_task_that_goes_on_is_not_pruned() {
    new_test_ext().execute_with(|| {
        let task = posted(terms());
        assert_noop!(prune(task, 4), Error::TaskNotFinished);
        assert_noop!(prune(task + 1, 4), Error::UnknownTask);
    });
}

#[test]
fn a_task_that_still_owes_is_not_pruned() {
    market(|| {
        let task = posted(terms());
        assert_ok!(accept(task, WORKER));
        assert_ok!(withdraw(task));
        assert_noop!(prune(task, 4), Error::StillOwed); // may deliver
        assert_ok!(send(task, 1, WORKER));
        assert_noop!(prune(task, 4), Error::StillOwed); // pending
        assert_ok!(reject(task, 1, WORKER));
        assert_noop!(prune(task, 4), Error::StillOwed); // may be disputed
        assert_ok!(dispute(task, 1, WORKER));
        assert_noop!(prune(task, 4), Error::StillOwed); // is disputed
        assert_ok!(rule(task, 1, WORKER, Ruling::Validator));
        assert_ok!(prune(task, 4));
    });
}

#[test]
fn a_task_that_nobody_accepted_in_time_is_completed_by_pruning() {
    market(|| {
        let task = posted(terms());
        at(20);
        assert_noop!(prune(task, 4), Error::TaskNotFinished);
        at(21); // accept_before
        told();
        assert_ok!(prune(task, 4));
        assert_eq!(
            told(),
            vec![
                Event::RewardFreed { task, amount: 200 },
                Event::TaskCompleted { task },
                Event::TaskPruned {
                    task,
                    items: 0,
                    done: true
                },
            ]
        );
        assert_eq!((free(CREATOR), all_held(CREATOR)), (10_000, 0));
    });
}

#[test]
fn a_task_completed_by_pruning_with_items_left_is_not_listed_as_open() {
    market(|| {
        let task = posted(terms());
        assert_ok!(accept(task, WORKER));
        assert_ok!(leave(task, WORKER));
        at(21);
        assert_ok!(prune(task, 0));
        assert_eq!(the(task).status, TaskStatus::Completed);
        assert_eq!(DecentralML::open_tasks(None, None, 10), vec![]);
        assert_ok!(prune(task, 1));
    });
}

#[test]
fn workers_of_a_withdrawn_task_get_their_stakes_back_by_pruning() {
    market(|| {
        let task = posted(federated(2));
        for who in [WORKER, OTHER] {
            assert_ok!(accept(task, who));
            assert_ok!(send(task, 1, who));
            assert_ok!(approve(task, 1, who));
        }
        assert_ok!(withdraw(task));
        assert_eq!(held(HoldReason::Stake, WORKER), 40);

        assert_ok!(prune(task, 3)); // two results and one worker
        assert_eq!(the(task).assigned, 1);
        assert_ok!(prune(task, 4));

        assert_eq!((free(WORKER), all_held(WORKER)), (10_100, 0));
        assert_eq!((free(OTHER), all_held(OTHER)), (10_100, 0));
    });
}
