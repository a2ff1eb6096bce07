//! What upgrades change in this pallet's state.

use super::*;
use core::marker::PhantomData;
use frame_support::{
    migrations::VersionedMigration,
    traits::{Get, UncheckedOnRuntimeUpgrade},
    weights::Weight,
};

/// Storage version 0 to 1, spec version 2 to 3: bytes get a price.
///
/// Before, every kind of item had one deposit, large enough for the largest of its kind; without a
/// price in the state, new items would be stored for too little. Items that are there keep their
/// deposits, each of which says how much it is, so nothing is gone through: one read, two writes,
/// however large the market is.
pub type PriceBytes<T> = VersionedMigration<
    0,
    1,
    SetInitialBytePrice<T>,
    Pallet<T>,
    <T as frame_system::Config>::DbWeight,
>;

/// The step of [`PriceBytes`], which knows whether it is due.
pub struct SetInitialBytePrice<T>(PhantomData<T>);

impl<T: Config> UncheckedOnRuntimeUpgrade for SetInitialBytePrice<T> {
    fn on_runtime_upgrade() -> Weight {
        BytePrice::<T>::put(T::InitialBytePrice::get());
        T::DbWeight::get().writes(1)
    }

    #[cfg(feature = "try-runtime")]
    fn pre_upgrade() -> Result<alloc::vec::Vec<u8>, sp_runtime::TryRuntimeError> {
        frame_support::ensure!(!BytePrice::<T>::exists(), "bytes have a price already");
        Ok(codec::Encode::encode(&Self::deposits()))
    }

    #[cfg(feature = "try-runtime")]
    fn post_upgrade(before: alloc::vec::Vec<u8>) -> Result<(), sp_runtime::TryRuntimeError> {
        use frame_support::ensure;
        ensure!(
            BytePrice::<T>::get() == T::InitialBytePrice::get(),
            "bytes have another price"
        );
        ensure!(
            before == codec::Encode::encode(&Self::deposits()),
            "an item's deposit changed"
        );
        Pallet::<T>::do_try_state()
    }
}

#[cfg(feature = "try-runtime")]
impl<T: Config> SetInitialBytePrice<T> {
    /// The deposits of all items, by kind, in the order of the state.
    fn deposits() -> [alloc::vec::Vec<BalanceOf<T>>; 3] {
        [
            Tasks::<T>::iter_values().map(|item| item.deposit).collect(),
            Assignments::<T>::iter_values()
                .map(|item| item.deposit)
                .collect(),
            Results::<T>::iter_values()
                .map(|item| item.deposit)
                .collect(),
        ]
    }
}
