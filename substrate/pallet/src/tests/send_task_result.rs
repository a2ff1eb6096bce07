//! `send_task_result`: a worker delivers a round.

use crate::mock::*;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;

/// A task that the worker has accepted.
fn accepted(terms: Terms) -> TaskId {
    let task = posted(terms);
    assert_ok!(accept(task, WORKER));
    told();
    task
}

#[test]
fn a_delivery_waits_for_its_validator() {
    market(|| {
        let task = accepted(terms());
        at(5);

        assert_ok!(send(task, 1, WORKER));

        let sent = result(task, 1, WORKER);
        assert_eq!(sent.result, SomeCid::get());
        assert_eq!((sent.sent, sent.deadline), (5, Some(25)));
        assert_eq!(sent.status, ResultStatus::PendingValidation);
        assert_eq!((sent.paid, sent.reason), (0, None));
        assert_eq!(
            told(),
            vec![Event::TaskResultSent {
                task,
                round: 1,
                worker: WORKER,
                result: SomeCid::get()
            }]
        );
    });
}

#[test]
fn a_delivery_takes_one_unit_of_the_rounds_money() {
    market(|| {
        let task = accepted(terms());
        assert_ok!(send(task, 1, WORKER));

        let stored = the(task);
        assert_eq!((stored.units, stored.waiting, stored.unsettled), (1, 0, 1));
        assert_eq!((stored.assigned, stored.owed), (1, 200));
        assert_eq!(assignment(task, WORKER).delivered, 1);
        assert_eq!(DecentralML::assignment(task, &WORKER).unwrap().until, None);
    });
}

#[test]
fn a_deposit_for_the_result_is_put_on_hold() {
    market(|| {
        let task = accepted(terms());
        assert_ok!(send(task, 1, WORKER));
        assert_eq!(held(HoldReason::ResultDeposit, WORKER), 7);
        assert_eq!(free(WORKER), 10_000 - 40 - 10 - 7);
    });
}

#[test]
fn who_cannot_put_up_the_deposit_cannot_deliver() {
    new_test_ext().execute_with(|| {
        let task = accepted(terms());
        // 50 are on hold; 7 of deposit and 5 to stay alive are missing one.
        assert_ok!(Balances::transfer_allow_death(
            signed(WORKER),
            STRANGER,
            9_950 - 11
        ));
        assert_noop!(send(task, 1, WORKER), TokenError::FundsUnavailable);
    });
}

#[test]
fn unchecked_work_is_paid_at_once() {
    market(|| {
        let task = accepted(unchecked());

        assert_ok!(send(task, 1, WORKER));

        let sent = result(task, 1, WORKER);
        assert_eq!((sent.status, sent.deadline), (ResultStatus::Accepted, None));
        assert_eq!(sent.paid, 100);
        // The stake is back, the deposits are not yet.
        assert_eq!(free(WORKER), 10_000 - 10 - 7 + 100);
        assert_eq!(held(HoldReason::Reward, CREATOR), 100);
        assert_eq!(
            (reputation(WORKER).accepted, reputation(WORKER).earned),
            (1, 100)
        );
        assert_eq!(
            told()[1],
            Event::TaskResultAccepted {
                task,
                round: 1,
                worker: WORKER,
                paid: 100
            }
        );
    });
}

#[test]
fn unchecked_work_completes_a_task_with_its_last_delivery() {
    market(|| {
        let task = accepted(Terms {
            slots: 1,
            ..unchecked()
        });
        assert_ok!(send(task, 1, WORKER));
        assert_eq!(the(task).status, TaskStatus::Completed);
        assert_eq!(told().last(), Some(&Event::TaskCompleted { task }));
    });
}

#[test]
fn a_worker_with_little_is_paid_less_than_a_new_account_needs() {
    market(|| {
        let task = accepted(Terms {
            reward: 1,
            stake: 0,
            ..unchecked()
        });
        // Left: 7 for the deposit and 5 to stay alive.
        assert_ok!(Balances::transfer_allow_death(
            signed(WORKER),
            STRANGER,
            9_990 - 12
        ));

        assert_ok!(send(task, 1, WORKER));

        assert_eq!(free(WORKER), 5 + 1);
    });
}

#[test]
fn a_freeze_on_the_creator_does_not_stop_the_pay() {
    use frame_support::traits::{LockableCurrency, WithdrawReasons};
    market(|| {
        let task = accepted(unchecked());
        let everything = WithdrawReasons::all();
        Balances::set_lock(*b"frozen__", &CREATOR, 10_000, everything);

        assert_ok!(send(task, 1, WORKER));

        assert_eq!(result(task, 1, WORKER).paid, 100);
    });
}

#[test]
fn the_round_ends_in_the_block_named_until() {
    for (block, in_time) in [(10, true), (11, false), (12, false)] {
        market(|| {
            let task = accepted(terms()); // in block 1, for 10 blocks
            at(block);
            if in_time {
                assert_ok!(send(task, 1, WORKER));
            } else {
                assert_noop!(send(task, 1, WORKER), Error::RoundTimeOver);
            }
        });
    }
}

#[test]
fn who_joins_later_has_as_much_time() {
    market(|| {
        let task = accepted(terms());
        at(8);
        assert_ok!(accept(task, OTHER));
        at(17);
        assert_noop!(send(task, 1, WORKER), Error::RoundTimeOver);
        assert_ok!(send(task, 1, OTHER));
    });
}

#[test]
fn a_round_is_delivered_once() {
    market(|| {
        let task = accepted(federated(2));
        assert_ok!(send(task, 1, WORKER));
        assert_noop!(send(task, 1, WORKER), Error::AlreadySent);
    });
}

#[test]
fn a_result_paid_at_once_is_not_sent_twice_either() {
    market(|| {
        let task = accepted(unchecked());
        assert_ok!(send(task, 1, WORKER));
        assert_noop!(send(task, 1, WORKER), Error::AlreadySent);
    });
}

#[test]
fn only_the_running_round_is_delivered() {
    market(|| {
        let task = accepted(federated(3));
        assert_ok!(next_round(task));
        for round in [0, 1, 3] {
            assert_noop!(send(task, round, WORKER), Error::WrongRound);
        }
        assert_ok!(send(task, 2, WORKER));
    });
}

#[test]
fn who_never_accepted_delivers_nothing() {
    new_test_ext().execute_with(|| {
        let task = accepted(terms());
        assert_noop!(send(task, 1, OTHER), Error::UnknownAssignment);
        assert_noop!(send(task + 1, 1, WORKER), Error::UnknownTask);
    });
}

#[test]
fn who_left_delivers_nothing() {
    market(|| {
        let task = accepted(terms());
        assert_ok!(leave(task, WORKER));
        assert_noop!(send(task, 1, WORKER), Error::AssignmentEnded);
    });
}

#[test]
fn a_result_is_named_by_content() {
    new_test_ext().execute_with(|| {
        let task = accepted(terms());
        let call = DecentralML::send_task_result(signed(WORKER), task, 1, cid("result.zip"));
        assert_noop!(call, Error::InvalidCid);
    });
}

#[test]
fn two_workers_may_send_the_same_content() {
    market(|| {
        let task = accepted(terms());
        assert_ok!(accept(task, OTHER));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(send(task, 1, OTHER));
    });
}

#[test]
fn the_running_round_of_a_withdrawn_task_may_be_delivered() {
    market(|| {
        let task = accepted(terms());
        assert_ok!(withdraw(task));
        assert_ok!(send(task, 1, WORKER));
        assert_ok!(approve(task, 1, WORKER));
        assert_eq!(result(task, 1, WORKER).paid, 100);
        assert_eq!((the(task).owed, all_held(CREATOR)), (0, 100));
    });
}
