//! `accept_task`: a worker takes a slot, and promises to deliver.

use crate::mock::*;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;

#[test]
fn the_stake_and_a_deposit_are_put_on_hold() {
    market(|| {
        let task = posted(terms());

        assert_ok!(accept(task, WORKER));

        assert_eq!(held(HoldReason::Stake, WORKER), 40);
        assert_eq!(held(HoldReason::AssignmentDeposit, WORKER), 10);
        assert_eq!(free(WORKER), 10_000 - 40 - 10);
    });
}

#[test]
fn the_task_is_in_progress_and_the_workers_time_runs() {
    market(|| {
        let task = posted(terms());
        told();
        at(4);

        assert_ok!(accept(task, WORKER));

        let stored = the(task);
        assert_eq!(stored.status, TaskStatus::InProgress);
        assert_eq!((stored.assigned, stored.waiting, stored.units), (1, 1, 2));
        assert_eq!(
            told(),
            vec![Event::TaskAccepted {
                task,
                worker: WORKER,
                first_round: 1,
                until: Some(14)
            }]
        );
        let info = DecentralML::assignment(task, &WORKER).unwrap();
        assert_eq!((info.since, info.until, info.delivered), (4, Some(14), 0));
    });
}

#[test]
fn a_task_without_a_stake_asks_for_none() {
    market(|| {
        let task = posted(Terms {
            stake: 0,
            ..terms()
        });

        assert_ok!(accept(task, WORKER));

        assert_eq!(held(HoldReason::Stake, WORKER), 0);
        assert_eq!(all_held(WORKER), 10);
    });
}

#[test]
fn an_unknown_task_is_refused() {
    new_test_ext().execute_with(|| {
        assert_noop!(accept(0, WORKER), Error::UnknownTask);
    });
}

#[test]
fn a_creator_does_not_work_for_itself() {
    new_test_ext().execute_with(|| {
        let task = posted(terms());
        assert_noop!(accept(task, CREATOR), Error::CreatorCannotAccept);
    });
}

#[test]
fn neither_the_validator_nor_the_arbiter_works_for_the_task() {
    new_test_ext().execute_with(|| {
        let task = posted(Terms {
            policy: Policy::Delegated(VALIDATOR),
            ..terms()
        });
        assert_noop!(accept(task, VALIDATOR), Error::ConflictOfInterest);
        assert_noop!(accept(task, ARBITER), Error::ConflictOfInterest);
    });
}

#[test]
fn a_task_is_accepted_once_even_after_leaving_it() {
    market(|| {
        let task = posted(terms());
        assert_ok!(accept(task, WORKER));
        assert_noop!(accept(task, WORKER), Error::AlreadyAccepted);
        assert_ok!(leave(task, WORKER));
        assert_noop!(accept(task, WORKER), Error::AlreadyAccepted);
    });
}

#[test]
fn accepting_ends_in_the_block_named_accept_before() {
    market(|| {
        let task = posted(terms()); // accept_before: 21
        at(20);
        assert_ok!(accept(task, WORKER));
        at(21);
        assert_noop!(accept(task, OTHER), Error::AcceptTimeOver);
        at(22);
        assert_noop!(accept(task, OTHER), Error::AcceptTimeOver);
    });
}

#[test]
fn a_withdrawn_task_is_not_open() {
    new_test_ext().execute_with(|| {
        let task = posted(terms());
        assert_ok!(withdraw(task));
        assert_noop!(accept(task, WORKER), Error::TaskNotOpen);
    });
}

#[test]
fn there_are_as_many_workers_as_slots_and_not_one_more() {
    market(|| {
        let task = posted(Terms {
            slots: 2,
            ..terms()
        });
        assert_ok!(accept(task, WORKER));
        assert_ok!(accept(task, OTHER));
        assert_noop!(accept(task, THIRD), Error::NoFreeSlot);
    });
}

#[test]
fn leaving_opens_the_slot_for_another() {
    market(|| {
        let task = posted(Terms {
            slots: 1,
            ..terms()
        });
        assert_ok!(accept(task, WORKER));
        assert_noop!(accept(task, OTHER), Error::NoFreeSlot);
        assert_ok!(leave(task, WORKER));
        assert_ok!(accept(task, OTHER));
    });
}

#[test]
fn a_paid_result_uses_its_slot_up() {
    market(|| {
        let task = posted(Terms {
            slots: 2,
            ..terms()
        });
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(approve(task, 1, WORKER));
        assert_ok!(accept(task, OTHER));
        assert_noop!(accept(task, THIRD), Error::NoFreeSlot);
    });
}

#[test]
fn a_result_under_way_keeps_its_slot_and_a_settled_rejection_opens_it() {
    market(|| {
        let task = posted(Terms {
            slots: 1,
            ..terms()
        });
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        assert_noop!(accept(task, OTHER), Error::NoFreeSlot); // pending
        let mut long = terms();
        long.schedule.accept_before = 500;
        let task = posted(Terms { slots: 1, ..long });
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(reject(task, 1, WORKER));
        assert_noop!(accept(task, OTHER), Error::NoFreeSlot); // still disputable
        at(31);
        assert_ok!(claim(task, 1, WORKER));
        assert_ok!(accept(task, OTHER));
    });
}

#[test]
fn who_joins_when_the_rounds_money_is_spoken_for_begins_with_the_next_round() {
    market(|| {
        let task = posted(Terms {
            slots: 1,
            ..federated(2)
        });
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(leave(task, WORKER));
        told();

        assert_ok!(accept(task, OTHER));

        assert_eq!(
            told(),
            vec![Event::TaskAccepted {
                task,
                worker: OTHER,
                first_round: 2,
                until: None
            }]
        );
        assert_noop!(send(task, 1, OTHER), Error::WrongRound);
        assert_ok!(next_round(task));
        assert_ok!(send(task, 2, OTHER));
    });
}

#[test]
fn who_joins_a_running_round_with_money_to_spare_may_deliver_it() {
    market(|| {
        let task = posted(Terms {
            slots: 1,
            ..federated(2)
        });
        assert_ok!(accept(task, WORKER));
        assert_ok!(leave(task, WORKER)); // without delivering

        assert_ok!(accept(task, OTHER));
        assert_ok!(send(task, 1, OTHER));
    });
}

#[test]
fn the_last_rounds_money_once_used_lets_nobody_in() {
    market(|| {
        let task = posted(Terms {
            slots: 1,
            ..federated(2)
        });
        assert_ok!(next_round(task));
        assert_ok!(accept(task, WORKER));
        assert_ok!(send(task, 2, WORKER));
        assert_ok!(leave(task, WORKER));
        assert_noop!(accept(task, OTHER), Error::NoFreeSlot);
    });
}

#[test]
fn who_cannot_put_up_the_stake_cannot_accept() {
    new_test_ext().execute_with(|| {
        let task = posted(terms());
        // 40 of stake, 10 of deposit and 5 to stay alive.
        assert_ok!(Balances::transfer_allow_death(
            signed(WORKER),
            STRANGER,
            10_000 - 54
        ));
        assert_noop!(accept(task, WORKER), TokenError::FundsUnavailable);
        assert_ok!(Balances::transfer_allow_death(signed(STRANGER), WORKER, 1));
        assert_ok!(accept(task, WORKER));
    });
}
