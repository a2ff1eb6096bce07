//! A runtime with balances and the market, small numbers, and the words that the tests speak.

use crate as pallet_decentralml;
pub use crate::{types::*, HoldReason};
use frame_support::{
    derive_impl,
    dispatch::DispatchResult,
    parameter_types,
    traits::{ConstU128, ConstU32, ConstU64, VariantCountOf},
};
use frame_system::EnsureRoot;
use sp_runtime::BuildStorage;

pub type AccountId = u64;
pub type Balance = u128;
pub type Block = frame_system::mocking::MockBlock<Test>;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeTask
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(2)]
    pub type DecentralML = pallet_decentralml;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<Balance>;
    type DbWeight = frame_support::weights::constants::ParityDbWeight;
}

/// Least balance of an account.
pub const ED: Balance = 5;

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<ED>;
    type AccountStore = System;
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
}

pub const ARBITER_TIME: u64 = 50;
pub const IDLE_TIME: u64 = 500;
pub const MIN_SPAN: u64 = 2;
pub const MAX_SPAN: u64 = 1_000;
pub const MAX_SLOTS: u32 = 10;
pub const MAX_ROUNDS: u32 = 5;
pub const MAX_PRUNE: u32 = 4;
pub const TASK_DEPOSIT: Balance = 100;
pub const ASSIGNMENT_DEPOSIT: Balance = 10;
pub const RESULT_DEPOSIT: Balance = 7;
pub const DISPUTE_DEPOSIT: Balance = 20;

impl crate::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type ArbiterOrigin = EnsureRoot<AccountId>;
    type ArbiterTime = ConstU64<ARBITER_TIME>;
    type IdleTime = ConstU64<IDLE_TIME>;
    type MinSpan = ConstU64<MIN_SPAN>;
    type MaxSpan = ConstU64<MAX_SPAN>;
    type MaxSlots = ConstU32<MAX_SLOTS>;
    type MaxRounds = ConstU32<MAX_ROUNDS>;
    type MaxPrune = ConstU32<MAX_PRUNE>;
    type InitialBytePrice = ConstU128<0>;
    type PriceOrigin = EnsureRoot<AccountId>;
    type TaskDeposit = ConstU128<TASK_DEPOSIT>;
    type AssignmentDeposit = ConstU128<ASSIGNMENT_DEPOSIT>;
    type ResultDeposit = ConstU128<RESULT_DEPOSIT>;
    type DisputeDeposit = ConstU128<DISPUTE_DEPOSIT>;
    type WeightInfo = crate::weights::SubstrateWeight<Test>;
}

pub const CREATOR: AccountId = 1;
pub const WORKER: AccountId = 2;
pub const OTHER: AccountId = 3;
pub const THIRD: AccountId = 4;
pub const VALIDATOR: AccountId = 5;
pub const ARBITER: AccountId = 6;
pub const STRANGER: AccountId = 7;
pub const PEOPLE: [AccountId; 7] = [CREATOR, WORKER, OTHER, THIRD, VALIDATOR, ARBITER, STRANGER];
/// What each of the people begins with.
pub const PURSE: Balance = 10_000;

/// Block in which every test begins.
pub const START: u64 = 1;

/// A chain in its first block, where each of the people has a purse.
pub fn new_test_ext() -> sp_io::TestExternalities {
    let mut storage = frame_system::GenesisConfig::<Test>::default()
        .build_storage()
        .unwrap();
    pallet_balances::GenesisConfig::<Test> {
        balances: PEOPLE.map(|who| (who, PURSE)).to_vec(),
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    let mut ext = sp_io::TestExternalities::new(storage);
    ext.execute_with(|| System::set_block_number(START));
    ext
}

/// Runs a story, and checks at its end what must always be true.
pub fn market(story: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        story();
        DecentralML::do_try_state().unwrap();
    });
}

pub type Terms = crate::TermsOf<Test>;
pub type Event = crate::Event<Test>;
pub type Error = crate::Error<Test>;

parameter_types! {
    /// A content identifier as kubo writes one.
    pub SomeCid: Cid = cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy");
}

pub fn cid(text: &str) -> Cid {
    text.as_bytes().to_vec().try_into().unwrap()
}

pub fn reason(text: &str) -> Reason {
    text.as_bytes().to_vec().try_into().unwrap()
}

/// One delivery for 100 by each of two workers, validated by the creator: to accept before block
/// 21, then 10 blocks for the round, 20 to validate, 30 to dispute; a stake of 40.
pub fn terms() -> Terms {
    Terms {
        kind: TaskKind::Contribution,
        title: b"Digits".to_vec().try_into().unwrap(),
        bundle: SomeCid::get(),
        model: None,
        reward: 100,
        slots: 2,
        rounds: 1,
        policy: Policy::Manual,
        schedule: Schedule {
            accept_before: 21,
            round_time: 10,
            validate_time: 20,
            dispute_time: 30,
        },
        stake: 40,
        arbiter: Some(ARBITER),
        sealing_key: None,
    }
}

/// [`terms`] over several rounds.
pub fn federated(rounds: u32) -> Terms {
    Terms {
        rounds,
        model: Some(SomeCid::get()),
        ..terms()
    }
}

/// [`terms`] that pay at once.
pub fn unchecked() -> Terms {
    Terms {
        policy: Policy::AutoAccept,
        ..terms()
    }
}

pub fn signed(who: AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

/// Posts a task as the creator, and says its number.
pub fn posted(terms: Terms) -> TaskId {
    let task = crate::NextTaskId::<Test>::get();
    DecentralML::create_task(signed(CREATOR), terms).unwrap();
    task
}

pub fn accept(task: TaskId, who: AccountId) -> DispatchResult {
    DecentralML::accept_task(signed(who), task)
}

pub fn send(task: TaskId, round: Round, who: AccountId) -> DispatchResult {
    DecentralML::send_task_result(signed(who), task, round, SomeCid::get())
}

pub fn next_round(task: TaskId) -> DispatchResult {
    DecentralML::start_round(signed(CREATOR), task, SomeCid::get())
}

/// The creator accepts a result.
pub fn approve(task: TaskId, round: Round, worker: AccountId) -> DispatchResult {
    DecentralML::validate_task_result(signed(CREATOR), task, round, worker, Verdict::Accept)
}

/// The creator rejects a result.
pub fn reject(task: TaskId, round: Round, worker: AccountId) -> DispatchResult {
    let verdict = Verdict::Reject(reason("noise"));
    DecentralML::validate_task_result(signed(CREATOR), task, round, worker, verdict)
}

/// A stranger asks for what time has decided.
pub fn claim(task: TaskId, round: Round, worker: AccountId) -> DispatchResult {
    DecentralML::claim_result(signed(STRANGER), task, round, worker)
}

pub fn dispute(task: TaskId, round: Round, worker: AccountId) -> DispatchResult {
    DecentralML::dispute_result(signed(worker), task, round)
}

/// The task's arbiter rules.
pub fn rule(task: TaskId, round: Round, worker: AccountId, ruling: Ruling) -> DispatchResult {
    DecentralML::resolve_dispute(signed(ARBITER), task, round, worker, ruling)
}

/// The worker leaves.
pub fn leave(task: TaskId, worker: AccountId) -> DispatchResult {
    DecentralML::release_assignment(signed(worker), task, worker)
}

/// Somebody else asks to end the worker's assignment.
pub fn evict(task: TaskId, worker: AccountId) -> DispatchResult {
    DecentralML::release_assignment(signed(STRANGER), task, worker)
}

pub fn withdraw(task: TaskId) -> DispatchResult {
    DecentralML::withdraw_task(signed(CREATOR), task)
}

/// A stranger cleans up; says how often the largest bite had to be taken.
pub fn prune_all(task: TaskId) -> u32 {
    let mut calls = 0;
    while crate::Tasks::<Test>::contains_key(task) {
        DecentralML::prune_task(signed(STRANGER), task, MAX_PRUNE).unwrap();
        calls += 1;
    }
    calls
}

/// Time passes to a block.
pub fn at(block: u64) {
    System::set_block_number(block);
}

pub fn the(task: TaskId) -> crate::TaskOf<Test> {
    crate::Tasks::<Test>::get(task).unwrap()
}

pub fn result(task: TaskId, round: Round, worker: AccountId) -> crate::TaskResultOf<Test> {
    crate::Results::<Test>::get((task, round, worker)).unwrap()
}

pub fn assignment(task: TaskId, worker: AccountId) -> crate::AssignmentOf<Test> {
    crate::Assignments::<Test>::get(task, worker).unwrap()
}

pub fn reputation(who: AccountId) -> Reputation<Balance> {
    crate::Reputations::<Test>::get(who).unwrap_or_default()
}

/// What the account can spend.
pub fn free(who: AccountId) -> Balance {
    Balances::free_balance(who)
}

/// What is on hold from the account for one reason.
pub fn held(reason: HoldReason, who: AccountId) -> Balance {
    use frame_support::traits::fungible::InspectHold;
    Balances::balance_on_hold(&reason.into(), &who)
}

/// What is on hold from the account in all.
pub fn all_held(who: AccountId) -> Balance {
    Balances::reserved_balance(who)
}

/// The market's events so far, oldest first; forgets them.
pub fn told() -> Vec<Event> {
    let told = System::events()
        .into_iter()
        .filter_map(|record| match record.event {
            RuntimeEvent::DecentralML(event) => Some(event),
            _ => None,
        })
        .collect();
    System::reset_events();
    told
}
