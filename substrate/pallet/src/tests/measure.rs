//! How long each call takes on its dearest way, for the placeholders in `weights.rs`.
//!
//! `cargo test -p pallet-decentralml measure -- --ignored --nocapture` prints the median of many
//! runs, each on a fresh state, native and as little optimised as the tests are, and how many keys
//! the call changes.

use crate::mock::*;
use std::time::{Duration, Instant};

const RUNS: usize = 200;

struct Case {
    name: &'static str,
    before: fn(),
    call: fn(),
}

fn largest(slots: u32, rounds: u32) -> Terms {
    Terms {
        title: vec![b'x'; MAX_TITLE_LENGTH as usize].try_into().unwrap(),
        slots,
        sealing_key: Some([1; 32]),
        ..federated(rounds)
    }
}

fn delivered() {
    posted(largest(1, 1));
    accept(0, WORKER).unwrap();
    send(0, 1, WORKER).unwrap();
}

fn disputed() {
    delivered();
    reject(0, 1, WORKER).unwrap();
    dispute(0, 1, WORKER).unwrap();
}

fn at_once() -> Terms {
    Terms {
        policy: Policy::AutoAccept,
        ..largest(1, 1)
    }
}

/// A withdrawn task whose items are assignments only, each with a stake.
fn idle_workers() {
    posted(Terms {
        policy: Policy::AutoAccept,
        ..largest(4, 2)
    });
    for who in [WORKER, OTHER, THIRD, STRANGER] {
        accept(0, who).unwrap();
        send(0, 1, who).unwrap();
    }
    withdraw(0).unwrap();
    DecentralML::prune_task(signed(STRANGER), 0, 4).unwrap();
}

const CASES: &[Case] = &[
    Case {
        name: "create_task",
        before: || {},
        call: || {
            posted(largest(1, 1));
        },
    },
    Case {
        name: "accept_task",
        before: || {
            posted(largest(1, 1));
        },
        call: || accept(0, WORKER).unwrap(),
    },
    Case {
        name: "start_round",
        before: || {
            posted(largest(1, 2));
        },
        call: || next_round(0).unwrap(),
    },
    Case {
        name: "send_task_result",
        before: || {
            posted(at_once());
            accept(0, WORKER).unwrap();
        },
        call: || send(0, 1, WORKER).unwrap(),
    },
    Case {
        name: "validate_task_result",
        before: delivered,
        call: || approve(0, 1, WORKER).unwrap(),
    },
    Case {
        name: "claim_result",
        before: || {
            disputed();
            at(START + ARBITER_TIME);
        },
        call: || claim(0, 1, WORKER).unwrap(),
    },
    Case {
        name: "dispute_result",
        before: || {
            delivered();
            reject(0, 1, WORKER).unwrap();
        },
        call: || dispute(0, 1, WORKER).unwrap(),
    },
    Case {
        name: "resolve_dispute",
        before: disputed,
        call: || rule(0, 1, WORKER, Ruling::Worker).unwrap(),
    },
    Case {
        name: "release_assignment",
        before: || {
            posted(largest(1, 1));
            accept(0, WORKER).unwrap();
            at(21);
        },
        call: || evict(0, WORKER).unwrap(),
    },
    Case {
        name: "withdraw_task",
        before: || {
            posted(largest(1, 1));
        },
        call: || withdraw(0).unwrap(),
    },
    Case {
        name: "prune_task, no items",
        before: || {
            posted(largest(1, 1));
            withdraw(0).unwrap();
        },
        call: || {
            DecentralML::prune_task(signed(STRANGER), 0, 0).unwrap();
        },
    },
    Case {
        name: "prune_task, four items",
        before: idle_workers,
        call: || {
            DecentralML::prune_task(signed(STRANGER), 0, 4).unwrap();
        },
    },
];

/// Time of one call, and the number of keys that it changes.
fn once(case: &Case) -> (Duration, usize) {
    let mut ext = new_test_ext();
    ext.execute_with(case.before);
    ext.commit_all().unwrap();
    let start = Instant::now();
    ext.execute_with(case.call);
    let took = start.elapsed();
    (took, ext.overlayed_changes().changes().count())
}

#[test]
#[ignore = "a measurement, not a rule"]
fn measure_every_call() {
    for case in CASES {
        let mut runs: Vec<_> = (0..RUNS).map(|_| once(case)).collect();
        runs.sort();
        let (median, changed) = runs[RUNS / 2];
        println!(
            "{:24} {:6.1} µs, {changed} keys changed",
            case.name,
            median.as_secs_f64() * 1e6
        );
    }
}
