//! `create_task`: who posts a task locks its pay.

use crate::{mock::*, NextTaskId};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;

fn refused(terms: Terms, error: Error) {
    new_test_ext().execute_with(|| {
        assert_noop!(DecentralML::create_task(signed(CREATOR), terms), error);
    });
}

fn taken(terms: Terms) {
    market(|| {
        assert_ok!(DecentralML::create_task(signed(CREATOR), terms));
    });
}

fn with_schedule(change: impl FnOnce(&mut Schedule<u64>)) -> Terms {
    let mut terms = terms();
    change(&mut terms.schedule);
    terms
}

#[test]
fn reward_times_slots_times_rounds_is_put_on_hold_with_a_deposit() {
    market(|| {
        posted(Terms {
            reward: 100,
            slots: 2,
            ..federated(3)
        });

        assert_eq!(held(HoldReason::Reward, CREATOR), 600);
        assert_eq!(held(HoldReason::TaskDeposit, CREATOR), 100);
        assert_eq!(free(CREATOR), 10_000 - 600 - 100);
    });
}

#[test]
fn a_task_is_stored_as_promised_with_its_first_round_open() {
    market(|| {
        let task = posted(federated(3));

        let stored = the(task);
        assert_eq!(stored.creator, CREATOR);
        assert_eq!(stored.terms, federated(3));
        assert_eq!(stored.model, Some(SomeCid::get()));
        assert_eq!((stored.round, stored.round_started), (1, START));
        assert_eq!(stored.status, TaskStatus::Created);
        assert_eq!(
            (stored.assigned, stored.waiting, stored.unsettled),
            (0, 0, 0)
        );
        assert_eq!((stored.units, stored.owed, stored.paid), (2, 600, 0));
        assert_eq!(
            told(),
            vec![Event::TaskCreated {
                task,
                creator: CREATOR
            }]
        );
    });
}

#[test]
fn tasks_are_numbered_from_zero_and_a_number_is_not_used_again() {
    market(|| {
        assert_eq!((posted(terms()), posted(terms())), (0, 1));
        assert_ok!(withdraw(1));
        prune_all(1);

        assert_eq!(posted(terms()), 2);
    });
}

#[test]
fn who_cannot_lock_the_pay_cannot_post() {
    // 10,000 less the deposit of 100 and the 5 that keep the account alive.
    taken(Terms {
        reward: 9_895,
        slots: 1,
        ..terms()
    });
    new_test_ext().execute_with(|| {
        let dear = Terms {
            reward: 9_896,
            slots: 1,
            ..terms()
        };
        assert_noop!(
            DecentralML::create_task(signed(CREATOR), dear),
            TokenError::FundsUnavailable
        );
    });
}

#[test]
fn a_reward_is_not_zero() {
    refused(
        Terms {
            reward: 0,
            stake: 0,
            ..terms()
        },
        Error::ZeroReward,
    );
    taken(Terms {
        reward: 1,
        stake: 0,
        ..terms()
    });
}

#[test]
fn slots_lie_between_one_and_their_maximum() {
    refused(
        Terms {
            slots: 0,
            ..terms()
        },
        Error::ZeroSlots,
    );
    taken(Terms {
        slots: 1,
        ..terms()
    });
    taken(Terms {
        slots: MAX_SLOTS,
        ..terms()
    });
    refused(
        Terms {
            slots: MAX_SLOTS + 1,
            ..terms()
        },
        Error::TooManySlots,
    );
}

#[test]
fn rounds_lie_between_one_and_their_maximum() {
    refused(federated(0), Error::ZeroRounds);
    taken(federated(1));
    taken(federated(MAX_ROUNDS));
    refused(federated(MAX_ROUNDS + 1), Error::TooManyRounds);
}

#[test]
fn accept_before_lies_ahead_and_not_too_far() {
    refused(
        with_schedule(|s| s.accept_before = START),
        Error::InvalidSchedule,
    );
    taken(with_schedule(|s| s.accept_before = START + 1));
    taken(with_schedule(|s| s.accept_before = START + MAX_SPAN));
    refused(
        with_schedule(|s| s.accept_before = START + MAX_SPAN + 1),
        Error::InvalidSchedule,
    );
}

#[test]
fn every_span_lies_between_its_bounds() {
    let spans: [fn(&mut Schedule<u64>) -> &mut u64; 3] = [
        |s| &mut s.round_time,
        |s| &mut s.validate_time,
        |s| &mut s.dispute_time,
    ];
    for span in spans {
        refused(
            with_schedule(|s| *span(s) = MIN_SPAN - 1),
            Error::InvalidSchedule,
        );
        taken(with_schedule(|s| *span(s) = MIN_SPAN));
        taken(with_schedule(|s| *span(s) = MAX_SPAN));
        refused(
            with_schedule(|s| *span(s) = MAX_SPAN + 1),
            Error::InvalidSchedule,
        );
    }
}

#[test]
fn a_bundle_and_a_model_are_named_by_content() {
    for text in [
        "", "b", "Qmaz", "bAFY", "baf1", "baf0", "bafy8", "baf y", "f0170",
    ] {
        refused(
            Terms {
                bundle: cid(text),
                ..terms()
            },
            Error::InvalidCid,
        );
        refused(
            Terms {
                model: Some(cid(text)),
                ..terms()
            },
            Error::InvalidCid,
        );
    }
    taken(Terms {
        bundle: cid("baz27"),
        model: Some(cid("b2")),
        ..terms()
    });
}

#[test]
fn several_rounds_need_a_first_model() {
    taken(Terms {
        model: None,
        ..federated(1)
    });
    refused(
        Terms {
            model: None,
            ..federated(2)
        },
        Error::ModelRequired,
    );
}

#[test]
fn a_stake_is_at_most_what_a_worker_can_earn() {
    taken(Terms {
        stake: 100,
        ..terms()
    });
    refused(
        Terms {
            stake: 101,
            ..terms()
        },
        Error::StakeTooHigh,
    );
    taken(Terms {
        stake: 300,
        ..federated(3)
    });
    refused(
        Terms {
            stake: 301,
            ..federated(3)
        },
        Error::StakeTooHigh,
    );
}

#[test]
fn nobody_holds_two_offices() {
    let conflict = Error::ConflictOfInterest;
    refused(
        Terms {
            arbiter: Some(CREATOR),
            ..terms()
        },
        conflict,
    );
    let delegated = |to| Terms {
        policy: Policy::Delegated(to),
        ..terms()
    };
    refused(delegated(CREATOR), Error::ConflictOfInterest);
    refused(delegated(ARBITER), Error::ConflictOfInterest);
    taken(delegated(VALIDATOR));
    taken(Terms {
        arbiter: None,
        ..delegated(VALIDATOR)
    });
}

#[test]
fn pay_that_does_not_fit_a_number_is_refused() {
    refused(
        Terms {
            reward: u128::MAX,
            ..terms()
        },
        Error::Overflow,
    );
    refused(
        Terms {
            reward: u128::MAX,
            slots: 1,
            ..federated(2)
        },
        Error::Overflow,
    );
}

#[test]
fn the_last_number_of_a_task_is_not_given() {
    new_test_ext().execute_with(|| {
        NextTaskId::<Test>::put(u64::MAX);
        assert_noop!(
            DecentralML::create_task(signed(CREATOR), terms()),
            Error::Overflow
        );
    });
}
