//! What becomes of a validator that was proven to have cheated.

use frame_support::weights::Weight;
use frame_system::RawOrigin;
use pallet_session::{historical::IdentificationTuple, Pallet as Session};
use sp_runtime::{traits::Convert, Perbill};
use sp_staking::{
    offence::{OffenceDetails, OffenceSeverity, OnOffenceHandler},
    SessionIndex,
};

use crate::{Config, Event, Pallet};

/// A validator is known by its account, and no stake stands behind it.
pub struct NoIdentification;

impl<AccountId> Convert<AccountId, Option<()>> for NoIdentification {
    fn convert(_: AccountId) -> Option<()> {
        Some(())
    }
}

impl<T: Config> OnOffenceHandler<T::AccountId, IdentificationTuple<T>, Weight> for Pallet<T> {
    fn on_offence(
        offenders: &[OffenceDetails<T::AccountId, IdentificationTuple<T>>],
        fractions: &[Perbill],
        _: SessionIndex,
    ) -> Weight {
        for (details, fraction) in offenders.iter().zip(fractions) {
            let (validator, ()) = &details.offender;
            Session::<T>::report_offence(validator.clone(), OffenceSeverity(*fraction));
            // Refused for the last one: a chain with one validator that cheats is better than none.
            let removed = pallet_collator_selection::Pallet::<T>::remove_invulnerable(
                RawOrigin::Root.into(),
                validator.clone(),
            )
            .is_ok();
            Self::deposit_event(Event::EquivocationAnswered {
                validator: validator.clone(),
                removed,
            });
        }
        // Whoever reports pays nothing, and `pallet-grandpa` weighs the report as a whole.
        Weight::zero()
    }
}
