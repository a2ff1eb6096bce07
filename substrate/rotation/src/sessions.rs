//! The plan of the next session.

use alloc::vec::Vec;
use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight, BoundedVec};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_session::{historical, Pallet as Session, SessionManager, ShouldEndSession};
use sp_runtime::traits::Zero;
use sp_staking::SessionIndex;

use crate::{Config, Pallet, SessionLength, Suspended, WeightInfo};

/// `pallet_session` ends no session by itself: [`Pallet`] does.
pub struct EndedByRotation;

impl<BlockNumber> ShouldEndSession<BlockNumber> for EndedByRotation {
    fn should_end_session(_: BlockNumber) -> bool {
        false
    }
}

impl<T: Config> Pallet<T> {
    pub(crate) fn end_session_if_due(now: BlockNumberFor<T>) -> Weight {
        if !(now % Length::<T>::get()).is_zero() {
            return T::DbWeight::get().reads(1);
        }
        Session::<T>::rotate_session();
        let validators = Session::<T>::queued_keys().len() as u32;
        <T as Config>::WeightInfo::end_session(validators)
    }
}

/// The length of a session, for `pallet_session::PeriodicSessions`.
pub struct Length<T>(PhantomData<T>);

impl<T: Config> Get<BlockNumberFor<T>> for Length<T> {
    fn get() -> BlockNumberFor<T> {
        // Never zero, whatever somebody wrote into the state: it divides.
        SessionLength::<T>::get().max(T::MinLength::get())
    }
}

impl<T: Config> SessionManager<T::AccountId> for Pallet<T> {
    fn new_session(index: SessionIndex) -> Option<Vec<T::AccountId>> {
        let listed =
            <pallet_collator_selection::Pallet<T> as SessionManager<_>>::new_session(index)?;
        let planned: Vec<_> = listed
            .into_iter()
            .filter_map(|who| Session::<T>::load_keys(&who).map(|keys| (who, keys)))
            .collect();
        if planned.is_empty() || planned == Session::<T>::queued_keys() {
            return None;
        }
        Some(planned.into_iter().map(|(who, _)| who).collect())
    }

    fn start_session(_: SessionIndex) {
        let listed = pallet_collator_selection::Invulnerables::<T>::get();
        for who in Suspended::<T>::take() {
            let Some(index) = Session::<T>::validator_id_to_index(&who) else {
                continue;
            };
            if listed.contains(&who) {
                // Governance took it in again.
                Session::<T>::reenable_index(index);
            } else {
                Session::<T>::disable_index(index);
            }
        }
    }

    fn end_session(index: SessionIndex) {
        let validators = Session::<T>::validators();
        let disabled = Session::<T>::disabled_validators()
            .into_iter()
            .filter_map(|index| validators.get(index as usize).cloned())
            .collect();
        Suspended::<T>::put(BoundedVec::truncate_from(disabled));

        let provable = T::ProvableSessions::get();
        if index > provable {
            historical::Pallet::<T>::prune_up_to(index - provable);
        }
    }
}

impl<T: Config> historical::SessionManager<T::AccountId, ()> for Pallet<T> {
    fn new_session(index: SessionIndex) -> Option<Vec<(T::AccountId, ())>> {
        let planned = <Self as SessionManager<_>>::new_session(index)?;
        Some(planned.into_iter().map(|who| (who, ())).collect())
    }

    fn start_session(index: SessionIndex) {
        <Self as SessionManager<_>>::start_session(index)
    }

    fn end_session(index: SessionIndex) {
        <Self as SessionManager<_>>::end_session(index)
    }
}
