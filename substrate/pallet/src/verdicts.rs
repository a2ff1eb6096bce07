//! What becomes of a result: accepted, rejected, disputed, or decided by time.

use super::*;
use crate::money::{one_less, one_more};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{EnsureOrigin, Get},
};
use frame_system::{ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::{
    traits::{CheckedDiv, Saturating, Zero},
    DispatchError,
};

impl<T: Config> Pallet<T> {
    fn result_of(
        id: TaskId,
        round: Round,
        worker: &T::AccountId,
    ) -> Result<TaskResultOf<T>, DispatchError> {
        Ok(Results::<T>::get((id, round, worker)).ok_or(Error::<T>::UnknownResult)?)
    }

    fn is_due(result: &TaskResultOf<T>) -> bool {
        result
            .deadline
            .is_some_and(|deadline| Self::now() >= deadline)
    }

    pub(crate) fn do_validate_task_result(
        id: TaskId,
        round: Round,
        who: T::AccountId,
        worker: T::AccountId,
        verdict: Verdict,
    ) -> DispatchResult {
        let mut task = Self::task(id)?;
        ensure!(task.validator() == Some(&who), Error::<T>::NotValidator);
        let mut result = Self::result_of(id, round, &worker)?;
        ensure!(
            result.status == ResultStatus::PendingValidation,
            Error::<T>::NotPending
        );
        ensure!(!Self::is_due(&result), Error::<T>::ValidateTimeOver);

        match verdict {
            Verdict::Accept => Self::accept_result(id, &mut task, round, &worker, &mut result)?,
            Verdict::Reject(reason) => {
                ensure!(!reason.is_empty(), Error::<T>::ReasonRequired);
                result.bond = T::DisputeDeposit::get();
                Self::hold(HoldReason::DisputeDeposit, &who, result.bond)?;
                result.status = ResultStatus::Rejected;
                result.deadline =
                    Some(Self::now().saturating_add(task.terms.schedule.dispute_time));
                result.reason = Some(reason.clone());
                Self::deposit_event(Event::TaskResultRejected {
                    task: id,
                    round,
                    worker: worker.clone(),
                    reason,
                });
            }
        }
        Results::<T>::insert((id, round, &worker), result);
        Self::store(id, task)
    }

    pub(crate) fn do_claim_result(
        id: TaskId,
        round: Round,
        worker: T::AccountId,
    ) -> DispatchResult {
        let mut task = Self::task(id)?;
        let mut result = Self::result_of(id, round, &worker)?;
        ensure!(result.deadline.is_some(), Error::<T>::NothingToClaim);
        ensure!(Self::is_due(&result), Error::<T>::TooEarly);

        match result.status {
            ResultStatus::PendingValidation => {
                Self::accept_result(id, &mut task, round, &worker, &mut result)?
            }
            ResultStatus::Rejected => {
                Self::return_bond(&Self::bonded_validator(&task)?, &result)?;
                Self::deposit_event(Event::RejectionSettled {
                    task: id,
                    round,
                    worker: worker.clone(),
                });
                Self::refuse_result(id, &mut task, round, &worker, &mut result)?
            }
            ResultStatus::Disputed => {
                Self::halve_result(id, &mut task, round, &worker, &mut result)?
            }
            // Has no deadline, and so was turned away above.
            ResultStatus::Accepted => return Err(Error::<T>::NothingToClaim.into()),
        }
        Results::<T>::insert((id, round, &worker), result);
        Self::store(id, task)
    }

    pub(crate) fn do_dispute_result(
        id: TaskId,
        round: Round,
        worker: T::AccountId,
    ) -> DispatchResult {
        let task = Self::task(id)?;
        let mut result = Self::result_of(id, round, &worker)?;
        let disputable = result.status == ResultStatus::Rejected && result.deadline.is_some();
        ensure!(disputable, Error::<T>::NotRejected);
        ensure!(!Self::is_due(&result), Error::<T>::DisputeTimeOver);

        Self::hold(HoldReason::DisputeDeposit, &worker, result.bond)?;
        result.status = ResultStatus::Disputed;
        result.deadline = Some(Self::now().saturating_add(T::ArbiterTime::get()));
        Results::<T>::insert((id, round, &worker), result);
        Self::deposit_event(Event::TaskResultDisputed {
            task: id,
            round,
            worker,
        });
        Self::store(id, task)
    }

    pub(crate) fn ensure_arbiter(origin: OriginFor<T>, task: &TaskOf<T>) -> DispatchResult {
        let may = match &task.terms.arbiter {
            Some(arbiter) => ensure_signed(origin).is_ok_and(|who| &who == arbiter),
            None => T::ArbiterOrigin::ensure_origin(origin).is_ok(),
        };
        ensure!(may, Error::<T>::NotArbiter);
        Ok(())
    }

    pub(crate) fn do_resolve_dispute(
        id: TaskId,
        mut task: TaskOf<T>,
        round: Round,
        worker: T::AccountId,
        ruling: Ruling,
    ) -> DispatchResult {
        let mut result = Self::result_of(id, round, &worker)?;
        let open = result.status == ResultStatus::Disputed && result.deadline.is_some();
        ensure!(open, Error::<T>::NotDisputed);
        ensure!(!Self::is_due(&result), Error::<T>::ArbiterTimeOver);

        let validator = Self::bonded_validator(&task)?;
        let (winner, loser, outcome, paid) = match ruling {
            Ruling::Worker => (&worker, &validator, Outcome::Worker, task.terms.reward),
            Ruling::Validator => (&validator, &worker, Outcome::Validator, Zero::zero()),
        };
        Self::return_bond(winner, &result)?;
        Self::hand_over(HoldReason::DisputeDeposit, loser, winner, result.bond)?;
        Self::reputation(winner, |r| {
            r.disputes_won = r.disputes_won.saturating_add(1)
        });
        Self::reputation(loser, |r| {
            r.disputes_lost = r.disputes_lost.saturating_add(1)
        });
        Self::deposit_event(Event::DisputeResolved {
            task: id,
            round,
            worker: worker.clone(),
            outcome,
            paid,
        });
        match ruling {
            Ruling::Worker => Self::accept_result(id, &mut task, round, &worker, &mut result)?,
            Ruling::Validator => Self::refuse_result(id, &mut task, round, &worker, &mut result)?,
        }
        Results::<T>::insert((id, round, &worker), result);
        Self::store(id, task)
    }

    /// Who put up the bond of a rejection: the validator, which a task never changes.
    fn bonded_validator(task: &TaskOf<T>) -> Result<T::AccountId, DispatchError> {
        Ok(task.validator().cloned().ok_or(Error::<T>::NotRejected)?)
    }

    fn return_bond(who: &T::AccountId, result: &TaskResultOf<T>) -> DispatchResult {
        Self::release(HoldReason::DisputeDeposit, who, result.bond)
    }

    /// Pays the whole reward.
    pub(crate) fn accept_result(
        id: TaskId,
        task: &mut TaskOf<T>,
        round: Round,
        worker: &T::AccountId,
        result: &mut TaskResultOf<T>,
    ) -> DispatchResult {
        let reward = task.terms.reward;
        Self::pay(task, worker, result, reward)?;
        Self::reputation(worker, |r| r.accepted = r.accepted.saturating_add(1));
        result.status = ResultStatus::Accepted;
        Self::deposit_event(Event::TaskResultAccepted {
            task: id,
            round,
            worker: worker.clone(),
            paid: reward,
        });
        Self::close_result(id, task, round, worker, result)
    }

    /// Makes a rejection final. In the running round its unit may pay somebody else; a closed
    /// round cannot pay it any more.
    fn refuse_result(
        id: TaskId,
        task: &mut TaskOf<T>,
        round: Round,
        worker: &T::AccountId,
        result: &mut TaskResultOf<T>,
    ) -> DispatchResult {
        Self::reputation(worker, |r| r.rejected = r.rejected.saturating_add(1));
        result.status = ResultStatus::Rejected;
        if task.is_open() && round == task.round {
            one_more::<T>(&mut task.units)?;
        } else {
            let reward = task.terms.reward;
            Self::free(id, task, reward)?;
        }
        Self::close_result(id, task, round, worker, result)
    }

    /// Ends a dispute that no arbiter ruled: half is paid, the odd unit to the worker, who did
    /// the work; both bonds go back.
    fn halve_result(
        id: TaskId,
        task: &mut TaskOf<T>,
        round: Round,
        worker: &T::AccountId,
        result: &mut TaskResultOf<T>,
    ) -> DispatchResult {
        let reward = task.terms.reward;
        let freed = reward
            .checked_div(&2u32.into())
            .ok_or(Error::<T>::Overflow)?;
        let paid = reward.saturating_sub(freed);
        Self::return_bond(worker, result)?;
        Self::return_bond(&Self::bonded_validator(task)?, result)?;
        Self::pay(task, worker, result, paid)?;
        Self::deposit_event(Event::DisputeResolved {
            task: id,
            round,
            worker: worker.clone(),
            outcome: Outcome::Expired,
            paid,
        });
        Self::free(id, task, freed)?;
        Self::close_result(id, task, round, worker, result)
    }

    fn close_result(
        id: TaskId,
        task: &mut TaskOf<T>,
        round: Round,
        worker: &T::AccountId,
        result: &mut TaskResultOf<T>,
    ) -> DispatchResult {
        result.deadline = None;
        result.bond = Zero::zero();
        one_less::<T>(&mut task.unsettled)?;
        Self::end_if_last_round(id, task, round, worker)
    }
}
