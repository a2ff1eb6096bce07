//! The market of machine-learning work.
//!
//! A creator posts a task and locks its pay; workers accept it, deliver results round by round,
//! and are paid as the task's policy says. The chain keeps money and promises: every payload is
//! named by its content identifier and travels elsewhere.
//!
//! The rules in full, with every deadline and the way of the money, are in
//! `docs/explanation/market-rules.md`. In code, one file holds the calls of one person's step:
//! `tasks` (the creator), `work` (the worker), `verdicts` (validator and arbiter); `money` moves
//! what is on hold, `reads` pages through what is stored, `invariants` says what is always true.
//!
//! Every call is O(1) in tasks, workers and results. No call panics, and a failed call changes
//! nothing.

#![cfg_attr(not(feature = "std"), no_std)]
#![warn(missing_docs)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod footprint;
#[cfg(any(feature = "try-runtime", test))]
mod invariants;
pub mod migrations;
#[cfg(test)]
mod mock;
mod money;
mod reads;
mod tasks;
#[cfg(test)]
mod tests;
pub mod types;
mod verdicts;
pub mod weights;
mod work;

pub use pallet::*;
pub use reads::MAX_PAGE;
pub use weights::WeightInfo;

use frame_support::traits::fungible;
use types::*;

/// Amounts, in the smallest unit of the currency.
pub type BalanceOf<T> =
    <<T as Config>::Currency as fungible::Inspect<<T as frame_system::Config>::AccountId>>::Balance;
/// Block numbers of the runtime.
pub type BlockOf<T> = frame_system::pallet_prelude::BlockNumberFor<T>;
/// Accounts of the runtime.
pub type AccountOf<T> = <T as frame_system::Config>::AccountId;
/// [`Terms`] of the runtime.
pub type TermsOf<T> = Terms<AccountOf<T>, BalanceOf<T>, BlockOf<T>>;
/// [`Task`] of the runtime.
pub type TaskOf<T> = Task<AccountOf<T>, BalanceOf<T>, BlockOf<T>>;
/// [`Assignment`] of the runtime.
pub type AssignmentOf<T> = Assignment<BalanceOf<T>, BlockOf<T>>;
/// [`TaskResult`] of the runtime.
pub type TaskResultOf<T> = TaskResult<BalanceOf<T>, BlockOf<T>>;

#[allow(missing_docs)] // what the macros write beside the items has none
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::{pallet_prelude::*, traits::fungible::hold};
    use frame_system::pallet_prelude::*;

    /// 0: every kind of item had one deposit. 1: deposits count bytes, at [`BytePrice`].
    pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// What tasks are paid in. Holds keep the pay with its owner until it is due.
        type Currency: fungible::Mutate<Self::AccountId>
            + hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>;

        /// The runtime's reasons to hold, ours among them.
        type RuntimeHoldReason: From<HoldReason>;

        /// Who rules the disputes of tasks that name no arbiter.
        type ArbiterOrigin: EnsureOrigin<Self::RuntimeOrigin>;

        /// Blocks that an arbiter has; past them a dispute ends by halving the reward.
        #[pallet::constant]
        type ArbiterTime: Get<BlockNumberFor<Self>>;

        /// Blocks after which a task that nobody touched may be withdrawn by anyone, so that no
        /// deposit stays locked behind a creator who is gone.
        #[pallet::constant]
        type IdleTime: Get<BlockNumberFor<Self>>;

        /// Fewest blocks of a span of a schedule; at least 1.
        #[pallet::constant]
        type MinSpan: Get<BlockNumberFor<Self>>;

        /// Most blocks of a span of a schedule, also from creation to `accept_before`.
        #[pallet::constant]
        type MaxSpan: Get<BlockNumberFor<Self>>;

        /// Most workers of a task at once.
        #[pallet::constant]
        type MaxSlots: Get<u32>;

        /// Most rounds of a task.
        #[pallet::constant]
        type MaxRounds: Get<u32>;

        /// Most items that one `prune_task` removes.
        #[pallet::constant]
        type MaxPrune: Get<u32>;

        /// What a byte in the state costs as deposit until governance says otherwise.
        #[pallet::constant]
        type InitialBytePrice: Get<BalanceOf<Self>>;

        /// Who may change what a byte costs.
        type PriceOrigin: EnsureOrigin<Self::RuntimeOrigin>;

        /// Held on the creator while the task is stored, beside the price of its bytes; not zero.
        #[pallet::constant]
        type TaskDeposit: Get<BalanceOf<Self>>;

        /// Held on the worker while its assignment is stored, beside the price of its bytes; not
        /// zero.
        #[pallet::constant]
        type AssignmentDeposit: Get<BalanceOf<Self>>;

        /// Held on the worker while its result is stored, beside the price of its bytes; not zero,
        /// since it also keeps the account alive to be paid however small the reward is.
        #[pallet::constant]
        type ResultDeposit: Get<BalanceOf<Self>>;

        /// Held on a validator that rejects, and on a worker that disputes; the loser's goes to
        /// the winner.
        #[pallet::constant]
        type DisputeDeposit: Get<BalanceOf<Self>>;

        /// What the calls cost.
        type WeightInfo: WeightInfo;
    }

    /// Why money is on hold.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// On the creator: what its tasks may still have to pay.
        Reward,
        /// On the worker: against not delivering.
        Stake,
        /// On the creator: for the task as a stored item.
        TaskDeposit,
        /// On the worker: for the assignment as a stored item.
        AssignmentDeposit,
        /// On the worker: for the result as a stored item.
        ResultDeposit,
        /// On validator and worker: against being wrong in a dispute.
        DisputeDeposit,
    }

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        /// Longest content identifier, in bytes of its text.
        #[pallet::constant_name(MaxCidLength)]
        fn max_cid_length() -> u32 {
            MAX_CID_LENGTH
        }

        /// Longest title, in bytes.
        #[pallet::constant_name(MaxTitleLength)]
        fn max_title_length() -> u32 {
            MAX_TITLE_LENGTH
        }

        /// Longest reason of a rejection, in bytes.
        #[pallet::constant_name(MaxReasonLength)]
        fn max_reason_length() -> u32 {
            MAX_REASON_LENGTH
        }

        /// Most items in a page of the runtime API.
        #[pallet::constant_name(MaxPage)]
        fn max_page() -> u32 {
            MAX_PAGE
        }
    }

    /// Number that the next task gets.
    #[pallet::storage]
    pub type NextTaskId<T: Config> = StorageValue<_, TaskId, ValueQuery>;

    /// Every task until it is pruned.
    #[pallet::storage]
    pub type Tasks<T: Config> = StorageMap<_, Blake2_128Concat, TaskId, TaskOf<T>>;

    /// Every worker that ever accepted a task, until the task is pruned.
    #[pallet::storage]
    pub type Assignments<T: Config> =
        StorageDoubleMap<_, Twox64Concat, TaskId, Blake2_128Concat, T::AccountId, AssignmentOf<T>>;

    /// Every result, until its task is pruned.
    #[pallet::storage]
    pub type Results<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Twox64Concat, TaskId>,
            NMapKey<Twox64Concat, Round>,
            NMapKey<Blake2_128Concat, T::AccountId>,
        ),
        TaskResultOf<T>,
    >;

    /// What accounts have done. Stays when tasks are pruned.
    #[pallet::storage]
    pub type Reputations<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, Reputation<BalanceOf<T>>>;

    /// Tasks with a free slot, by kind; the key orders newest first.
    #[pallet::storage]
    pub type OpenTasks<T: Config> =
        StorageDoubleMap<_, Twox64Concat, TaskKind, Identity, NewestFirst, ()>;

    /// The tasks of each worker; the key orders newest first.
    #[pallet::storage]
    pub type TasksOfWorker<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NewestFirst, ()>;

    /// The tasks in which an account holds an office: creator, delegated validator or arbiter. The
    /// key orders newest first.
    #[pallet::storage]
    pub type TasksOfOfficer<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NewestFirst, ()>;

    /// What a byte of a new item costs as deposit. Items keep the deposit that they began with.
    #[pallet::storage]
    pub type BytePrice<T: Config> = StorageValue<_, BalanceOf<T>, ValueQuery>;

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        #[serde(skip)]
        _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            BytePrice::<T>::put(T::InitialBytePrice::get());
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A task is open, its pay on hold.
        TaskCreated { task: TaskId, creator: T::AccountId },
        /// A worker takes a slot. It may deliver from `first_round` on; `until` is nothing when
        /// that round is not open yet.
        TaskAccepted {
            task: TaskId,
            worker: T::AccountId,
            first_round: Round,
            until: Option<BlockNumberFor<T>>,
        },
        /// The next round is open, with its model.
        RoundStarted {
            task: TaskId,
            round: Round,
            model: Cid,
        },
        /// A worker delivered.
        TaskResultSent {
            task: TaskId,
            round: Round,
            worker: T::AccountId,
            result: Cid,
        },
        /// A result is paid in full: by policy, by its validator, by silence or by a won dispute.
        TaskResultAccepted {
            task: TaskId,
            round: Round,
            worker: T::AccountId,
            paid: BalanceOf<T>,
        },
        /// The validator refuses a result; the worker may dispute.
        TaskResultRejected {
            task: TaskId,
            round: Round,
            worker: T::AccountId,
            reason: Reason,
        },
        /// A rejection is final, since it was not disputed in time.
        RejectionSettled {
            task: TaskId,
            round: Round,
            worker: T::AccountId,
        },
        /// The worker calls the arbiter.
        TaskResultDisputed {
            task: TaskId,
            round: Round,
            worker: T::AccountId,
        },
        /// A dispute is over.
        DisputeResolved {
            task: TaskId,
            round: Round,
            worker: T::AccountId,
            outcome: Outcome,
            paid: BalanceOf<T>,
        },
        /// Money that the task can no longer pay went back to its creator.
        RewardFreed { task: TaskId, amount: BalanceOf<T> },
        /// A worker left, or was removed for missing its round; `forfeited` went to the creator.
        AssignmentReleased {
            task: TaskId,
            worker: T::AccountId,
            forfeited: BalanceOf<T>,
        },
        /// No new workers and no new rounds; what is owed is still settled.
        TaskWithdrawn { task: TaskId },
        /// Everything is settled.
        TaskCompleted { task: TaskId },
        /// Items of a finished task were removed, all of them when `done`.
        TaskPruned {
            task: TaskId,
            items: u32,
            done: bool,
        },
        /// A byte of a new item costs this much as deposit from now on.
        BytePriceSet { price: BalanceOf<T> },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// There is no such task: check its number; it may have been pruned.
        UnknownTask,
        /// This account never accepted the task: accept it first.
        UnknownAssignment,
        /// There is no such result: check task, round and worker.
        UnknownResult,
        /// Only the task's creator may do this, or anyone once the task has been idle for long.
        NotCreator,
        /// Only the validator that the task's policy names may do this.
        NotValidator,
        /// Only the task's arbiter may do this, or the chain's where the task names none.
        NotArbiter,
        /// A creator cannot work for itself: use another account.
        CreatorCannotAccept,
        /// One account cannot be creator, validator, arbiter or worker at the same time, except
        /// that the creator validates by the policy `Manual`.
        ConflictOfInterest,
        /// This account has accepted the task before; a task is accepted once.
        AlreadyAccepted,
        /// Every slot is taken or used up: wait for one to open, or take another task.
        NoFreeSlot,
        /// `accept_before` has passed: take another task.
        AcceptTimeOver,
        /// The task is completed or withdrawn.
        TaskNotOpen,
        /// The running round is another one, or this worker joins in a later one: read the task.
        WrongRound,
        /// The time of the round is over for this worker.
        RoundTimeOver,
        /// This worker has delivered this round already.
        AlreadySent,
        /// The worker has left the task, or has nothing to deliver any more.
        AssignmentEnded,
        /// The result has been decided already.
        NotPending,
        /// The validator's time is over: the result is as good as accepted, call `claim_result`.
        ValidateTimeOver,
        /// A rejection needs a reason.
        ReasonRequired,
        /// Only a rejection that is not final can be disputed.
        NotRejected,
        /// The time to dispute is over.
        DisputeTimeOver,
        /// There is no open dispute about this result.
        NotDisputed,
        /// The arbiter's time is over: call `claim_result`, which halves the reward.
        ArbiterTimeOver,
        /// Somebody else's time is still running: try again at the deadline.
        TooEarly,
        /// The result is final already.
        NothingToClaim,
        /// The running round is the last one.
        NoRoundsLeft,
        /// Only a completed or withdrawn task can be pruned.
        TaskNotFinished,
        /// A worker or a result is not settled yet: release and claim first.
        StillOwed,
        /// The reward must not be zero.
        ZeroReward,
        /// At least one slot is needed.
        ZeroSlots,
        /// More slots than `MaxSlots`.
        TooManySlots,
        /// At least one round is needed.
        ZeroRounds,
        /// More rounds than `MaxRounds`.
        TooManyRounds,
        /// `accept_before` must lie ahead, and each span between `MinSpan` and `MaxSpan`.
        InvalidSchedule,
        /// Not a content identifier of version 1 in base 32 (`b…`).
        InvalidCid,
        /// More than one round needs a first model.
        ModelRequired,
        /// The stake is more than a worker can earn: reward × rounds.
        StakeTooHigh,
        /// An amount or a count does not fit: choose smaller numbers.
        Overflow,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            use sp_runtime::traits::Zero;
            assert!(
                !T::TaskDeposit::get().is_zero(),
                "TaskDeposit must not be zero"
            );
            assert!(
                !T::AssignmentDeposit::get().is_zero(),
                "AssignmentDeposit must not be zero"
            );
            assert!(
                !T::ResultDeposit::get().is_zero(),
                "ResultDeposit must not be zero"
            );
            assert!(!T::MinSpan::get().is_zero(), "MinSpan must not be zero");
            assert!(
                T::MinSpan::get() <= T::MaxSpan::get(),
                "MinSpan must not exceed MaxSpan"
            );
            assert!(
                T::MaxSlots::get() > 0 && T::MaxRounds::get() > 0,
                "no task could be created"
            );
            assert!(T::MaxPrune::get() > 0, "no task could be pruned");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Posts a task, and holds reward × slots × rounds and the deposit on the caller.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::create_task())]
        pub fn create_task(origin: OriginFor<T>, terms: TermsOf<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_create_task(who, terms)
        }

        /// Takes a slot of a task, and holds the stake and a deposit on the caller.
        ///
        /// Anyone but the task's creator, validator and arbiter, once a task, while
        /// `now < accept_before` and a slot is free.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::accept_task())]
        pub fn accept_task(origin: OriginFor<T>, task: TaskId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_accept_task(task, who)
        }

        /// Opens the next round with its model. The creator, while rounds are left.
        ///
        /// Workers who had not delivered are not punished: their time starts anew.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::start_round())]
        pub fn start_round(origin: OriginFor<T>, task: TaskId, model: Cid) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_start_round(task, who, model)
        }

        /// Delivers the running round. An assigned worker, once a round, in its time.
        ///
        /// Under `AutoAccept` it is paid at once; else the validator's time starts.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::send_task_result())]
        pub fn send_task_result(
            origin: OriginFor<T>,
            task: TaskId,
            round: Round,
            result: Cid,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_send_task_result(task, round, who, result)
        }

        /// Accepts a result, which pays it, or rejects it with a reason. The validator, in time.
        ///
        /// A rejection holds the dispute deposit on the validator until it is final.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::validate_task_result())]
        pub fn validate_task_result(
            origin: OriginFor<T>,
            task: TaskId,
            round: Round,
            worker: T::AccountId,
            verdict: Verdict,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_validate_task_result(task, round, who, worker, verdict)
        }

        /// Does what time has decided: pays a result whose validator was silent, settles a
        /// rejection that was not disputed, halves a reward whose arbiter was silent. Anyone.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::claim_result())]
        pub fn claim_result(
            origin: OriginFor<T>,
            task: TaskId,
            round: Round,
            worker: T::AccountId,
        ) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_claim_result(task, round, worker)
        }

        /// Calls the arbiter about a rejection of the caller's result, in the time to dispute.
        ///
        /// Holds the dispute deposit on the caller.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::dispute_result())]
        pub fn dispute_result(origin: OriginFor<T>, task: TaskId, round: Round) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_dispute_result(task, round, who)
        }

        /// Rules a dispute. The task's arbiter, or the chain's where the task names none, in time.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::resolve_dispute())]
        pub fn resolve_dispute(
            origin: OriginFor<T>,
            task: TaskId,
            round: Round,
            worker: T::AccountId,
            ruling: Ruling,
        ) -> DispatchResult {
            let stored = Self::task(task)?;
            Self::ensure_arbiter(origin, &stored)?;
            Self::do_resolve_dispute(task, stored, round, worker, ruling)
        }

        /// Ends an assignment: the worker at any time; anyone once its round was missed, or once
        /// it has nothing to deliver in a withdrawn task.
        ///
        /// Leaving a running round in its second half, or missing it, forfeits stake ÷ rounds to
        /// the creator, unless the task was withdrawn.
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::release_assignment())]
        pub fn release_assignment(
            origin: OriginFor<T>,
            task: TaskId,
            worker: T::AccountId,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_release_assignment(task, who, worker)
        }

        /// Breaks a task off: no new workers, no new rounds, and what is not owed goes back.
        ///
        /// The creator; anyone once the task has been idle for long. Assigned workers may still
        /// deliver the running round, and are paid.
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::withdraw_task())]
        pub fn withdraw_task(origin: OriginFor<T>, task: TaskId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_withdraw_task(task, who)
        }

        /// Removes up to `limit` (at most `MaxPrune`) items of a finished task, and gives their
        /// deposits back to who paid them. Anyone, once nothing is owed.
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::prune_task((*limit).min(T::MaxPrune::get())))]
        pub fn prune_task(
            origin: OriginFor<T>,
            task: TaskId,
            limit: u32,
        ) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            let items = Self::do_prune_task(task, limit.min(T::MaxPrune::get()))?;
            Ok(Some(T::WeightInfo::prune_task(items)).into())
        }

        /// Changes what a byte of a new item costs as deposit. The chain's governance.
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::set_byte_price())]
        pub fn set_byte_price(origin: OriginFor<T>, price: BalanceOf<T>) -> DispatchResult {
            T::PriceOrigin::ensure_origin(origin)?;
            BytePrice::<T>::put(price);
            Self::deposit_event(Event::BytePriceSet { price });
            Ok(())
        }
    }
}
