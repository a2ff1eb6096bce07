//! Several accounts do whatever comes to their mind, in any order, at any time.
//!
//! After each step everything that must always be true is checked; after each walk, time passes,
//! a stranger claims, releases and prunes, and every account has its money back.
//!
//! `DECENTRALML_WALK_STEPS` says how many steps to take in all; 20,000 when it is not set.

mod steps;

use crate::{mock::*, Assignments, OpenTasks, Results, Tasks, TasksOfOfficer, TasksOfWorker};
use frame_support::traits::{GetCallName, UnfilteredDispatchable};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::{cell::RefCell, collections::BTreeMap};
use steps::{any_step, call, Step};

const WALK: usize = 200;
const LIVE_TASKS: usize = 5;

/// What the walks have seen, so that a walk that does nothing is not taken for a proof.
#[derive(Default)]
struct Seen {
    steps: usize,
    succeeded: BTreeMap<&'static str, usize>,
    events: BTreeMap<String, usize>,
}

/// What one walk has paid, by result.
type Paid = BTreeMap<(TaskId, Round, AccountId), Balance>;

fn note_events(seen: &mut Seen, paid: &mut Paid) -> Result<(), TestCaseError> {
    for event in told() {
        let name: String = format!("{event:?}")
            .split([' ', '{'])
            .next()
            .unwrap()
            .to_string();
        *seen.events.entry(name).or_default() += 1;
        let (key, amount) = match event {
            Event::TaskResultAccepted {
                task,
                round,
                worker,
                paid,
            } => ((task, round, worker), paid),
            Event::DisputeResolved {
                task,
                round,
                worker,
                outcome: Outcome::Expired,
                paid,
            } => ((task, round, worker), paid),
            _ => continue,
        };
        prop_assert!(paid.insert(key, amount).is_none(), "{key:?} was paid twice");
    }
    Ok(())
}

/// What must hold after every step, whatever it was.
fn check(paid: &Paid) -> Result<(), TestCaseError> {
    if let Err(found) = DecentralML::do_try_state() {
        return Err(TestCaseError::fail(format!("{found:?}")));
    }
    prop_assert_eq!(Balances::total_issuance(), PURSE * PEOPLE.len() as Balance);
    let earned: Balance = PEOPLE.into_iter().map(|who| reputation(who).earned).sum();
    prop_assert_eq!(paid.values().sum::<Balance>(), earned);
    Ok(())
}

fn take(step: Step, seen: &mut Seen) -> Result<(), TestCaseError> {
    seen.steps += 1;
    match step {
        Step::Wait(blocks) => at(System::block_number() + blocks),
        Step::Spend(from, to, amount) => {
            // May fail: the market's deposits keep accounts alive.
            let _ = Balances::transfer_allow_death(signed(from), to, amount);
        }
        step => {
            let Some((origin, call)) = call(step) else {
                return Ok(());
            };
            let name = call.get_call_name();
            let before = sp_io::storage::root(sp_core::storage::StateVersion::V1);
            match call.dispatch_bypass_filter(origin) {
                Ok(_) => *seen.succeeded.entry(name).or_default() += 1,
                Err(_) => {
                    let after = sp_io::storage::root(sp_core::storage::StateVersion::V1);
                    prop_assert_eq!(before, after, "{} failed and changed something", name);
                }
            }
        }
    }
    Ok(())
}

/// A stranger brings everything to its end, long after everybody has gone.
fn wind_down() {
    at(System::block_number() + 10_000);
    let open = |(key, result): (_, crate::TaskResultOf<Test>)| result.deadline.map(|_| key);
    for (task, round, worker) in Results::<Test>::iter().filter_map(open).collect::<Vec<_>>() {
        claim(task, round, worker).unwrap();
    }
    let waiting: Vec<_> = Assignments::<Test>::iter()
        .filter(|(task, _, assignment)| assignment.is_waiting(&the(*task)))
        .collect();
    for (task, worker, _) in waiting {
        evict(task, worker).unwrap();
    }
    at(System::block_number() + 10_000);
    for (task, stored) in Tasks::<Test>::iter().collect::<Vec<_>>() {
        if stored.is_open() {
            DecentralML::withdraw_task(signed(STRANGER), task).unwrap();
        }
        prune_all(task);
    }
}

fn check_that_nothing_is_left() -> Result<(), TestCaseError> {
    prop_assert_eq!(Tasks::<Test>::iter().count(), 0);
    prop_assert_eq!(Assignments::<Test>::iter().count(), 0);
    prop_assert_eq!(Results::<Test>::iter().count(), 0);
    prop_assert_eq!(OpenTasks::<Test>::iter().count(), 0);
    prop_assert_eq!(TasksOfWorker::<Test>::iter().count(), 0);
    prop_assert_eq!(TasksOfOfficer::<Test>::iter().count(), 0);
    for who in PEOPLE {
        prop_assert_eq!(all_held(who), 0, "{} has money on hold", who);
    }
    Ok(())
}

fn walk(steps: Vec<Step>, seen: &mut Seen) -> Result<(), TestCaseError> {
    new_test_ext().execute_with(|| {
        let mut paid = Paid::new();
        for step in steps {
            take(step, seen)?;
            note_events(seen, &mut paid)?;
            check(&paid)?;
        }
        wind_down();
        note_events(seen, &mut paid)?;
        check(&paid)?;
        check_that_nothing_is_left()
    })
}

fn steps_to_take() -> usize {
    match std::env::var("DECENTRALML_WALK_STEPS") {
        Ok(text) => text
            .parse()
            .expect("DECENTRALML_WALK_STEPS is not a number"),
        Err(_) => 20_000,
    }
}

#[test]
fn whatever_people_do_the_money_adds_up_and_everybody_gets_theirs() {
    let cases = steps_to_take().div_ceil(WALK);
    let config = Config {
        cases: cases as u32,
        failure_persistence: None,
        ..Config::default()
    };
    let seen = RefCell::new(Seen::default());
    let walks = proptest::collection::vec(any_step(), WALK);

    TestRunner::new(config)
        .run(&walks, |steps| walk(steps, &mut seen.borrow_mut()))
        .unwrap_or_else(|failure| panic!("{failure}"));

    let Seen {
        steps,
        succeeded,
        events,
    } = seen.into_inner();
    println!("{steps} steps; succeeded: {succeeded:?}; events: {events:?}");
    assert!(steps >= steps_to_take());
    assert_eq!(succeeded.len(), 11, "a call never succeeded: {succeeded:?}");
    assert_eq!(events.len(), 14, "an event never came: {events:?}");
}
