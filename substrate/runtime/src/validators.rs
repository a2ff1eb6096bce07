//! Who makes and finalises blocks, and what keeps them honest.

use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64},
    PalletId,
};
use pallet_grandpa::EquivocationReportSystem;
use pallet_session::{
    disabling::UpToLimitDisablingStrategy, historical::NoteHistoricalRoot,
    FindAccountFromAuthorIndex, PeriodicSessions,
};
use sp_runtime::traits::OpaqueKeys;

use crate::{
    governance::RootOrTwoThirds,
    units::{deposit, DAYS, HOURS, MINUTES},
    AccountId, Aura, Balance, Balances, Historical, Offences, Rotation, Runtime, RuntimeCall,
    RuntimeEvent, Session, SessionKeys, UncheckedExtrinsic, ValidatorSet,
};

/// Most validators.
pub const MAX_VALIDATORS: u32 = 64;

/// Sessions whose equivocations can still be reported: a week of the longest.
pub const PROVABLE_SESSIONS: u32 = 7 * 24;

parameter_types! {
    pub const PotId: PalletId = PalletId(*b"dml/auth");
    // An entry of keys, and for each of the two keys one that names its owner.
    pub const KeyDeposit: Balance = deposit(3, (8 + 32 + 64) + 2 * (8 + 4 + 33 + 32));
}

impl pallet_authorship::Config for Runtime {
    type FindAuthor = FindAccountFromAuthorIndex<Self, Aura>;
    type EventHandler = ValidatorSet;
}

impl pallet_collator_selection::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type Currency = Balances;
    type UpdateOrigin = RootOrTwoThirds;
    type PotId = PotId;
    // Nobody validates but whom governance names: a bond that is never slashed secures nothing.
    type MaxCandidates = ConstU32<0>;
    type MinEligibleCollators = ConstU32<1>;
    type MaxInvulnerables = ConstU32<MAX_VALIDATORS>;
    type KickThreshold = ConstU32<DAYS>;
    type ValidatorId = AccountId;
    type ValidatorIdOf = pallet_collator_selection::IdentityCollator;
    type ValidatorRegistration = Session;
    type WeightInfo = pallet_collator_selection::weights::SubstrateWeight<Runtime>;
}

impl pallet_rotation::Config for Runtime {
    type LengthOrigin = RootOrTwoThirds;
    // Twenty seconds: finality is two or three blocks behind, and a session must outlast it.
    type MinLength = ConstU32<10>;
    type MaxLength = ConstU32<HOURS>;
    type ProvableSessions = ConstU32<PROVABLE_SESSIONS>;
    type MaxValidators = ConstU32<MAX_VALIDATORS>;
    type WeightInfo = pallet_rotation::weights::SubstrateWeight<Runtime>;
}

impl pallet_session::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type ValidatorId = AccountId;
    type ValidatorIdOf = pallet_collator_selection::IdentityCollator;
    type ShouldEndSession = pallet_rotation::EndedByRotation;
    type NextSessionRotation = PeriodicSessions<pallet_rotation::Length<Runtime>, ConstU32<0>>;
    type SessionManager = NoteHistoricalRoot<Self, Rotation>;
    type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
    type Keys = SessionKeys;
    // At most a third, so that the rest can still finalise.
    type DisablingStrategy = UpToLimitDisablingStrategy;
    type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type KeyDeposit = KeyDeposit;
}

impl pallet_session::historical::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type FullIdentification = ();
    type FullIdentificationOf = pallet_rotation::NoIdentification;
}

impl pallet_offences::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type IdentificationTuple = pallet_session::historical::IdentificationTuple<Self>;
    type OnOffenceHandler = Rotation;
}

impl pallet_grandpa::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type MaxAuthorities = ConstU32<MAX_VALIDATORS>;
    type MaxNominators = ConstU32<0>;
    type MaxSetIdSessionEntries = ConstU64<{ PROVABLE_SESSIONS as u64 }>;
    type KeyOwnerProof = sp_session::MembershipProof;
    type EquivocationReportSystem =
        EquivocationReportSystem<Self, Offences, Historical, ConstU64<{ (30 * MINUTES) as u64 }>>;
}

impl<C> frame_system::offchain::CreateTransactionBase<C> for Runtime
where
    RuntimeCall: From<C>,
{
    type Extrinsic = UncheckedExtrinsic;
    type RuntimeCall = RuntimeCall;
}

impl<C> frame_system::offchain::CreateBare<C> for Runtime
where
    RuntimeCall: From<C>,
{
    fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
        UncheckedExtrinsic::new_bare(call)
    }
}
