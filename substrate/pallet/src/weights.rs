//! What the calls cost.

use frame_support::{traits::Get, weights::Weight};

/// Weight of each call.
pub trait WeightInfo {
    /// Posts a task.
    fn create_task() -> Weight;
    /// Takes a slot.
    fn accept_task() -> Weight;
    /// Opens the next round.
    fn start_round() -> Weight;
    /// Delivers; paid at once, which is the dearer way.
    fn send_task_result() -> Weight;
    /// Accepts or rejects, whichever is dearer.
    fn validate_task_result() -> Weight;
    /// Does what time has decided, whichever is dearest.
    fn claim_result() -> Weight;
    /// Calls the arbiter.
    fn dispute_result() -> Weight;
    /// Rules a dispute, whichever way is dearer.
    fn resolve_dispute() -> Weight;
    /// Ends an assignment.
    fn release_assignment() -> Weight;
    /// Breaks a task off.
    fn withdraw_task() -> Weight;
    /// Removes `n` items.
    fn prune_task(n: u32) -> Weight;
}

/// Placeholders from the number of database accesses of each call and a rough time.
pub struct SubstrateWeight<T>(core::marker::PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
    fn call(micros: u64, reads: u64, writes: u64) -> Weight {
        Weight::from_parts(
            micros.saturating_mul(1_000_000),
            4_000u64.saturating_mul(reads),
        )
        .saturating_add(T::DbWeight::get().reads_writes(reads, writes))
    }
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    fn create_task() -> Weight {
        Self::call(60, 3, 4)
    }
    fn accept_task() -> Weight {
        Self::call(70, 4, 5)
    }
    fn start_round() -> Weight {
        Self::call(50, 3, 4)
    }
    fn send_task_result() -> Weight {
        Self::call(120, 8, 9)
    }
    fn validate_task_result() -> Weight {
        Self::call(110, 8, 8)
    }
    fn claim_result() -> Weight {
        Self::call(130, 9, 9)
    }
    fn dispute_result() -> Weight {
        Self::call(60, 4, 5)
    }
    fn resolve_dispute() -> Weight {
        Self::call(140, 10, 10)
    }
    fn release_assignment() -> Weight {
        Self::call(90, 7, 8)
    }
    fn withdraw_task() -> Weight {
        Self::call(50, 3, 4)
    }
    fn prune_task(n: u32) -> Weight {
        Self::call(60, 5, 5).saturating_add(Self::call(50, 4, 4).saturating_mul(n.into()))
    }
}
