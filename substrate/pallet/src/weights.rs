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
    /// Changes what a byte costs.
    fn set_byte_price() -> Weight;
}

/// Placeholders from a first measurement (`tests/measure.rs`): the median time of the dearest way,
/// rounded up, native on two shared cores and little optimised; and the keys that it changes, each
/// of which is read before, with two more that are only read. Real benchmarks replace them.
pub struct SubstrateWeight<T>(core::marker::PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
    /// Bytes of proof for a key; an upper bound for the largest item.
    const PROOF: u64 = 4_000;

    fn measured(micros: u64, keys: u64) -> Weight {
        let reads = keys.saturating_add(2);
        Weight::from_parts(
            micros.saturating_mul(1_000_000),
            Self::PROOF.saturating_mul(reads),
        )
        .saturating_add(T::DbWeight::get().reads_writes(reads, keys))
    }
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    fn create_task() -> Weight {
        Self::measured(60, 10)
    }
    fn accept_task() -> Weight {
        Self::measured(65, 9)
    }
    fn start_round() -> Weight {
        Self::measured(40, 7)
    }
    fn send_task_result() -> Weight {
        Self::measured(100, 12)
    }
    fn validate_task_result() -> Weight {
        Self::measured(80, 12)
    }
    fn claim_result() -> Weight {
        Self::measured(115, 12)
    }
    fn dispute_result() -> Weight {
        Self::measured(50, 8)
    }
    fn resolve_dispute() -> Weight {
        Self::measured(110, 13)
    }
    fn release_assignment() -> Weight {
        Self::measured(75, 11)
    }
    fn withdraw_task() -> Weight {
        Self::measured(40, 7)
    }
    fn prune_task(n: u32) -> Weight {
        Self::measured(40, 9).saturating_add(Self::measured(55, 4).saturating_mul(n.into()))
    }
    fn set_byte_price() -> Weight {
        Self::measured(10, 2)
    }
}
