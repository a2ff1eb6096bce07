//! The checks of what is always true: each finds the damage that it is there to find.

use crate::{
    mock::*, Assignments, NextTaskId, OpenTasks, Results, Tasks, TasksOfOfficer, TasksOfWorker,
};
use frame_support::assert_ok;

/// A sound market with an assignment, a pending and a rejected result; then the damage.
fn damaged(damage: impl FnOnce(TaskId)) -> String {
    new_test_ext().execute_with(|| {
        let task = posted(federated(3));
        assert_ok!(accept(task, WORKER));
        assert_ok!(accept(task, OTHER));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(send(task, 1, OTHER));
        assert_ok!(reject(task, 1, OTHER));
        assert_ok!(DecentralML::do_try_state());
        damage(task);
        match DecentralML::do_try_state() {
            Err(sp_runtime::DispatchError::Other(found)) => found.to_string(),
            other => panic!("the damage was not found: {other:?}"),
        }
    })
}

fn change(task: TaskId, change: impl FnOnce(&mut crate::TaskOf<Test>)) {
    Tasks::<Test>::mutate(task, |stored| change(stored.as_mut().unwrap()));
}

fn change_result(
    task: TaskId,
    who: AccountId,
    change: impl FnOnce(&mut crate::TaskResultOf<Test>),
) {
    Results::<Test>::mutate((task, 1, who), |stored| change(stored.as_mut().unwrap()));
}

fn change_assignment(task: TaskId, change: impl FnOnce(&mut crate::AssignmentOf<Test>)) {
    Assignments::<Test>::mutate(task, WORKER, |stored| change(stored.as_mut().unwrap()));
}

#[test]
fn a_sound_market_passes() {
    market(|| {
        posted(terms());
    });
}

#[test]
fn wrong_counts_are_found() {
    let found = damaged(|task| change(task, |t| t.assigned = 1));
    assert_eq!(found, "assigned is not the count of assignments");
    let found = damaged(|task| change(task, |t| t.waiting = 1));
    assert_eq!(found, "waiting is not the count of those who wait");
    let found = damaged(|task| change(task, |t| t.unsettled = 1));
    assert_eq!(found, "unsettled is not the count of results");
    let found = damaged(|task| change(task, |t| t.terms.slots = 1));
    assert_eq!(found, "more workers than slots");
}

#[test]
fn money_that_is_lost_or_doubled_is_found() {
    let found = damaged(|task| change(task, |t| t.units += 1));
    assert_eq!(found, "a unit of the running round is lost or doubled");
    let found = damaged(|task| change(task, |t| t.owed -= 1));
    assert_eq!(found, "owed is not what may still be paid");
    let found = damaged(|task| change(task, |t| t.paid = 1));
    assert_eq!(found, "more than was locked");
    let found = damaged(|task| change(task, |t| t.deposit += 1));
    assert_eq!(found, "on hold differs from what is owed");
}

#[test]
fn a_result_paid_against_its_status_is_found() {
    let found = damaged(|task| change_result(task, WORKER, |r| r.paid = 100));
    assert_eq!(found, "what a result was paid does not fit its status");
    let found = damaged(|task| change_result(task, WORKER, |r| r.bond = 20));
    assert_eq!(found, "a bond without a dispute");
    let found = damaged(|task| change_result(task, OTHER, |r| r.reason = None));
    assert_eq!(found, "rejected without a reason");
    let found = damaged(|task| change_result(task, OTHER, |r| r.bond = 19));
    assert_eq!(found, "on hold differs from what is owed");
}

#[test]
fn an_ended_assignment_with_a_stake_is_found() {
    let found = damaged(|task| {
        change_assignment(task, |a| a.ended = true);
        change(task, |t| t.assigned = 1);
    });
    assert_eq!(found, "an ended assignment keeps a stake");
}

#[test]
fn a_round_out_of_bounds_is_found() {
    let found = damaged(|task| change(task, |t| (t.round, t.terms.rounds) = (1, 0)));
    assert_eq!(found, "a round that is none");
    let found = damaged(|task| change_assignment(task, |a| a.last_round = 2));
    assert_eq!(found, "delivered a round to come");
    let found = damaged(|task| change_assignment(task, |a| a.first_round = 2));
    assert_eq!(found, "a result that its worker did not deliver");
    let found = damaged(|_| NextTaskId::<Test>::put(0));
    assert_eq!(found, "a task has a number not given yet");
}

#[test]
fn orphans_and_parties_that_judge_are_found() {
    let found = damaged(|task| change(task, |t| t.terms.arbiter = Some(WORKER)));
    assert_eq!(found, "a judge is a party");
    let found = damaged(|task| change(task, |t| t.creator = WORKER));
    assert_eq!(found, "a creator works for itself");
    let found = damaged(Tasks::<Test>::remove);
    assert_eq!(found, "an assignment without a task");
    let found = damaged(|task| {
        Assignments::<Test>::remove(task, OTHER);
        change(task, |t| t.assigned = 1);
    });
    assert_eq!(found, "a result without an assignment");
}

#[test]
fn wrong_lists_are_found() {
    let found = damaged(|task| {
        OpenTasks::<Test>::insert(TaskKind::Contribution, newest_first(task), ());
    });
    assert_eq!(found, "the list of open tasks is wrong");
    let found = damaged(|task| TasksOfWorker::<Test>::remove(WORKER, newest_first(task)));
    assert_eq!(found, "the list of a worker's tasks is wrong");
    let found = damaged(|task| TasksOfOfficer::<Test>::remove(ARBITER, newest_first(task)));
    assert_eq!(found, "the list of an officer's tasks is wrong");
}
