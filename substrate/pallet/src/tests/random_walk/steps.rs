//! What people do at random, and the calls that it comes to.

use super::LIVE_TASKS;
use crate::{mock::*, Assignments, Call, Results, Tasks};
use proptest::{
    prelude::*,
    sample::{select, Index},
};

/// What somebody does. An `Index` picks among what is there when its turn comes, so that most
/// steps are meaningful; an account is any of the people, so that many are not allowed.
#[derive(Clone, Debug)]
pub enum Step {
    Create(AccountId, Terms),
    Accept(AccountId, Index),
    StartRound(Index),
    Send(Index),
    SendAnything(AccountId, Index, Round),
    Validate(Index, bool),
    ValidateAs(AccountId, Index, bool),
    Claim(Index),
    Dispute(Index),
    Resolve(Index, Ruling),
    Release(AccountId, Index),
    Leave(Index),
    Withdraw(AccountId, Index),
    WithdrawOwn(Index),
    Prune(Index, u32),
    Spend(AccountId, AccountId, Balance),
    Wait(u64),
}

fn person() -> impl Strategy<Value = AccountId> {
    select(&PEOPLE[..])
}

fn any_policy() -> impl Strategy<Value = Policy<AccountId>> {
    prop_oneof![
        1 => Just(Policy::AutoAccept),
        2 => Just(Policy::Manual),
        2 => person().prop_map(Policy::Delegated),
    ]
}

fn any_schedule() -> impl Strategy<Value = Schedule<u64>> {
    (1..60u64, 2..30u64, 2..20u64, 2..20u64).prop_map(
        |(accept_before, round_time, validate_time, dispute_time)| Schedule {
            accept_before,
            round_time,
            validate_time,
            dispute_time,
        },
    )
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let money = (1..120u128, 0..60u128);
    let size = (1..4u32, 1..4u32);
    let people = (any_policy(), proptest::option::of(person()));
    (
        select(&TaskKind::ALL[..]),
        money,
        size,
        people,
        any_schedule(),
    )
        .prop_map(
            |(kind, (reward, stake), (slots, rounds), (policy, arbiter), schedule)| Terms {
                kind,
                reward,
                slots,
                policy,
                schedule,
                stake: stake.min(reward * u128::from(rounds)),
                arbiter,
                ..federated(rounds)
            },
        )
}

pub fn any_step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    let ruling = select(&[Ruling::Worker, Ruling::Validator][..]);
    prop_oneof![
        3 => (person(), any_terms()).prop_map(|(w, t)| Step::Create(w, t)),
        14 => (person(), index()).prop_map(|(w, i)| Step::Accept(w, i)),
        2 => index().prop_map(Step::StartRound),
        14 => index().prop_map(Step::Send),
        1 => (person(), index(), 0..4u32).prop_map(|(w, i, r)| Step::SendAnything(w, i, r)),
        8 => (index(), any::<bool>()).prop_map(|(i, a)| Step::Validate(i, a)),
        1 => (person(), index(), any::<bool>()).prop_map(|(w, i, a)| Step::ValidateAs(w, i, a)),
        4 => index().prop_map(Step::Claim),
        4 => index().prop_map(Step::Dispute),
        4 => (index(), ruling).prop_map(|(i, r)| Step::Resolve(i, r)),
        2 => (person(), index()).prop_map(|(w, i)| Step::Release(w, i)),
        1 => index().prop_map(Step::Leave),
        1 => (person(), index()).prop_map(|(w, i)| Step::Withdraw(w, i)),
        1 => index().prop_map(Step::WithdrawOwn),
        2 => (index(), 0..5u32).prop_map(|(i, n)| Step::Prune(i, n)),
        1 => (person(), person(), 1..3_000u128).prop_map(|(a, b, n)| Step::Spend(a, b, n)),
        6 => (1..8u64).prop_map(Step::Wait),
        1 => Just(Step::Wait(IDLE_TIME + 60)),
    ]
}

fn a_task(index: &Index) -> Option<TaskId> {
    let mut tasks: Vec<_> = Tasks::<Test>::iter_keys().collect();
    tasks.sort_unstable();
    (!tasks.is_empty()).then(|| *index.get(&tasks))
}

fn an_assignment(
    index: &Index,
    fits: impl Fn(&crate::TaskOf<Test>, &crate::AssignmentOf<Test>) -> bool,
) -> Option<(TaskId, AccountId)> {
    let mut all: Vec<_> = Assignments::<Test>::iter()
        .filter(|(task, _, assignment)| fits(&the(*task), assignment))
        .map(|(task, worker, _)| (task, worker))
        .collect();
    all.sort_unstable();
    (!all.is_empty()).then(|| *index.get(&all))
}

fn a_result(
    index: &Index,
    fits: impl Fn(&crate::TaskResultOf<Test>) -> bool,
) -> Option<(TaskId, Round, AccountId)> {
    let mut all: Vec<_> = Results::<Test>::iter()
        .filter(|(_, result)| fits(result))
        .map(|(key, _)| key)
        .collect();
    all.sort_unstable();
    (!all.is_empty()).then(|| *index.get(&all))
}

fn verdict(accept: bool) -> Verdict {
    if accept {
        Verdict::Accept
    } else {
        Verdict::Reject(reason("noise"))
    }
}

/// The call that a step makes in the market as it stands, and who makes it.
pub fn call(step: Step) -> Option<(RuntimeOrigin, Call<Test>)> {
    let now = System::block_number();
    Some(match step {
        Step::Create(who, mut terms) if Tasks::<Test>::iter().count() < LIVE_TASKS => {
            terms.schedule.accept_before += now;
            (signed(who), Call::create_task { terms })
        }
        Step::Accept(who, index) => (
            signed(who),
            Call::accept_task {
                task: a_task(&index)?,
            },
        ),
        Step::StartRound(index) => {
            let task = a_task(&index)?;
            (
                signed(the(task).creator),
                Call::start_round {
                    task,
                    model: SomeCid::get(),
                },
            )
        }
        Step::Send(index) => {
            let (task, worker) = an_assignment(&index, |t, a| a.is_waiting(t))?;
            let round = the(task).round;
            (
                signed(worker),
                Call::send_task_result {
                    task,
                    round,
                    result: SomeCid::get(),
                },
            )
        }
        Step::SendAnything(who, index, round) => {
            let task = a_task(&index)?;
            (
                signed(who),
                Call::send_task_result {
                    task,
                    round,
                    result: SomeCid::get(),
                },
            )
        }
        Step::Validate(index, accept) => {
            let pending = |r: &crate::TaskResultOf<Test>| {
                r.deadline.is_some() && r.status == ResultStatus::PendingValidation
            };
            let (task, round, worker) = a_result(&index, pending)?;
            let verdict = verdict(accept);
            let who = *the(task).validator()?;
            (
                signed(who),
                Call::validate_task_result {
                    task,
                    round,
                    worker,
                    verdict,
                },
            )
        }
        Step::ValidateAs(who, index, accept) => {
            let (task, round, worker) = a_result(&index, |_| true)?;
            let verdict = verdict(accept);
            (
                signed(who),
                Call::validate_task_result {
                    task,
                    round,
                    worker,
                    verdict,
                },
            )
        }
        Step::Claim(index) => {
            let due = |r: &crate::TaskResultOf<Test>| r.deadline.is_some_and(|d| d <= now + 1);
            let (task, round, worker) =
                a_result(&index, due).or_else(|| a_result(&index, |_| true))?;
            (
                signed(STRANGER),
                Call::claim_result {
                    task,
                    round,
                    worker,
                },
            )
        }
        Step::Dispute(index) => {
            let rejected = |r: &crate::TaskResultOf<Test>| r.status == ResultStatus::Rejected;
            let (task, round, worker) = a_result(&index, rejected)?;
            (signed(worker), Call::dispute_result { task, round })
        }
        Step::Resolve(index, ruling) => {
            let disputed = |r: &crate::TaskResultOf<Test>| r.status == ResultStatus::Disputed;
            let (task, round, worker) = a_result(&index, disputed)?;
            let origin = the(task)
                .terms
                .arbiter
                .map_or(RuntimeOrigin::root(), signed);
            (
                origin,
                Call::resolve_dispute {
                    task,
                    round,
                    worker,
                    ruling,
                },
            )
        }
        Step::Release(who, index) => {
            let (task, worker) = an_assignment(&index, |_, _| true)?;
            (signed(who), Call::release_assignment { task, worker })
        }
        Step::Leave(index) => {
            let (task, worker) = an_assignment(&index, |_, a| !a.ended)?;
            (signed(worker), Call::release_assignment { task, worker })
        }
        Step::Withdraw(who, index) => (
            signed(who),
            Call::withdraw_task {
                task: a_task(&index)?,
            },
        ),
        Step::WithdrawOwn(index) => {
            let task = a_task(&index)?;
            (signed(the(task).creator), Call::withdraw_task { task })
        }
        Step::Prune(index, limit) => (
            signed(STRANGER),
            Call::prune_task {
                task: a_task(&index)?,
                limit,
            },
        ),
        Step::Create(..) | Step::Spend(..) | Step::Wait(_) => return None,
    })
}
