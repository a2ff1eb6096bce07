//! Paged reads of the market.
//!
//! A client lists open tasks, a worker's assignments or a task's results with one call a page, in
//! time that depends on the page alone, not on how much the market holds.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

use alloc::vec::Vec;
use codec::Codec;
use pallet_decentralml::types::{AssignmentInfo, Round, Task, TaskId, TaskKind, TaskResult};

sp_api::decl_runtime_apis! {
    /// What clients ask of the market.
    ///
    /// `limit` is cut to [`pallet_decentralml::MAX_PAGE`]. Pass the last key of a page as `start`
    /// to get the next; a page shorter than the limit is the last one.
    pub trait DecentralMLApi<AccountId, Balance, BlockNumber>
    where
        AccountId: Codec,
        Balance: Codec,
        BlockNumber: Codec,
    {
        /// Unfinished tasks with a slot free, newest first; of one kind, or of all.
        ///
        /// The time to accept may be over: compare `terms.schedule.accept_before` with the head.
        fn open_tasks(
            kind: Option<TaskKind>,
            start: Option<TaskId>,
            limit: u32,
        ) -> Vec<(TaskId, Task<AccountId, Balance, BlockNumber>)>;

        /// The tasks in which the account holds an office (creator, delegated validator or
        /// arbiter), newest first; finished ones too, until they are pruned.
        fn tasks_of(
            officer: AccountId,
            start: Option<TaskId>,
            limit: u32,
        ) -> Vec<(TaskId, Task<AccountId, Balance, BlockNumber>)>;

        /// A worker's assignments, newest task first; ended ones too, until they are pruned.
        fn assignments_of(
            worker: AccountId,
            start: Option<TaskId>,
            limit: u32,
        ) -> Vec<(TaskId, AssignmentInfo<Balance, BlockNumber>)>;

        /// One assignment, with the deadline as it is now.
        fn assignment(
            task: TaskId,
            worker: AccountId,
        ) -> Option<AssignmentInfo<Balance, BlockNumber>>;

        /// A task's results of all rounds, in a fixed order; those of one round stand together.
        fn results_of(
            task: TaskId,
            start: Option<(Round, AccountId)>,
            limit: u32,
        ) -> Vec<(Round, AccountId, TaskResult<Balance, BlockNumber>)>;

        /// The results of one round, in a fixed order.
        fn results_of_round(
            task: TaskId,
            round: Round,
            start: Option<AccountId>,
            limit: u32,
        ) -> Vec<(AccountId, TaskResult<Balance, BlockNumber>)>;

        /// What is still on hold to pay a task's results; nothing for an unknown task.
        fn owed(task: TaskId) -> Option<Balance>;
    }
}
