//! How many bytes a stored item takes, and so what must be deposited for it.
//!
//! A map's key counts without the prefix that all keys of the map share. What may still grow counts
//! at its largest: nobody is asked for a second deposit later.

use super::*;
use codec::{Encode, MaxEncodedLen};
use frame_support::traits::Get;
use sp_runtime::traits::Saturating;

const BLAKE2_128: usize = 16;
const TWOX_64: usize = 8;
const TASK_ID: usize = core::mem::size_of::<TaskId>();
const ROUND: usize = core::mem::size_of::<Round>();
const NEWEST_FIRST: usize = core::mem::size_of::<NewestFirst>();

impl<T: Config> Pallet<T> {
    /// What a task's creator deposits: for the task and its places in the lists.
    pub(crate) fn task_deposit(task: &TaskOf<T>) -> BalanceOf<T> {
        let of_the_model = if task.terms.rounds > 1 {
            // Each round brings another one.
            Option::<Cid>::max_encoded_len() - task.model.encoded_size()
        } else {
            0
        };
        let entry = BLAKE2_128 + TASK_ID + task.encoded_size() + of_the_model;
        let among_open = TWOX_64 + task.terms.kind.encoded_size() + NEWEST_FIRST;
        let among_the_officers: usize = task
            .officers()
            .map(|who| BLAKE2_128 + who.encoded_size() + NEWEST_FIRST)
            .sum();
        Self::deposit(
            T::TaskDeposit::get(),
            entry + among_open + among_the_officers,
        )
    }

    /// What a worker deposits for its assignment and its place in the worker's list.
    pub(crate) fn assignment_deposit(worker: &T::AccountId) -> BalanceOf<T> {
        let account = BLAKE2_128 + worker.encoded_size();
        let entry = TWOX_64 + TASK_ID + account + AssignmentOf::<T>::max_encoded_len();
        let in_the_list = account + NEWEST_FIRST;
        Self::deposit(T::AssignmentDeposit::get(), entry + in_the_list)
    }

    /// What a worker deposits for its result and, where somebody may reject it, for the reason.
    pub(crate) fn result_deposit(
        task: &TaskOf<T>,
        worker: &T::AccountId,
        result: &TaskResultOf<T>,
    ) -> BalanceOf<T> {
        let of_the_reason = match task.terms.policy {
            Policy::AutoAccept => 0,
            Policy::Manual | Policy::Delegated(_) => {
                Option::<Reason>::max_encoded_len() - result.reason.encoded_size()
            }
        };
        let key = TWOX_64 + TASK_ID + TWOX_64 + ROUND + BLAKE2_128 + worker.encoded_size();
        let entry = key + result.encoded_size() + of_the_reason;
        Self::deposit(T::ResultDeposit::get(), entry)
    }

    fn deposit(for_the_items: BalanceOf<T>, bytes: usize) -> BalanceOf<T> {
        let bytes = BalanceOf::<T>::from(bytes as u32);
        for_the_items.saturating_add(BytePrice::<T>::get().saturating_mul(bytes))
    }
}
