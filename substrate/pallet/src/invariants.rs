//! What is always true, between any two calls.

use super::*;
use alloc::collections::{BTreeMap, BTreeSet};
use frame_support::{ensure, traits::fungible::InspectHold};
use sp_runtime::{
    traits::{Saturating, Zero},
    TryRuntimeError,
};

/// What should be on hold, by reason and account.
type Holds<T> = BTreeMap<(u8, AccountOf<T>), BalanceOf<T>>;

const REASONS: [HoldReason; 6] = [
    HoldReason::Reward,
    HoldReason::Stake,
    HoldReason::TaskDeposit,
    HoldReason::AssignmentDeposit,
    HoldReason::ResultDeposit,
    HoldReason::DisputeDeposit,
];

impl<T: Config> Pallet<T> {
    /// Checks everything below; walks the whole state, so it is for tests and offline checks.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        for (id, task) in Tasks::<T>::iter() {
            ensure!(
                id < NextTaskId::<T>::get(),
                "a task has a number not given yet"
            );
            Self::check_counts(id, &task)?;
            Self::check_rounds(id, &task)?;
            Self::check_amounts(id, &task)?;
        }
        Self::check_nothing_is_orphaned()?;
        Self::check_indexes()?;
        Self::check_holds()
    }

    /// The counters of a task are the counts of its items.
    fn check_counts(id: TaskId, task: &TaskOf<T>) -> Result<(), TryRuntimeError> {
        let assignments: alloc::vec::Vec<_> = Assignments::<T>::iter_prefix_values(id).collect();
        let assigned = assignments.iter().filter(|a| !a.ended).count();
        let waiting = assignments.iter().filter(|a| a.is_waiting(task)).count();
        let unsettled = Results::<T>::iter_prefix_values((id,))
            .filter(|r| r.deadline.is_some())
            .count();
        ensure!(
            task.assigned as usize == assigned,
            "assigned is not the count of assignments"
        );
        ensure!(
            task.waiting as usize == waiting,
            "waiting is not the count of those who wait"
        );
        ensure!(
            task.unsettled as usize == unsettled,
            "unsettled is not the count of results"
        );
        ensure!(task.assigned <= task.terms.slots, "more workers than slots");
        ensure!(
            task.waiting <= task.units,
            "a worker waits for money that is not there"
        );
        ensure!(
            task.is_open() || task.units == task.waiting,
            "a finished task keeps money"
        );
        ensure!(
            assignments.iter().all(|a| !a.ended || a.stake.is_zero()),
            "an ended assignment keeps a stake"
        );
        Ok(())
    }

    /// No round pays more results than it has slots; the running round's money is all accounted.
    fn check_rounds(id: TaskId, task: &TaskOf<T>) -> Result<(), TryRuntimeError> {
        ensure!(
            task.round >= 1 && task.round <= task.terms.rounds,
            "a round that is none"
        );
        let mut used = BTreeMap::<Round, u32>::new();
        for ((round, _), result) in Results::<T>::iter_prefix((id,)) {
            if result.deadline.is_some() || !result.paid.is_zero() {
                used.entry(round).or_default().saturating_accrue(1);
            }
        }
        ensure!(
            used.keys().all(|round| *round <= task.round),
            "a result of a round to come"
        );
        ensure!(
            used.values().all(|n| *n <= task.terms.slots),
            "a round pays too many results"
        );
        let now = used.get(&task.round).copied().unwrap_or_default();
        ensure!(
            !task.is_open() || task.units + now == task.terms.slots,
            "a unit of the running round is lost or doubled"
        );
        Ok(())
    }

    /// A task holds what it may still have to pay, and has paid what its results got.
    fn check_amounts(id: TaskId, task: &TaskOf<T>) -> Result<(), TryRuntimeError> {
        let Terms {
            reward,
            slots,
            rounds,
            ..
        } = task.terms;
        let to_come = if task.is_open() {
            slots * (rounds - task.round)
        } else {
            0
        };
        let results = task.units + task.unsettled + to_come;
        ensure!(
            task.owed == reward.saturating_mul(results.into()),
            "owed is not what may still be paid"
        );
        let escrow = reward.saturating_mul((slots * rounds).into());
        ensure!(
            task.paid.saturating_add(task.owed) <= escrow,
            "more than was locked"
        );

        let mut paid = BalanceOf::<T>::zero();
        for result in Results::<T>::iter_prefix_values((id,)) {
            Self::check_result(task, &result)?;
            paid.saturating_accrue(result.paid);
        }
        ensure!(
            paid <= task.paid,
            "results were paid more than the task paid"
        );
        ensure!(
            !task.is_open() || paid == task.paid,
            "the task paid something else"
        );
        Ok(())
    }

    /// A result is paid once, by its status, and never more than the reward.
    fn check_result(task: &TaskOf<T>, result: &TaskResultOf<T>) -> Result<(), TryRuntimeError> {
        let open = result.deadline.is_some();
        let reward = task.terms.reward;
        let paid_as_it_should = match result.status {
            ResultStatus::PendingValidation => open && result.paid.is_zero(),
            ResultStatus::Accepted => !open && result.paid == reward,
            ResultStatus::Rejected => result.paid.is_zero(),
            ResultStatus::Disputed => open == result.paid.is_zero() && result.paid <= reward,
        };
        ensure!(
            paid_as_it_should,
            "what a result was paid does not fit its status"
        );
        let rejected = matches!(
            result.status,
            ResultStatus::Rejected | ResultStatus::Disputed
        );
        ensure!(
            result.bond.is_zero() || (open && rejected),
            "a bond without a dispute"
        );
        ensure!(
            !rejected || result.reason.is_some(),
            "rejected without a reason"
        );
        Ok(())
    }

    fn check_nothing_is_orphaned() -> Result<(), TryRuntimeError> {
        for (id, worker, assignment) in Assignments::<T>::iter() {
            let task = Tasks::<T>::get(id).ok_or("an assignment without a task")?;
            ensure!(worker != task.creator, "a creator works for itself");
            ensure!(!task.terms.names(&worker), "a judge is a party");
            ensure!(
                assignment.last_round <= task.round,
                "delivered a round to come"
            );
        }
        for ((id, round, worker), _) in Results::<T>::iter() {
            let assignment =
                Assignments::<T>::get(id, worker).ok_or("a result without an assignment")?;
            let delivered = assignment.first_round <= round && round <= assignment.last_round;
            ensure!(delivered, "a result that its worker did not deliver");
        }
        Ok(())
    }

    fn check_indexes() -> Result<(), TryRuntimeError> {
        let free: BTreeSet<_> = Tasks::<T>::iter()
            .filter(|(_, task)| task.has_free_slot())
            .map(|(id, task)| (codec::Encode::encode(&task.terms.kind), newest_first(id)))
            .collect();
        let listed: BTreeSet<_> = OpenTasks::<T>::iter_keys()
            .map(|(kind, key)| (codec::Encode::encode(&kind), key))
            .collect();
        ensure!(free == listed, "the list of open tasks is wrong");

        let assigned: BTreeSet<_> = Assignments::<T>::iter_keys()
            .map(|(id, worker)| (worker, newest_first(id)))
            .collect();
        let listed: BTreeSet<_> = TasksOfWorker::<T>::iter_keys().collect();
        ensure!(assigned == listed, "the list of a worker's tasks is wrong");

        let in_office: BTreeSet<_> = Tasks::<T>::iter()
            .flat_map(|(id, task)| {
                let officers: alloc::vec::Vec<_> = task.officers().cloned().collect();
                officers.into_iter().map(move |who| (who, newest_first(id)))
            })
            .collect();
        let listed: BTreeSet<_> = TasksOfOfficer::<T>::iter_keys().collect();
        ensure!(
            in_office == listed,
            "the list of an officer's tasks is wrong"
        );
        Ok(())
    }

    /// On hold from each account, for each reason, is what the stored items say, and nothing else.
    fn check_holds() -> Result<(), TryRuntimeError> {
        let mut due = Self::holds_due()?;
        for who in frame_system::Account::<T>::iter_keys() {
            for reason in REASONS {
                let held = T::Currency::balance_on_hold(&reason.into(), &who);
                let due = due.remove(&(reason as u8, who.clone())).unwrap_or_default();
                ensure!(held == due, "on hold differs from what is owed");
            }
        }
        ensure!(
            due.values().all(|amount| amount.is_zero()),
            "an account owes and is gone"
        );
        Ok(())
    }

    fn holds_due() -> Result<Holds<T>, TryRuntimeError> {
        let mut due = Holds::<T>::new();
        let mut add = |reason: HoldReason, who: &T::AccountId, amount: BalanceOf<T>| {
            due.entry((reason as u8, who.clone()))
                .or_default()
                .saturating_accrue(amount);
        };
        for (_, task) in Tasks::<T>::iter() {
            add(HoldReason::Reward, &task.creator, task.owed);
            add(HoldReason::TaskDeposit, &task.creator, task.deposit);
        }
        for (_, worker, assignment) in Assignments::<T>::iter() {
            add(HoldReason::Stake, &worker, assignment.stake);
            add(HoldReason::AssignmentDeposit, &worker, assignment.deposit);
        }
        for ((id, _, worker), result) in Results::<T>::iter() {
            add(HoldReason::ResultDeposit, &worker, result.deposit);
            if result.bond.is_zero() {
                continue;
            }
            let task = Tasks::<T>::get(id).ok_or("a result without a task")?;
            let validator = task.validator().ok_or("a rejection without a validator")?;
            add(HoldReason::DisputeDeposit, validator, result.bond);
            if result.status == ResultStatus::Disputed {
                add(HoldReason::DisputeDeposit, &worker, result.bond);
            }
        }
        Ok(due)
    }
}
