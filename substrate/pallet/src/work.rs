//! The worker's steps: accepting a task, delivering its rounds, leaving.

use super::*;
use crate::money::{one_less, one_more};
use frame_support::{dispatch::DispatchResult, ensure};
use sp_runtime::{
    traits::{CheckedDiv, Saturating, Zero},
    DispatchError,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn assignment_of(
        id: TaskId,
        worker: &T::AccountId,
    ) -> Result<AssignmentOf<T>, DispatchError> {
        Ok(Assignments::<T>::get(id, worker).ok_or(Error::<T>::UnknownAssignment)?)
    }

    pub(crate) fn do_accept_task(id: TaskId, worker: T::AccountId) -> DispatchResult {
        let mut task = Self::task(id)?;
        let now = Self::now();
        ensure!(worker != task.creator, Error::<T>::CreatorCannotAccept);
        ensure!(!task.terms.names(&worker), Error::<T>::ConflictOfInterest);
        ensure!(
            !Assignments::<T>::contains_key(id, &worker),
            Error::<T>::AlreadyAccepted
        );
        ensure!(task.is_open(), Error::<T>::TaskNotOpen);
        ensure!(
            now < task.terms.schedule.accept_before,
            Error::<T>::AcceptTimeOver
        );
        ensure!(task.has_free_slot(), Error::<T>::NoFreeSlot);

        let stake = task.terms.stake;
        let deposit = Self::assignment_deposit(&worker);
        Self::hold(HoldReason::Stake, &worker, stake)?;
        Self::hold(HoldReason::AssignmentDeposit, &worker, deposit)?;

        let joins_now = task.has_unit_to_spare();
        let first_round = if joins_now {
            task.round
        } else {
            task.round.saturating_add(1)
        };
        let assignment = Assignment {
            since: now,
            first_round,
            last_round: 0,
            delivered: 0,
            stake,
            deposit,
            ended: false,
        };
        one_more::<T>(&mut task.assigned)?;
        if joins_now {
            one_more::<T>(&mut task.waiting)?;
        }
        task.status = TaskStatus::InProgress;
        let until = joins_now.then(|| assignment.until(&task));
        Assignments::<T>::insert(id, &worker, assignment);
        TasksOfWorker::<T>::insert(&worker, newest_first(id), ());
        Self::deposit_event(Event::TaskAccepted {
            task: id,
            worker,
            first_round,
            until,
        });
        Self::store(id, task)
    }

    pub(crate) fn do_send_task_result(
        id: TaskId,
        round: Round,
        worker: T::AccountId,
        cid: Cid,
    ) -> DispatchResult {
        let mut task = Self::task(id)?;
        let mut assignment = Self::assignment_of(id, &worker)?;
        let now = Self::now();
        ensure!(
            round == task.round && round >= assignment.first_round,
            Error::<T>::WrongRound
        );
        ensure!(assignment.last_round < round, Error::<T>::AlreadySent);
        ensure!(!assignment.ended, Error::<T>::AssignmentEnded);
        ensure!(now < assignment.until(&task), Error::<T>::RoundTimeOver);
        ensure!(is_cid(&cid), Error::<T>::InvalidCid);

        let mut result = TaskResult {
            result: cid.clone(),
            sent: now,
            status: ResultStatus::PendingValidation,
            reason: None,
            deadline: Some(now.saturating_add(task.terms.schedule.validate_time)),
            paid: Zero::zero(),
            bond: Zero::zero(),
            deposit: Zero::zero(),
        };
        result.deposit = Self::result_deposit(&task, &worker, &result);
        Self::hold(HoldReason::ResultDeposit, &worker, result.deposit)?;
        one_less::<T>(&mut task.waiting)?;
        one_less::<T>(&mut task.units)?;
        one_more::<T>(&mut task.unsettled)?;
        assignment.last_round = round;
        one_more::<T>(&mut assignment.delivered)?;
        Assignments::<T>::insert(id, &worker, assignment);
        Self::deposit_event(Event::TaskResultSent {
            task: id,
            round,
            worker: worker.clone(),
            result: cid,
        });
        if task.terms.policy == Policy::AutoAccept {
            Self::accept_result(id, &mut task, round, &worker, &mut result)?;
        }
        Results::<T>::insert((id, round, &worker), result);
        Self::store(id, task)
    }

    pub(crate) fn do_release_assignment(
        id: TaskId,
        who: T::AccountId,
        worker: T::AccountId,
    ) -> DispatchResult {
        let mut task = Self::task(id)?;
        let assignment = Self::assignment_of(id, &worker)?;
        ensure!(!assignment.ended, Error::<T>::AssignmentEnded);

        let waiting = assignment.is_waiting(&task);
        let missed = waiting && Self::now() >= assignment.until(&task);
        let has_nothing_to_deliver = !waiting && !task.is_open();
        ensure!(
            who == worker || missed || has_nothing_to_deliver,
            Error::<T>::TooEarly
        );

        let free_of_charge =
            !waiting || !task.is_open() || assignment.is_in_first_half(&task, Self::now());
        let forfeited = if free_of_charge {
            Zero::zero()
        } else {
            Self::round_stake(&task)
        };
        if missed && task.is_open() {
            Self::reputation(&worker, |r| r.expired = r.expired.saturating_add(1));
        }
        Self::hand_over(HoldReason::Stake, &worker, &task.creator, forfeited)?;
        Self::end_assignment(id, &mut task, &worker, assignment, forfeited)?;
        Self::deposit_event(Event::AssignmentReleased {
            task: id,
            worker,
            forfeited,
        });
        Self::store(id, task)
    }

    /// What one round of the stake is worth; the remainder of the division stays the worker's.
    fn round_stake(task: &TaskOf<T>) -> BalanceOf<T> {
        task.terms
            .stake
            .checked_div(&task.terms.rounds.into())
            .unwrap_or_else(Zero::zero)
    }

    /// Takes the worker out of the task, and gives back what is left of its stake.
    fn end_assignment(
        id: TaskId,
        task: &mut TaskOf<T>,
        worker: &T::AccountId,
        mut assignment: AssignmentOf<T>,
        forfeited: BalanceOf<T>,
    ) -> DispatchResult {
        if assignment.is_waiting(task) {
            one_less::<T>(&mut task.waiting)?;
            if !task.is_open() {
                one_less::<T>(&mut task.units)?;
                Self::free(id, task, task.terms.reward)?;
            }
        }
        one_less::<T>(&mut task.assigned)?;
        let rest = assignment.stake.saturating_sub(forfeited);
        Self::release(HoldReason::Stake, worker, rest)?;
        assignment.stake = Zero::zero();
        assignment.ended = true;
        Assignments::<T>::insert(id, worker, assignment);
        Ok(())
    }

    /// Ends the assignment of a worker whose result of the last round is settled: there is
    /// nothing left for it to deliver.
    pub(crate) fn end_if_last_round(
        id: TaskId,
        task: &mut TaskOf<T>,
        round: Round,
        worker: &T::AccountId,
    ) -> DispatchResult {
        if round != task.round || !task.is_last_round() {
            return Ok(());
        }
        match Assignments::<T>::get(id, worker) {
            Some(assignment) if !assignment.ended => {
                Self::end_assignment(id, task, worker, assignment, Zero::zero())
            }
            _ => Ok(()),
        }
    }
}
