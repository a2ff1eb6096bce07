//! What the calls of `pallet_rotation` cost. Written by `scripts/benchmark_weights.sh`, never by hand.
//!
//! Steps: 20, repeats: 15, executed as Compiled WebAssembly.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(missing_docs, unused_imports, unused_parens)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each benchmark of `pallet_rotation`.
pub trait WeightInfo {
    fn set_session_length() -> Weight;
    fn end_session(v: u32, ) -> Weight;
}

/// Measured on the chain's node, with the database that the runtime names.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    /// Storage: `Rotation::SessionLength` (r:0 w:1)
    /// Proof: `Rotation::SessionLength` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn set_session_length() -> Weight {
        // Proof size in bytes:
        //  Measured:  `0`
        //  Estimated: `0`
        // Least execution time: 6_209_000 picoseconds.
        Weight::from_parts(8_323_000, 0)
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    /// Storage: `Session::CurrentIndex` (r:1 w:1)
    /// Proof: `Session::CurrentIndex` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    /// Storage: `Session::QueuedChanged` (r:1 w:1)
    /// Proof: `Session::QueuedChanged` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    /// Storage: `Session::Validators` (r:1 w:1)
    /// Proof: `Session::Validators` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    /// Storage: `Session::DisabledValidators` (r:1 w:1)
    /// Proof: `Session::DisabledValidators` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    /// Storage: `Session::QueuedKeys` (r:1 w:1)
    /// Proof: `Session::QueuedKeys` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    /// Storage: `ValidatorSet::Invulnerables` (r:1 w:0)
    /// Proof: `ValidatorSet::Invulnerables` (`max_values`: Some(1), `max_size`: Some(2050), added: 2545, mode: `MaxEncodedLen`)
    /// Storage: `Historical::StoredRange` (r:1 w:1)
    /// Proof: `Historical::StoredRange` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    /// Storage: `ValidatorSet::CandidateList` (r:1 w:0)
    /// Proof: `ValidatorSet::CandidateList` (`max_values`: Some(1), `max_size`: Some(1), added: 496, mode: `MaxEncodedLen`)
    /// Storage: `ValidatorSet::DesiredCandidates` (r:1 w:0)
    /// Proof: `ValidatorSet::DesiredCandidates` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    /// Storage: `Session::NextKeys` (r:64 w:0)
    /// Proof: `Session::NextKeys` (`max_values`: None, `max_size`: None, mode: `Measured`)
    /// Storage: `Aura::Authorities` (r:1 w:1)
    /// Proof: `Aura::Authorities` (`max_values`: Some(1), `max_size`: Some(2050), added: 2545, mode: `MaxEncodedLen`)
    /// Storage: `Grandpa::CurrentSetId` (r:1 w:1)
    /// Proof: `Grandpa::CurrentSetId` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    /// Storage: `Grandpa::Stalled` (r:1 w:1)
    /// Proof: `Grandpa::Stalled` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    /// Storage: `Grandpa::PendingChange` (r:1 w:1)
    /// Proof: `Grandpa::PendingChange` (`max_values`: Some(1), `max_size`: Some(2575), added: 3070, mode: `MaxEncodedLen`)
    /// Storage: `Historical::HistoricalSessions` (r:0 w:1)
    /// Proof: `Historical::HistoricalSessions` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
    /// Storage: `Grandpa::SetIdSession` (r:0 w:1)
    /// Proof: `Grandpa::SetIdSession` (`max_values`: None, `max_size`: Some(20), added: 2495, mode: `MaxEncodedLen`)
    /// Storage: `Rotation::Suspended` (r:0 w:1)
    /// Proof: `Rotation::Suspended` (`max_values`: Some(1), `max_size`: Some(2050), added: 2545, mode: `MaxEncodedLen`)
    /// The range of component `v` is `[1, 64]`.
    fn end_session(v: u32, ) -> Weight {
        // Proof size in bytes:
        //  Measured:  `686 + v * (273 ±0)`
        //  Estimated: `4060 + v * (2748 ±0)`
        // Least execution time: 110_936_000 picoseconds.
        Weight::from_parts(112_980_600, 4060)
            // Standard error: 0
            .saturating_add(Weight::from_parts(26_698_220, 0).saturating_mul(v.into()))
            .saturating_add(T::DbWeight::get().reads(13_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(v.into())))
            .saturating_add(T::DbWeight::get().writes(13_u64))
            .saturating_add(Weight::from_parts(0, 2748).saturating_mul(v.into()))
    }
}
