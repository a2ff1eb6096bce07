//! `resolve_dispute`: the arbiter rules, and the loser's deposit goes to the winner.

use crate::mock::*;
use frame_support::{assert_noop, assert_ok};

/// A task whose worker disputes a rejection since the first block; to rule before block 51.
fn disputed(terms: Terms) -> TaskId {
    let task = posted(terms);
    assert_ok!(accept(task, WORKER));
    assert_ok!(send(task, 1, WORKER));
    assert_ok!(reject(task, 1, WORKER));
    assert_ok!(dispute(task, 1, WORKER));
    told();
    task
}

#[test]
fn a_worker_who_is_right_gets_the_reward_and_the_validators_deposit() {
    market(|| {
        let task = disputed(terms());

        assert_ok!(rule(task, 1, WORKER, Ruling::Worker));

        assert_eq!(free(WORKER), 10_000 - 10 - 7 + 100 + 20);
        assert_eq!(free(CREATOR), 10_000 - 100 - 200 - 20);
        assert_eq!(held(HoldReason::Reward, CREATOR), 100);
        assert_eq!(held(HoldReason::DisputeDeposit, CREATOR), 0);
        assert_eq!(result(task, 1, WORKER).status, ResultStatus::Accepted);
        assert_eq!(
            told(),
            vec![
                Event::DisputeResolved {
                    task,
                    round: 1,
                    worker: WORKER,
                    outcome: Outcome::Worker,
                    paid: 100
                },
                Event::TaskResultAccepted {
                    task,
                    round: 1,
                    worker: WORKER,
                    paid: 100
                },
            ]
        );
    });
}

#[test]
fn a_validator_who_is_right_gets_the_workers_deposit_and_the_slot_opens_again() {
    market(|| {
        let task = disputed(terms());

        assert_ok!(rule(task, 1, WORKER, Ruling::Validator));

        assert_eq!(free(WORKER), 10_000 - 10 - 7 - 20);
        assert_eq!(free(CREATOR), 10_000 - 100 - 200 + 20);
        assert_eq!(held(HoldReason::Reward, CREATOR), 200);
        let settled = result(task, 1, WORKER);
        assert_eq!(
            (settled.status, settled.deadline),
            (ResultStatus::Rejected, None)
        );
        assert_eq!((the(task).units, the(task).assigned), (2, 0));
        assert_eq!(
            told(),
            vec![Event::DisputeResolved {
                task,
                round: 1,
                worker: WORKER,
                outcome: Outcome::Validator,
                paid: 0
            }]
        );
    });
}

#[test]
fn disputes_count_for_both_sides() {
    market(|| {
        let task = disputed(terms());
        assert_ok!(rule(task, 1, WORKER, Ruling::Worker));
        let worker = Reputation {
            accepted: 1,
            disputes_won: 1,
            earned: 100,
            ..Default::default()
        };
        assert_eq!(reputation(WORKER), worker);
        assert_eq!(
            reputation(CREATOR),
            Reputation {
                disputes_lost: 1,
                ..Default::default()
            }
        );
    });
    market(|| {
        let task = disputed(terms());
        assert_ok!(rule(task, 1, WORKER, Ruling::Validator));
        let worker = Reputation {
            rejected: 1,
            disputes_lost: 1,
            ..Default::default()
        };
        assert_eq!(reputation(WORKER), worker);
        assert_eq!(
            reputation(CREATOR),
            Reputation {
                disputes_won: 1,
                ..Default::default()
            }
        );
    });
}

#[test]
fn the_delegated_validator_answers_for_its_own_rejection() {
    market(|| {
        let task = posted(Terms {
            policy: Policy::Delegated(VALIDATOR),
            ..terms()
        });
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        let verdict = Verdict::Reject(reason("noise"));
        assert_ok!(DecentralML::validate_task_result(
            signed(VALIDATOR),
            task,
            1,
            WORKER,
            verdict
        ));
        assert_ok!(dispute(task, 1, WORKER));

        assert_ok!(rule(task, 1, WORKER, Ruling::Worker));

        assert_eq!(free(VALIDATOR), 10_000 - 20);
        assert_eq!(free(CREATOR), 10_000 - 100 - 200);
        assert_eq!(free(WORKER), 10_000 - 10 - 7 + 100 + 20);
    });
}

#[test]
fn only_the_tasks_arbiter_rules() {
    new_test_ext().execute_with(|| {
        let task = disputed(terms());
        let callers = [
            signed(CREATOR),
            signed(WORKER),
            signed(STRANGER),
            RuntimeOrigin::root(),
        ];
        for origin in callers {
            let call = DecentralML::resolve_dispute(origin, task, 1, WORKER, Ruling::Validator);
            assert_noop!(call, Error::NotArbiter);
        }
    });
}

#[test]
fn the_chains_arbiter_rules_where_the_task_names_none() {
    market(|| {
        let task = disputed(Terms {
            arbiter: None,
            ..terms()
        });
        assert_noop!(rule(task, 1, WORKER, Ruling::Worker), Error::NotArbiter);

        let root = RuntimeOrigin::root();
        assert_ok!(DecentralML::resolve_dispute(
            root,
            task,
            1,
            WORKER,
            Ruling::Worker
        ));

        assert_eq!(result(task, 1, WORKER).paid, 100);
    });
}

#[test]
fn ruling_ends_in_the_block_of_the_deadline() {
    for (block, in_time) in [(50, true), (51, false), (52, false)] {
        market(|| {
            let task = disputed(terms());
            at(block);
            if in_time {
                assert_ok!(rule(task, 1, WORKER, Ruling::Worker));
            } else {
                assert_noop!(
                    rule(task, 1, WORKER, Ruling::Worker),
                    Error::ArbiterTimeOver
                );
            }
        });
    }
}

#[test]
fn only_an_open_dispute_is_ruled() {
    market(|| {
        let task = posted(terms());
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        assert_noop!(rule(task, 1, WORKER, Ruling::Worker), Error::NotDisputed); // pending
        assert_ok!(reject(task, 1, WORKER));
        assert_noop!(rule(task, 1, WORKER, Ruling::Worker), Error::NotDisputed); // rejected
        assert_ok!(dispute(task, 1, WORKER));
        assert_ok!(rule(task, 1, WORKER, Ruling::Worker));
        assert_noop!(rule(task, 1, WORKER, Ruling::Worker), Error::NotDisputed); // ruled

        let task = disputed(terms());
        at(51);
        assert_ok!(claim(task, 1, WORKER));
        assert_noop!(rule(task, 1, WORKER, Ruling::Worker), Error::NotDisputed);
        // halved
    });
}

#[test]
fn what_was_not_sent_cannot_be_ruled() {
    new_test_ext().execute_with(|| {
        let task = disputed(terms());
        assert_noop!(
            rule(task + 1, 1, WORKER, Ruling::Worker),
            Error::UnknownTask
        );
        assert_noop!(rule(task, 2, WORKER, Ruling::Worker), Error::UnknownResult);
        assert_noop!(rule(task, 1, OTHER, Ruling::Worker), Error::UnknownResult);
    });
}
