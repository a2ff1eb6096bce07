//! What a session's end costs.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weight of each step.
pub trait WeightInfo {
    /// Changes the length of sessions.
    fn set_session_length() -> Weight;
    /// Ends a session and plans the next but one, of `v` validators.
    fn end_session(v: u32) -> Weight;
}

/// Upper bounds by counting: three keys an entry, two hashes of a trie node a key.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    fn set_session_length() -> Weight {
        Weight::from_parts(10_000_000, 0).saturating_add(T::DbWeight::get().writes(1))
    }

    fn end_session(v: u32) -> Weight {
        Weight::from_parts(500_000_000, 0)
            .saturating_add(Weight::from_parts(200_000_000, 0).saturating_mul(v.into()))
            .saturating_add(T::DbWeight::get().reads_writes(20, 15))
            .saturating_add(T::DbWeight::get().reads(3).saturating_mul(v.into()))
    }
}
