//! Pages of open tasks, assignments and results.

use crate::mock::*;
use frame_support::assert_ok;
use std::collections::BTreeSet;

const NONE: [TaskId; 0] = [];

fn ids(kind: Option<TaskKind>, start: Option<TaskId>, limit: u32) -> Vec<TaskId> {
    DecentralML::open_tasks(kind, start, limit)
        .into_iter()
        .map(|(id, _)| id)
        .collect()
}

fn of_kind(kind: TaskKind) -> Terms {
    Terms {
        kind,
        reward: 1,
        slots: 1,
        stake: 0,
        ..terms()
    }
}

#[test]
fn open_tasks_come_newest_first_and_by_kind() {
    market(|| {
        let image = TaskKind::Annotation(Media::Image);
        for kind in [image, TaskKind::Contribution, image, TaskKind::Engineering] {
            posted(of_kind(kind));
        }
        assert_eq!(ids(None, None, 10), [3, 2, 1, 0]);
        assert_eq!(ids(Some(image), None, 10), [2, 0]);
        assert_eq!(ids(Some(TaskKind::Contribution), None, 10), [1]);
        assert_eq!(
            ids(Some(TaskKind::Annotation(Media::Audio)), None, 10),
            NONE
        );
    });
}

#[test]
fn a_page_goes_on_below_the_task_it_is_told() {
    market(|| {
        for n in 0..7 {
            posted(of_kind(TaskKind::ALL[n % 6]));
        }
        assert_eq!(ids(None, None, 3), [6, 5, 4]);
        assert_eq!(ids(None, Some(4), 3), [3, 2, 1]);
        assert_eq!(ids(None, Some(1), 3), [0]);
        assert_eq!(ids(None, Some(0), 3), NONE);
        assert_eq!(ids(Some(TaskKind::ALL[0]), Some(6), 3), [0]);
        assert_eq!(ids(None, Some(99), 2), [6, 5]); // no such task: goes on all the same
    });
}

#[test]
fn order_holds_where_the_number_grows_by_a_byte() {
    market(|| {
        crate::NextTaskId::<Test>::put(254);
        for _ in 0..4 {
            posted(of_kind(TaskKind::Contribution));
        }
        assert_eq!(ids(None, None, 10), [257, 256, 255, 254]);
        assert_eq!(ids(None, Some(256), 1), [255]);
    });
}

#[test]
fn a_page_is_cut_at_a_hundred() {
    market(|| {
        assert_ok!(Balances::force_set_balance(
            RuntimeOrigin::root(),
            CREATOR,
            1_000_000
        ));
        for _ in 0..101 {
            posted(of_kind(TaskKind::Engineering));
        }
        assert_eq!(ids(None, None, u32::MAX).len(), 100);
        assert_eq!(ids(None, None, 0), NONE);
    });
}

#[test]
fn a_task_is_listed_while_it_has_a_slot_free() {
    market(|| {
        let task = posted(Terms {
            slots: 1,
            ..terms()
        });
        assert_ok!(accept(task, WORKER));
        assert_eq!(ids(None, None, 10), NONE);
        assert_ok!(leave(task, WORKER));
        assert_eq!(ids(None, None, 10), [task]);
        assert_ok!(withdraw(task));
        assert_eq!(ids(None, None, 10), NONE);
    });
}

#[test]
fn a_worker_lists_its_tasks_newest_first_ended_ones_too() {
    market(|| {
        let tasks = [posted(terms()), posted(federated(2)), posted(unchecked())];
        for task in tasks {
            assert_ok!(accept(task, WORKER));
        }
        assert_ok!(send(tasks[2], 1, WORKER)); // paid at once, so ended
        assert_ok!(send(tasks[1], 1, WORKER)); // nothing to do until the next round

        let page = DecentralML::assignments_of(&WORKER, None, 10);

        let short: Vec<_> = page.iter().map(|(id, a)| (*id, a.ended, a.until)).collect();
        assert_eq!(
            short,
            [(2, true, None), (1, false, None), (0, false, Some(11))]
        );
        assert_eq!(DecentralML::assignments_of(&WORKER, Some(2), 1)[0].0, 1);
        assert_eq!(DecentralML::assignments_of(&WORKER, Some(0), 1), vec![]);
        assert_eq!(DecentralML::assignments_of(&OTHER, None, 10), vec![]);
    });
}

#[test]
fn the_deadline_that_is_read_moves_with_the_round() {
    market(|| {
        let task = posted(federated(2));
        assert_ok!(accept(task, WORKER));
        assert_eq!(
            DecentralML::assignment(task, &WORKER).unwrap().until,
            Some(11)
        );
        at(7);
        assert_ok!(next_round(task));
        assert_eq!(
            DecentralML::assignment(task, &WORKER).unwrap().until,
            Some(17)
        );
        assert_eq!(DecentralML::assignment(task, &OTHER), None);
        assert_eq!(DecentralML::assignment(task + 1, &WORKER), None);
    });
}

#[test]
fn pages_of_results_meet_every_result_once() {
    market(|| {
        let task = posted(Terms {
            slots: 3,
            ..federated(2)
        });
        for who in [WORKER, OTHER, THIRD] {
            assert_ok!(accept(task, who));
            assert_ok!(send(task, 1, who));
        }
        assert_ok!(next_round(task));
        for who in [WORKER, OTHER, THIRD] {
            assert_ok!(send(task, 2, who));
        }

        let mut seen = Vec::new();
        let mut start = None;
        loop {
            let page = DecentralML::results_of(task, start, 4);
            seen.extend(page.iter().map(|(round, worker, _)| (*round, *worker)));
            if page.len() < 4 {
                break;
            }
            start = page.last().map(|(round, worker, _)| (*round, *worker));
        }

        assert_eq!(seen.len(), 6);
        let all = [1, 2]
            .into_iter()
            .flat_map(|r| [WORKER, OTHER, THIRD].map(|w| (r, w)));
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all.collect());
    });
}

#[test]
fn the_results_of_one_round_are_read_alone() {
    market(|| {
        let task = posted(federated(2));
        assert_ok!(accept(task, WORKER));
        assert_ok!(accept(task, OTHER));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(send(task, 1, OTHER));
        assert_ok!(next_round(task));
        assert_ok!(send(task, 2, WORKER));

        let first = DecentralML::results_of_round(task, 1, None, 1);
        let second = DecentralML::results_of_round(task, 1, Some(first[0].0), 10);

        let workers: BTreeSet<_> = first
            .iter()
            .chain(&second)
            .map(|(worker, _)| *worker)
            .collect();
        assert_eq!(workers, BTreeSet::from([WORKER, OTHER]));
        assert_eq!((first.len(), second.len()), (1, 1));
        assert_eq!(DecentralML::results_of_round(task, 2, None, 10).len(), 1);
        assert_eq!(DecentralML::results_of_round(task, 3, None, 10), vec![]);
    });
}

#[test]
fn what_a_task_owes_is_read_alone() {
    market(|| {
        let task = posted(terms());
        assert_eq!(DecentralML::owed(task), Some(200));
        assert_eq!(DecentralML::owed(task + 1), None);
    });
}

fn in_office(who: AccountId, start: Option<TaskId>, limit: u32) -> Vec<TaskId> {
    DecentralML::tasks_of(&who, start, limit)
        .into_iter()
        .map(|(id, _)| id)
        .collect()
}

#[test]
fn whoever_holds_an_office_finds_the_tasks_newest_first() {
    market(|| {
        for _ in 0..3 {
            posted(terms());
        }
        posted(Terms {
            policy: Policy::Delegated(VALIDATOR),
            arbiter: None,
            ..terms()
        });
        assert_eq!(in_office(CREATOR, None, 10), [3, 2, 1, 0]);
        assert_eq!(in_office(CREATOR, Some(2), 1), [1]);
        assert_eq!(in_office(VALIDATOR, None, 10), [3]);
        assert_eq!(in_office(ARBITER, None, 10), [2, 1, 0]);
        assert_eq!(in_office(WORKER, None, 10), NONE);
    });
}

#[test]
fn a_validator_finds_its_task_when_every_slot_is_taken() {
    market(|| {
        let task = posted(Terms {
            slots: 1,
            policy: Policy::Delegated(VALIDATOR),
            ..terms()
        });
        assert_ok!(accept(task, WORKER));
        assert_eq!(ids(None, None, 10), NONE);
        assert_eq!(in_office(VALIDATOR, None, 10), [task]);
    });
}

#[test]
fn a_task_that_was_cleaned_up_is_in_nobodys_list() {
    market(|| {
        let task = posted(terms());
        assert_ok!(DecentralML::withdraw_task(signed(CREATOR), task));
        assert_ok!(DecentralML::prune_task(signed(WORKER), task, 4));
        assert_eq!(in_office(CREATOR, None, 10), NONE);
        assert_eq!(in_office(ARBITER, None, 10), NONE);
    });
}
