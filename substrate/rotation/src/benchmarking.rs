//! What ending a session costs where everybody changes, and what changing its length does.

use alloc::vec::Vec;

use codec::{Decode, Encode};
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{EnsureOrigin, Get},
    BoundedVec,
};
use pallet_session::{NextKeys, Pallet as Session, QueuedChanged, QueuedKeys};
use sp_runtime::traits::{BlakeTwo256, Hash};

use super::*;

type KeysOf<T> = <T as pallet_session::Config>::Keys;

/// Keys that nobody else has; nothing is signed with them.
fn keys<T: Config>(name: &'static str, index: u32) -> Result<KeysOf<T>, BenchmarkError> {
    let bytes: Vec<u8> = (0..16u32)
        .flat_map(|part| BlakeTwo256::hash_of(&(name, index, part)).encode())
        .collect();
    KeysOf::<T>::decode(&mut &bytes[..]).map_err(|_| BenchmarkError::Stop("longer keys"))
}

/// So many accounts, and the keys of each.
fn validators<T: Config>(
    name: &'static str,
    count: u32,
) -> Result<Vec<(T::AccountId, KeysOf<T>)>, BenchmarkError> {
    (0..count)
        .map(|index| {
            let (who, keys) = (account(name, index, 0), keys::<T>(name, index)?);
            NextKeys::<T>::insert(&who, keys.clone());
            Ok((who, keys))
        })
        .collect()
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn set_session_length() -> Result<(), BenchmarkError> {
        let origin = T::LengthOrigin::try_successful_origin()
            .map_err(|_| BenchmarkError::Stop("nobody may change it"))?;

        #[extrinsic_call]
        set_session_length(origin as T::RuntimeOrigin, T::MinLength::get());

        assert_eq!(SessionLength::<T>::get(), T::MinLength::get());
        Ok(())
    }

    /// One set takes over from another, and a third is planned, each of `v` validators.
    #[benchmark]
    fn end_session(v: Linear<1, { T::MaxValidators::get() }>) -> Result<(), BenchmarkError> {
        let next = validators::<T>("next", v)?;
        QueuedKeys::<T>::put(&next);
        QueuedChanged::<T>::put(true);
        let mut planned: Vec<_> = validators::<T>("planned", v)?
            .into_iter()
            .map(|(who, _)| who)
            .collect();
        planned.sort();
        let planned = BoundedVec::try_from(planned)
            .map_err(|_| BenchmarkError::Stop("fewer validators are allowed"))?;
        pallet_collator_selection::Invulnerables::<T>::put(planned);

        #[block]
        {
            Session::<T>::rotate_session();
        }

        assert_eq!(Session::<T>::validators().len(), v as usize);
        assert_eq!(Session::<T>::queued_keys().len(), v as usize);
        Ok(())
    }
}
