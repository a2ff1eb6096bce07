//! `start_round`: the creator closes a round and opens the next.

use crate::mock::*;
use frame_support::{assert_noop, assert_ok};

#[test]
fn the_next_round_has_its_model_and_every_worker_may_deliver_it() {
    market(|| {
        let task = posted(federated(2));
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(approve(task, 1, WORKER));
        told();
        at(9);
        let model = cid("bafkreinext");

        assert_ok!(DecentralML::start_round(
            signed(CREATOR),
            task,
            model.clone()
        ));

        let stored = the(task);
        assert_eq!((stored.round, stored.round_started), (2, 9));
        assert_eq!(stored.model, Some(model.clone()));
        assert_eq!((stored.units, stored.waiting), (2, 1));
        assert_eq!(
            told(),
            vec![
                Event::RewardFreed { task, amount: 100 },
                Event::RoundStarted {
                    task,
                    round: 2,
                    model
                },
            ]
        );
    });
}

#[test]
fn what_the_closed_round_did_not_use_goes_back() {
    market(|| {
        let task = posted(Terms {
            slots: 3,
            ..federated(2)
        }); // 600 on hold
        assert_ok!(accept(task, WORKER));
        assert_ok!(accept(task, OTHER));
        assert_ok!(send(task, 1, WORKER)); // pending: still owed

        assert_ok!(next_round(task));

        // 100 for the pending result and 300 for the new round.
        assert_eq!(
            (the(task).owed, held(HoldReason::Reward, CREATOR)),
            (400, 400)
        );
    });
}

#[test]
fn a_result_of_a_closed_round_is_still_paid() {
    market(|| {
        let task = posted(federated(2));
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(next_round(task));

        assert_ok!(approve(task, 1, WORKER));

        assert_eq!(result(task, 1, WORKER).paid, 100);
        assert_eq!(free(WORKER), 10_000 - 40 - 10 - 7 + 100);
        assert_eq!(the(task).owed, 200);
    });
}

#[test]
fn a_rejection_settled_in_a_closed_round_frees_its_reward() {
    market(|| {
        let task = posted(federated(2));
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(next_round(task));
        assert_ok!(reject(task, 1, WORKER));
        assert_eq!(the(task).owed, 300);
        at(31);
        told();

        assert_ok!(claim(task, 1, WORKER));

        assert_eq!((the(task).owed, the(task).units), (200, 2));
        assert!(told().contains(&Event::RewardFreed { task, amount: 100 }));
    });
}

#[test]
fn starting_early_gives_those_who_had_not_delivered_a_new_time() {
    market(|| {
        let task = posted(federated(2));
        assert_ok!(accept(task, WORKER)); // until 11
        at(6);
        assert_ok!(next_round(task)); // until 16
        assert_noop!(send(task, 1, WORKER), Error::WrongRound);
        at(15);
        assert_noop!(evict(task, WORKER), Error::TooEarly);
        assert_ok!(send(task, 2, WORKER));
        assert_eq!(reputation(WORKER).expired, 0);
    });
}

#[test]
fn starting_a_round_forgives_a_missed_one() {
    market(|| {
        let task = posted(federated(2));
        assert_ok!(accept(task, WORKER)); // until 11
        at(11);
        assert_noop!(send(task, 1, WORKER), Error::RoundTimeOver);
        assert_ok!(next_round(task));
        assert_ok!(send(task, 2, WORKER));
    });
}

#[test]
fn only_the_creator_starts_a_round() {
    new_test_ext().execute_with(|| {
        let task = posted(federated(2));
        for who in [WORKER, ARBITER, STRANGER] {
            let call = DecentralML::start_round(signed(who), task, SomeCid::get());
            assert_noop!(call, Error::NotCreator);
        }
    });
}

#[test]
fn an_unknown_task_has_no_rounds() {
    new_test_ext().execute_with(|| {
        assert_noop!(next_round(0), Error::UnknownTask);
    });
}

#[test]
fn there_are_as_many_rounds_as_promised() {
    market(|| {
        let task = posted(federated(2));
        assert_ok!(next_round(task));
        assert_noop!(next_round(task), Error::NoRoundsLeft);
    });
}

#[test]
fn a_withdrawn_task_starts_no_round() {
    new_test_ext().execute_with(|| {
        let task = posted(federated(2));
        assert_ok!(withdraw(task));
        assert_noop!(next_round(task), Error::TaskNotOpen);
    });
}

#[test]
fn a_model_is_named_by_content() {
    new_test_ext().execute_with(|| {
        let task = posted(federated(2));
        let call = DecentralML::start_round(signed(CREATOR), task, cid("model.keras"));
        assert_noop!(call, Error::InvalidCid);
    });
}

#[test]
fn a_task_is_completed_when_its_last_round_is_settled() {
    market(|| {
        let task = posted(Terms {
            slots: 1,
            ..federated(2)
        });
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(next_round(task));
        assert_ok!(send(task, 2, WORKER));
        assert_ok!(approve(task, 2, WORKER));
        assert_eq!(the(task).status, TaskStatus::InProgress); // round 1 is still pending
        told();

        assert_ok!(approve(task, 1, WORKER));

        assert_eq!(the(task).status, TaskStatus::Completed);
        assert_eq!((the(task).paid, the(task).owed), (200, 0));
        assert_eq!(held(HoldReason::Stake, WORKER), 0);
        assert_eq!(told().last(), Some(&Event::TaskCompleted { task }));
    });
}
