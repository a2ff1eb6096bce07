//! What the calls of `pallet_decentralml` cost. Written by `scripts/benchmark_weights.sh`, never by hand.
//!
//! Steps: 20, repeats: 15, executed as Compiled WebAssembly.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(missing_docs, unused_imports, unused_parens)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each benchmark of `pallet_decentralml`.
pub trait WeightInfo {
    fn create_task() -> Weight;
    fn accept_task() -> Weight;
    fn start_round() -> Weight;
    fn send_task_result() -> Weight;
    fn validate_task_result() -> Weight;
    fn claim_result() -> Weight;
    fn dispute_result() -> Weight;
    fn resolve_dispute() -> Weight;
    fn release_assignment() -> Weight;
    fn withdraw_task() -> Weight;
    fn prune_task(n: u32, ) -> Weight;
    fn set_byte_price() -> Weight;
}

/// Measured on the chain's node, with the database that the runtime names.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    /// Storage: `DecentralML::NextTaskId` (r:1 w:1)
    /// Proof: `DecentralML::NextTaskId` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    /// Storage: `System::Account` (r:1 w:1)
    /// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    /// Storage: `Balances::Holds` (r:1 w:1)
    /// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(229), added: 2704, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::BytePrice` (r:1 w:0)
    /// Proof: `DecentralML::BytePrice` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::OpenTasks` (r:0 w:1)
    /// Proof: `DecentralML::OpenTasks` (`max_values`: None, `max_size`: Some(18), added: 2493, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::TasksOfOfficer` (r:0 w:2)
    /// Proof: `DecentralML::TasksOfOfficer` (`max_values`: None, `max_size`: Some(56), added: 2531, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Tasks` (r:0 w:1)
    /// Proof: `DecentralML::Tasks` (`max_values`: None, `max_size`: Some(620), added: 3095, mode: `MaxEncodedLen`)
    fn create_task() -> Weight {
        // Proof size in bytes:
        //  Measured:  `148`
        //  Estimated: `3694`
        // Least execution time: 108_932_000 picoseconds.
        Weight::from_parts(116_874_000, 3694)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(7_u64))
    }
    /// Storage: `DecentralML::Tasks` (r:1 w:1)
    /// Proof: `DecentralML::Tasks` (`max_values`: None, `max_size`: Some(620), added: 3095, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Assignments` (r:1 w:1)
    /// Proof: `DecentralML::Assignments` (`max_values`: None, `max_size`: Some(113), added: 2588, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::BytePrice` (r:1 w:0)
    /// Proof: `DecentralML::BytePrice` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    /// Storage: `System::Account` (r:1 w:1)
    /// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    /// Storage: `Balances::Holds` (r:1 w:1)
    /// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(229), added: 2704, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::OpenTasks` (r:0 w:1)
    /// Proof: `DecentralML::OpenTasks` (`max_values`: None, `max_size`: Some(18), added: 2493, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::TasksOfWorker` (r:0 w:1)
    /// Proof: `DecentralML::TasksOfWorker` (`max_values`: None, `max_size`: Some(56), added: 2531, mode: `MaxEncodedLen`)
    fn accept_task() -> Weight {
        // Proof size in bytes:
        //  Measured:  `920`
        //  Estimated: `4085`
        // Least execution time: 117_976_000 picoseconds.
        Weight::from_parts(186_168_000, 4085)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(6_u64))
    }
    /// Storage: `DecentralML::Tasks` (r:1 w:1)
    /// Proof: `DecentralML::Tasks` (`max_values`: None, `max_size`: Some(620), added: 3095, mode: `MaxEncodedLen`)
    /// Storage: `System::Account` (r:1 w:1)
    /// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    /// Storage: `Balances::Holds` (r:1 w:1)
    /// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(229), added: 2704, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::OpenTasks` (r:0 w:1)
    /// Proof: `DecentralML::OpenTasks` (`max_values`: None, `max_size`: Some(18), added: 2493, mode: `MaxEncodedLen`)
    fn start_round() -> Weight {
        // Proof size in bytes:
        //  Measured:  `925`
        //  Estimated: `4085`
        // Least execution time: 62_082_000 picoseconds.
        Weight::from_parts(104_496_000, 4085)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    /// Storage: `DecentralML::Tasks` (r:1 w:1)
    /// Proof: `DecentralML::Tasks` (`max_values`: None, `max_size`: Some(620), added: 3095, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Assignments` (r:1 w:1)
    /// Proof: `DecentralML::Assignments` (`max_values`: None, `max_size`: Some(113), added: 2588, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::BytePrice` (r:1 w:0)
    /// Proof: `DecentralML::BytePrice` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    /// Storage: `System::Account` (r:2 w:2)
    /// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    /// Storage: `Balances::Holds` (r:2 w:2)
    /// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(229), added: 2704, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Reputations` (r:1 w:1)
    /// Proof: `DecentralML::Reputations` (`max_values`: None, `max_size`: Some(84), added: 2559, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Results` (r:0 w:1)
    /// Proof: `DecentralML::Results` (`max_values`: None, `max_size`: Some(459), added: 2934, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::OpenTasks` (r:0 w:1)
    /// Proof: `DecentralML::OpenTasks` (`max_values`: None, `max_size`: Some(18), added: 2493, mode: `MaxEncodedLen`)
    fn send_task_result() -> Weight {
        // Proof size in bytes:
        //  Measured:  `1237`
        //  Estimated: `6398`
        // Least execution time: 179_788_000 picoseconds.
        Weight::from_parts(287_810_000, 6398)
            .saturating_add(T::DbWeight::get().reads(8_u64))
            .saturating_add(T::DbWeight::get().writes(9_u64))
    }
    /// Storage: `DecentralML::Tasks` (r:1 w:1)
    /// Proof: `DecentralML::Tasks` (`max_values`: None, `max_size`: Some(620), added: 3095, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Results` (r:1 w:1)
    /// Proof: `DecentralML::Results` (`max_values`: None, `max_size`: Some(459), added: 2934, mode: `MaxEncodedLen`)
    /// Storage: `Balances::Holds` (r:2 w:2)
    /// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(229), added: 2704, mode: `MaxEncodedLen`)
    /// Storage: `System::Account` (r:2 w:2)
    /// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Reputations` (r:1 w:1)
    /// Proof: `DecentralML::Reputations` (`max_values`: None, `max_size`: Some(84), added: 2559, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Assignments` (r:1 w:1)
    /// Proof: `DecentralML::Assignments` (`max_values`: None, `max_size`: Some(113), added: 2588, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::OpenTasks` (r:0 w:1)
    /// Proof: `DecentralML::OpenTasks` (`max_values`: None, `max_size`: Some(18), added: 2493, mode: `MaxEncodedLen`)
    fn validate_task_result() -> Weight {
        // Proof size in bytes:
        //  Measured:  `1478`
        //  Estimated: `6398`
        // Least execution time: 131_566_000 picoseconds.
        Weight::from_parts(216_413_000, 6398)
            .saturating_add(T::DbWeight::get().reads(8_u64))
            .saturating_add(T::DbWeight::get().writes(9_u64))
    }
    /// Storage: `DecentralML::Tasks` (r:1 w:1)
    /// Proof: `DecentralML::Tasks` (`max_values`: None, `max_size`: Some(620), added: 3095, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Results` (r:1 w:1)
    /// Proof: `DecentralML::Results` (`max_values`: None, `max_size`: Some(459), added: 2934, mode: `MaxEncodedLen`)
    /// Storage: `System::Account` (r:2 w:2)
    /// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    /// Storage: `Balances::Holds` (r:2 w:2)
    /// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(229), added: 2704, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Reputations` (r:1 w:1)
    /// Proof: `DecentralML::Reputations` (`max_values`: None, `max_size`: Some(84), added: 2559, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Assignments` (r:1 w:1)
    /// Proof: `DecentralML::Assignments` (`max_values`: None, `max_size`: Some(113), added: 2588, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::OpenTasks` (r:0 w:1)
    /// Proof: `DecentralML::OpenTasks` (`max_values`: None, `max_size`: Some(18), added: 2493, mode: `MaxEncodedLen`)
    fn claim_result() -> Weight {
        // Proof size in bytes:
        //  Measured:  `1773`
        //  Estimated: `6398`
        // Least execution time: 241_670_000 picoseconds.
        Weight::from_parts(326_056_000, 6398)
            .saturating_add(T::DbWeight::get().reads(8_u64))
            .saturating_add(T::DbWeight::get().writes(9_u64))
    }
    /// Storage: `DecentralML::Tasks` (r:1 w:1)
    /// Proof: `DecentralML::Tasks` (`max_values`: None, `max_size`: Some(620), added: 3095, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Results` (r:1 w:1)
    /// Proof: `DecentralML::Results` (`max_values`: None, `max_size`: Some(459), added: 2934, mode: `MaxEncodedLen`)
    /// Storage: `System::Account` (r:1 w:1)
    /// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    /// Storage: `Balances::Holds` (r:1 w:1)
    /// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(229), added: 2704, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::OpenTasks` (r:0 w:1)
    /// Proof: `DecentralML::OpenTasks` (`max_values`: None, `max_size`: Some(18), added: 2493, mode: `MaxEncodedLen`)
    fn dispute_result() -> Weight {
        // Proof size in bytes:
        //  Measured:  `1470`
        //  Estimated: `4085`
        // Least execution time: 81_322_000 picoseconds.
        Weight::from_parts(88_061_000, 4085)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    /// Storage: `DecentralML::Tasks` (r:1 w:1)
    /// Proof: `DecentralML::Tasks` (`max_values`: None, `max_size`: Some(620), added: 3095, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Results` (r:1 w:1)
    /// Proof: `DecentralML::Results` (`max_values`: None, `max_size`: Some(459), added: 2934, mode: `MaxEncodedLen`)
    /// Storage: `System::Account` (r:2 w:2)
    /// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    /// Storage: `Balances::Holds` (r:2 w:2)
    /// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(229), added: 2704, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Reputations` (r:2 w:2)
    /// Proof: `DecentralML::Reputations` (`max_values`: None, `max_size`: Some(84), added: 2559, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Assignments` (r:1 w:1)
    /// Proof: `DecentralML::Assignments` (`max_values`: None, `max_size`: Some(113), added: 2588, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::OpenTasks` (r:0 w:1)
    /// Proof: `DecentralML::OpenTasks` (`max_values`: None, `max_size`: Some(18), added: 2493, mode: `MaxEncodedLen`)
    fn resolve_dispute() -> Weight {
        // Proof size in bytes:
        //  Measured:  `1773`
        //  Estimated: `6398`
        // Least execution time: 210_484_000 picoseconds.
        Weight::from_parts(282_632_000, 6398)
            .saturating_add(T::DbWeight::get().reads(9_u64))
            .saturating_add(T::DbWeight::get().writes(10_u64))
    }
    /// Storage: `DecentralML::Tasks` (r:1 w:1)
    /// Proof: `DecentralML::Tasks` (`max_values`: None, `max_size`: Some(620), added: 3095, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Assignments` (r:1 w:1)
    /// Proof: `DecentralML::Assignments` (`max_values`: None, `max_size`: Some(113), added: 2588, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Reputations` (r:1 w:1)
    /// Proof: `DecentralML::Reputations` (`max_values`: None, `max_size`: Some(84), added: 2559, mode: `MaxEncodedLen`)
    /// Storage: `Balances::Holds` (r:2 w:2)
    /// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(229), added: 2704, mode: `MaxEncodedLen`)
    /// Storage: `System::Account` (r:2 w:2)
    /// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::OpenTasks` (r:0 w:1)
    /// Proof: `DecentralML::OpenTasks` (`max_values`: None, `max_size`: Some(18), added: 2493, mode: `MaxEncodedLen`)
    fn release_assignment() -> Weight {
        // Proof size in bytes:
        //  Measured:  `1234`
        //  Estimated: `6398`
        // Least execution time: 158_707_000 picoseconds.
        Weight::from_parts(193_939_000, 6398)
            .saturating_add(T::DbWeight::get().reads(7_u64))
            .saturating_add(T::DbWeight::get().writes(8_u64))
    }
    /// Storage: `DecentralML::Tasks` (r:1 w:1)
    /// Proof: `DecentralML::Tasks` (`max_values`: None, `max_size`: Some(620), added: 3095, mode: `MaxEncodedLen`)
    /// Storage: `System::Account` (r:1 w:1)
    /// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    /// Storage: `Balances::Holds` (r:1 w:1)
    /// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(229), added: 2704, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::OpenTasks` (r:0 w:1)
    /// Proof: `DecentralML::OpenTasks` (`max_values`: None, `max_size`: Some(18), added: 2493, mode: `MaxEncodedLen`)
    fn withdraw_task() -> Weight {
        // Proof size in bytes:
        //  Measured:  `925`
        //  Estimated: `4085`
        // Least execution time: 62_453_000 picoseconds.
        Weight::from_parts(94_641_000, 4085)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    /// Storage: `DecentralML::Tasks` (r:1 w:1)
    /// Proof: `DecentralML::Tasks` (`max_values`: None, `max_size`: Some(620), added: 3095, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Results` (r:1 w:0)
    /// Proof: `DecentralML::Results` (`max_values`: None, `max_size`: Some(459), added: 2934, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::Assignments` (r:101 w:100)
    /// Proof: `DecentralML::Assignments` (`max_values`: None, `max_size`: Some(113), added: 2588, mode: `MaxEncodedLen`)
    /// Storage: `System::Account` (r:101 w:101)
    /// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    /// Storage: `Balances::Holds` (r:101 w:101)
    /// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(229), added: 2704, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::OpenTasks` (r:0 w:1)
    /// Proof: `DecentralML::OpenTasks` (`max_values`: None, `max_size`: Some(18), added: 2493, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::TasksOfOfficer` (r:0 w:2)
    /// Proof: `DecentralML::TasksOfOfficer` (`max_values`: None, `max_size`: Some(56), added: 2531, mode: `MaxEncodedLen`)
    /// Storage: `DecentralML::TasksOfWorker` (r:0 w:100)
    /// Proof: `DecentralML::TasksOfWorker` (`max_values`: None, `max_size`: Some(56), added: 2531, mode: `MaxEncodedLen`)
    /// The range of component `n` is `[0, 100]`.
    fn prune_task(n: u32, ) -> Weight {
        // Proof size in bytes:
        //  Measured:  `1126 + n * (253 ±0)`
        //  Estimated: `4085 + n * (2704 ±0)`
        // Least execution time: 89_423_000 picoseconds.
        Weight::from_parts(93_509_000, 4085)
            // Standard error: 0
            .saturating_add(Weight::from_parts(147_948_285, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().reads((3_u64).saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes(6_u64))
            .saturating_add(T::DbWeight::get().writes((4_u64).saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2704).saturating_mul(n.into()))
    }
    /// Storage: `DecentralML::BytePrice` (r:0 w:1)
    /// Proof: `DecentralML::BytePrice` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    fn set_byte_price() -> Weight {
        // Proof size in bytes:
        //  Measured:  `0`
        //  Estimated: `0`
        // Least execution time: 5_128_000 picoseconds.
        Weight::from_parts(8_623_000, 0)
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
}
