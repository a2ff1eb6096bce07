//! The creator's steps: posting a task, opening rounds, breaking off, cleaning up.

use super::*;
use crate::money::{one_less, one_more};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get};
use sp_runtime::{
    traits::{CheckedAdd, CheckedMul, One, Saturating, Zero},
    DispatchError,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn now() -> BlockOf<T> {
        frame_system::Pallet::<T>::block_number()
    }

    pub(crate) fn task(id: TaskId) -> Result<TaskOf<T>, DispatchError> {
        Ok(Tasks::<T>::get(id).ok_or(Error::<T>::UnknownTask)?)
    }

    /// Stores a task after a step, completes it when that was the last one, and keeps the index
    /// of open tasks.
    pub(crate) fn store(id: TaskId, mut task: TaskOf<T>) -> DispatchResult {
        task.touched = Self::now();
        Self::complete_if_over(id, &mut task)?;
        let key = newest_first(id);
        if task.has_free_slot() {
            OpenTasks::<T>::insert(task.terms.kind, key, ());
        } else {
            OpenTasks::<T>::remove(task.terms.kind, key);
        }
        Tasks::<T>::insert(id, task);
        Ok(())
    }

    fn complete_if_over(id: TaskId, task: &mut TaskOf<T>) -> DispatchResult {
        if task.is_open() && task.is_over(Self::now()) {
            task.units = 0;
            Self::free(id, task, task.owed)?;
            task.status = TaskStatus::Completed;
            Self::deposit_event(Event::TaskCompleted { task: id });
        }
        Ok(())
    }

    pub(crate) fn do_create_task(creator: T::AccountId, terms: TermsOf<T>) -> DispatchResult {
        Self::check_terms(&creator, &terms)?;
        let owed = Self::escrow(&terms)?;
        let id = NextTaskId::<T>::get();
        Self::hold(HoldReason::Reward, &creator, owed)?;

        NextTaskId::<T>::put(id.checked_add(1).ok_or(Error::<T>::Overflow)?);
        Self::deposit_event(Event::TaskCreated {
            task: id,
            creator: creator.clone(),
        });
        let mut task = Task {
            creator,
            model: terms.model.clone(),
            round: 1,
            round_started: Self::now(),
            status: TaskStatus::Created,
            assigned: 0,
            waiting: 0,
            units: terms.slots,
            unsettled: 0,
            owed,
            paid: Zero::zero(),
            deposit: Zero::zero(),
            touched: Self::now(),
            terms,
        };
        task.deposit = Self::task_deposit(&task);
        Self::hold(HoldReason::TaskDeposit, &task.creator, task.deposit)?;
        for officer in task.officers() {
            TasksOfOfficer::<T>::insert(officer, newest_first(id), ());
        }
        Self::store(id, task)
    }

    fn check_terms(creator: &T::AccountId, terms: &TermsOf<T>) -> DispatchResult {
        ensure!(!terms.reward.is_zero(), Error::<T>::ZeroReward);
        ensure!(terms.slots > 0, Error::<T>::ZeroSlots);
        ensure!(terms.slots <= T::MaxSlots::get(), Error::<T>::TooManySlots);
        ensure!(terms.rounds > 0, Error::<T>::ZeroRounds);
        ensure!(
            terms.rounds <= T::MaxRounds::get(),
            Error::<T>::TooManyRounds
        );
        Self::check_schedule(&terms.schedule)?;
        ensure!(is_cid(&terms.bundle), Error::<T>::InvalidCid);
        ensure!(
            terms.model.as_ref().is_none_or(|model| is_cid(model)),
            Error::<T>::InvalidCid
        );
        ensure!(
            terms.rounds == 1 || terms.model.is_some(),
            Error::<T>::ModelRequired
        );
        Self::check_people(creator, terms)?;
        let earnings = terms
            .reward
            .checked_mul(&terms.rounds.into())
            .ok_or(Error::<T>::Overflow)?;
        ensure!(terms.stake <= earnings, Error::<T>::StakeTooHigh);
        Ok(())
    }

    fn check_schedule(schedule: &Schedule<BlockOf<T>>) -> DispatchResult {
        let now = Self::now();
        let latest = now.saturating_add(T::MaxSpan::get());
        let spans = [
            schedule.round_time,
            schedule.validate_time,
            schedule.dispute_time,
        ];
        let spans_fit = spans
            .iter()
            .all(|span| *span >= T::MinSpan::get() && *span <= T::MaxSpan::get());
        let ahead = schedule.accept_before > now && schedule.accept_before <= latest;
        ensure!(ahead && spans_fit, Error::<T>::InvalidSchedule);
        Ok(())
    }

    /// Nobody may hold two of the offices creator, delegated validator and arbiter: a judge who is
    /// a party is none.
    fn check_people(creator: &T::AccountId, terms: &TermsOf<T>) -> DispatchResult {
        ensure!(!terms.names(creator), Error::<T>::ConflictOfInterest);
        if let Policy::Delegated(validator) = &terms.policy {
            ensure!(
                terms.arbiter.as_ref() != Some(validator),
                Error::<T>::ConflictOfInterest
            );
        }
        Ok(())
    }

    fn escrow(terms: &TermsOf<T>) -> Result<BalanceOf<T>, DispatchError> {
        let results = terms
            .slots
            .checked_mul(terms.rounds)
            .ok_or(Error::<T>::Overflow)?;
        Ok(terms
            .reward
            .checked_mul(&results.into())
            .ok_or(Error::<T>::Overflow)?)
    }

    pub(crate) fn do_start_round(id: TaskId, who: T::AccountId, model: Cid) -> DispatchResult {
        let mut task = Self::task(id)?;
        ensure!(who == task.creator, Error::<T>::NotCreator);
        ensure!(task.is_open(), Error::<T>::TaskNotOpen);
        ensure!(task.round < task.terms.rounds, Error::<T>::NoRoundsLeft);
        ensure!(is_cid(&model), Error::<T>::InvalidCid);

        let closed = Self::price(&task, task.units)?;
        Self::free(id, &mut task, closed)?;
        one_more::<T>(&mut task.round)?;
        task.round_started = Self::now();
        task.units = task.terms.slots;
        task.waiting = task.assigned;
        task.model = Some(model.clone());
        Self::deposit_event(Event::RoundStarted {
            task: id,
            round: task.round,
            model,
        });
        Self::store(id, task)
    }

    pub(crate) fn do_withdraw_task(id: TaskId, who: T::AccountId) -> DispatchResult {
        let mut task = Self::task(id)?;
        ensure!(task.is_open(), Error::<T>::TaskNotOpen);
        ensure!(
            who == task.creator || Self::is_idle(&task),
            Error::<T>::NotCreator
        );

        let results = task
            .waiting
            .checked_add(task.unsettled)
            .ok_or(Error::<T>::Overflow)?;
        let still_owed = Self::price(&task, results)?;
        let rest = task.owed.saturating_sub(still_owed);
        task.units = task.waiting;
        task.status = TaskStatus::Withdrawn;
        Self::deposit_event(Event::TaskWithdrawn { task: id });
        Self::free(id, &mut task, rest)?;
        Self::store(id, task)
    }

    /// Whether nobody could accept or deliver, and nobody did anything, for `IdleTime`.
    fn is_idle(task: &TaskOf<T>) -> bool {
        let schedule = &task.terms.schedule;
        let quiet = task
            .touched
            .saturating_add(schedule.round_time)
            .max(schedule.accept_before);
        quiet
            .checked_add(&T::IdleTime::get())
            .is_some_and(|limit| Self::now() >= limit)
    }

    pub(crate) fn do_prune_task(id: TaskId, limit: u32) -> Result<u32, DispatchError> {
        let mut task = Self::task(id)?;
        // Time alone may have ended it: nobody joined before `accept_before`.
        Self::complete_if_over(id, &mut task)?;
        ensure!(!task.is_open(), Error::<T>::TaskNotFinished);
        ensure!(task.owed.is_zero(), Error::<T>::StillOwed);

        let mut items = Self::prune_results(id, limit)?;
        if items < limit {
            items.saturating_accrue(Self::prune_assignments(id, &mut task, limit - items)?);
        }
        let done = Results::<T>::iter_key_prefix((id,)).next().is_none()
            && Assignments::<T>::iter_key_prefix(id).next().is_none();
        OpenTasks::<T>::remove(task.terms.kind, newest_first(id));
        if done {
            Self::release(HoldReason::TaskDeposit, &task.creator, task.deposit)?;
            for officer in task.officers() {
                TasksOfOfficer::<T>::remove(officer, newest_first(id));
            }
            Tasks::<T>::remove(id);
        } else {
            Tasks::<T>::insert(id, task);
        }
        Self::deposit_event(Event::TaskPruned {
            task: id,
            items,
            done,
        });
        Ok(items)
    }

    fn prune_results(id: TaskId, limit: u32) -> Result<u32, DispatchError> {
        let mut items = 0;
        for ((_, worker), result) in Results::<T>::drain_prefix((id,)).take(limit as usize) {
            Self::release(HoldReason::ResultDeposit, &worker, result.deposit)?;
            items.saturating_accrue(One::one());
        }
        Ok(items)
    }

    fn prune_assignments(
        id: TaskId,
        task: &mut TaskOf<T>,
        limit: u32,
    ) -> Result<u32, DispatchError> {
        let mut items = 0;
        for (worker, assignment) in Assignments::<T>::drain_prefix(id).take(limit as usize) {
            if !assignment.ended {
                one_less::<T>(&mut task.assigned)?;
                Self::release(HoldReason::Stake, &worker, assignment.stake)?;
            }
            Self::release(HoldReason::AssignmentDeposit, &worker, assignment.deposit)?;
            TasksOfWorker::<T>::remove(&worker, newest_first(id));
            items.saturating_accrue(One::one());
        }
        Ok(items)
    }
}
