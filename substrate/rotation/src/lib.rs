//! When a session ends, who validates the next one, and what becomes of a validator that cheats.
//!
//! The list of validators is `pallet-collator-selection`'s, their keys and the change from one set
//! to the next are `pallet-session`'s, reports of equivocations are `pallet-grandpa`'s and
//! `pallet-offences`'. This pallet joins them:
//!
//! - a session's length is a value in storage, set by genesis and by governance, and the block that
//!   ends one costs what that takes, not a whole block as `pallet-session` would have it;
//! - a set that has not changed is not announced as a new one, so that GRANDPA's authorities, the
//!   proofs of their keys and the record of who is disabled stay until somebody joins, leaves or
//!   changes keys;
//! - a set is never empty: where nobody is left to plan, those who validate go on;
//! - who equivocates is disabled at once, while enough others remain, and not planned again.

#![cfg_attr(not(feature = "std"), no_std)]
#![warn(missing_docs)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod offences;
mod sessions;
pub mod weights;

pub use offences::NoIdentification;
pub use pallet::*;
pub use sessions::{EndedByRotation, Length};
pub use weights::WeightInfo;

#[allow(missing_docs)] // what the macros write beside the items has none
#[frame_support::pallet]
pub mod pallet {
    use super::WeightInfo;
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config:
        frame_system::Config<RuntimeEvent: From<Event<Self>>>
        + pallet_session::Config<ValidatorId = <Self as frame_system::Config>::AccountId>
        + pallet_session::historical::Config<FullIdentification = ()>
        + pallet_collator_selection::Config
    {
        /// Who may change the length of sessions.
        type LengthOrigin: EnsureOrigin<Self::RuntimeOrigin>;

        /// Fewest blocks of a session; at least 1.
        #[pallet::constant]
        type MinLength: Get<BlockNumberFor<Self>>;

        /// Most blocks of a session.
        #[pallet::constant]
        type MaxLength: Get<BlockNumberFor<Self>>;

        /// Past sessions whose keys can still be proven, so that an equivocation in them can still
        /// be reported.
        #[pallet::constant]
        type ProvableSessions: Get<u32>;

        /// Most validators of a session.
        #[pallet::constant]
        type MaxValidators: Get<u32>;

        /// What ending a session and changing its length cost.
        type WeightInfo: WeightInfo;
    }

    /// Blocks of a session.
    #[pallet::storage]
    pub type SessionLength<T: Config> =
        StorageValue<_, BlockNumberFor<T>, ValueQuery, T::MaxLength>;

    /// Who was disabled when the last session ended. A new set starts with everybody enabled, also
    /// an offender whom it still names because it was planned before the offence.
    #[pallet::storage]
    pub type Suspended<T: Config> =
        StorageValue<_, BoundedVec<T::AccountId, T::MaxValidators>, ValueQuery>;

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Blocks of a session; nothing is `MaxLength`.
        pub session_length: Option<BlockNumberFor<T>>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            let Some(length) = self.session_length else {
                return;
            };
            assert!(
                Pallet::<T>::is_allowed(length),
                "rotation.sessionLength is not between MinLength and MaxLength"
            );
            SessionLength::<T>::put(length);
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// Sessions have this many blocks from now on.
        SessionLengthSet { blocks: BlockNumberFor<T> },
        /// A validator signed two contradicting messages. It is not planned again when `removed`;
        /// otherwise it is the last one, or was removed before.
        EquivocationAnswered {
            validator: T::AccountId,
            removed: bool,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// A session must have between `MinLength` and `MaxLength` blocks.
        LengthOutOfBounds,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            Self::end_session_if_due(now)
        }

        fn integrity_test() {
            use sp_runtime::traits::Zero;
            assert!(
                !T::MinLength::get().is_zero(),
                "MinLength must not be zero: no block could end a session"
            );
            assert!(
                T::MinLength::get() <= T::MaxLength::get(),
                "MinLength must not exceed MaxLength"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            ensure!(
                Self::is_allowed(SessionLength::<T>::get()),
                "a session's length is out of bounds"
            );
            ensure!(
                !pallet_session::Pallet::<T>::queued_keys().is_empty(),
                "nobody validates the next session"
            );
            Ok(())
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Changes how many blocks a session has, from now on: a session ends with the block whose
        /// number is a multiple of its length.
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::set_session_length())]
        pub fn set_session_length(
            origin: OriginFor<T>,
            blocks: BlockNumberFor<T>,
        ) -> DispatchResult {
            T::LengthOrigin::ensure_origin(origin)?;
            ensure!(Self::is_allowed(blocks), Error::<T>::LengthOutOfBounds);
            SessionLength::<T>::put(blocks);
            Self::deposit_event(Event::SessionLengthSet { blocks });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        fn is_allowed(blocks: BlockNumberFor<T>) -> bool {
            blocks >= T::MinLength::get() && blocks <= T::MaxLength::get()
        }
    }
}
