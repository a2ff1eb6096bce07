//! What is on hold, and how it moves.
//!
//! A freeze on an account never keeps a worker from its pay, hence `Force`: the money was promised
//! before. What is forced is on hold for this pallet alone. Accounts stay alive: the deposits on
//! hold for a task and for an assignment keep the creator and the worker from being reaped.

use super::*;
use frame_support::{
    dispatch::DispatchResult,
    traits::{
        fungible::MutateHold,
        tokens::{Fortitude, Precision, Restriction},
    },
};
use sp_runtime::{
    traits::{CheckedMul, CheckedSub, Saturating, Zero},
    DispatchError,
};

impl<T: Config> Pallet<T> {
    /// Reward × number of results.
    pub(crate) fn price(task: &TaskOf<T>, results: u32) -> Result<BalanceOf<T>, DispatchError> {
        let results = BalanceOf::<T>::from(results);
        Ok(task
            .terms
            .reward
            .checked_mul(&results)
            .ok_or(Error::<T>::Overflow)?)
    }

    pub(crate) fn hold(
        reason: HoldReason,
        who: &T::AccountId,
        amount: BalanceOf<T>,
    ) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        T::Currency::hold(&reason.into(), who, amount)
    }

    pub(crate) fn release(
        reason: HoldReason,
        who: &T::AccountId,
        amount: BalanceOf<T>,
    ) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        T::Currency::release(&reason.into(), who, amount, Precision::Exact).map(|_| ())
    }

    /// Moves what is on hold from one account to the free balance of another.
    pub(crate) fn hand_over(
        reason: HoldReason,
        from: &T::AccountId,
        to: &T::AccountId,
        amount: BalanceOf<T>,
    ) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        T::Currency::transfer_on_hold(
            &reason.into(),
            from,
            to,
            amount,
            Precision::Exact,
            Restriction::Free,
            Fortitude::Force,
        )
        .map(|_| ())
    }

    /// Pays a worker out of what is on hold for the task, and notes it.
    pub(crate) fn pay(
        task: &mut TaskOf<T>,
        worker: &T::AccountId,
        result: &mut TaskResultOf<T>,
        amount: BalanceOf<T>,
    ) -> DispatchResult {
        Self::hand_over(HoldReason::Reward, &task.creator, worker, amount)?;
        task.owed = task.owed.checked_sub(&amount).ok_or(Error::<T>::Overflow)?;
        task.paid = task.paid.saturating_add(amount);
        result.paid = amount;
        Self::reputation(worker, |r| r.earned = r.earned.saturating_add(amount));
        Ok(())
    }

    /// Gives money that the task can no longer pay back to its creator.
    pub(crate) fn free(id: TaskId, task: &mut TaskOf<T>, amount: BalanceOf<T>) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        task.owed = task.owed.checked_sub(&amount).ok_or(Error::<T>::Overflow)?;
        Self::release(HoldReason::Reward, &task.creator, amount)?;
        Self::deposit_event(Event::RewardFreed { task: id, amount });
        Ok(())
    }

    pub(crate) fn reputation(
        who: &T::AccountId,
        change: impl FnOnce(&mut Reputation<BalanceOf<T>>),
    ) {
        Reputations::<T>::mutate(who, |stored| {
            change(stored.get_or_insert_with(Default::default))
        });
    }
}

/// One less of a count that the rules say is not zero.
pub(crate) fn one_less<T: Config>(count: &mut u32) -> DispatchResult {
    *count = count.checked_sub(1).ok_or(Error::<T>::Overflow)?;
    Ok(())
}

/// One more of a count that the rules bound.
pub(crate) fn one_more<T: Config>(count: &mut u32) -> DispatchResult {
    *count = count.checked_add(1).ok_or(Error::<T>::Overflow)?;
    Ok(())
}
