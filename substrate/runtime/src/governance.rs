//! Who rules the chain where nobody holds a master key.
//!
//! A council decides by motions. What it may do by itself is named here; for everything else it
//! whitelists the hash of a call, which any member then dispatches as root.

use frame_support::{
    parameter_types,
    traits::{
        fungible::HoldConsideration, ConstU32, EitherOfDiverse, LinearStoragePrice,
        NeverEnsureOrigin,
    },
    weights::Weight,
};
use frame_system::{EnsureRoot, EnsureSignedBy};
use pallet_collective::{EnsureProportionAtLeast, EnsureProportionMoreThan};
use sp_runtime::Perbill;

use crate::{
    configs::RuntimeBlockWeights,
    units::{deposit, DAYS},
    AccountId, Balance, Balances, BlockNumber, Council, CouncilMembership, Preimage, Runtime,
    RuntimeCall, RuntimeEvent, RuntimeHoldReason, RuntimeOrigin, System,
};

/// Most members of the council.
pub const MAX_COUNCIL: u32 = 32;

/// The council among the runtime's possible collectives.
pub type CouncilCollective = pallet_collective::Instance1;

/// Root, or more than half of the council: rules disputes.
pub type RootOrHalf = EitherOfDiverse<
    EnsureRoot<AccountId>,
    EnsureProportionMoreThan<AccountId, CouncilCollective, 1, 2>,
>;

/// Root, or two thirds of the council and more: who validates, who sits in the council, and what
/// is dispatched as root.
pub type RootOrTwoThirds = EitherOfDiverse<
    EnsureRoot<AccountId>,
    EnsureProportionAtLeast<AccountId, CouncilCollective, 2, 3>,
>;

parameter_types! {
    pub const MotionDuration: BlockNumber = 7 * DAYS;
    /// A motion that carries a runtime upgrade must still fit into a block beside its inherents.
    pub MaxProposalWeight: Weight =
        Perbill::from_percent(50) * RuntimeBlockWeights::get().max_block;
    pub const PreimageBaseDeposit: Balance = deposit(2, 64);
    pub const PreimageByteDeposit: Balance = deposit(0, 1);
    pub const PreimageHoldReason: RuntimeHoldReason =
        RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
    pub const DeferredDispatchExpiration: BlockNumber = 7 * DAYS;
}

impl pallet_collective::Config<CouncilCollective> for Runtime {
    type RuntimeOrigin = RuntimeOrigin;
    type Proposal = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type MotionDuration = MotionDuration;
    type MaxProposals = ConstU32<64>;
    type MaxMembers = ConstU32<MAX_COUNCIL>;
    type DefaultVote = pallet_collective::PrimeDefaultVote;
    type WeightInfo = pallet_collective::weights::SubstrateWeight<Runtime>;
    // `CouncilMembership` alone: two lists of members would come to differ.
    type SetMembersOrigin = NeverEnsureOrigin<()>;
    type MaxProposalWeight = MaxProposalWeight;
    type DisapproveOrigin = EnsureRoot<AccountId>;
    type KillOrigin = EnsureRoot<AccountId>;
    type Consideration = ();
}

impl pallet_membership::Config<pallet_membership::Instance1> for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type AddOrigin = RootOrTwoThirds;
    type RemoveOrigin = RootOrTwoThirds;
    type SwapOrigin = RootOrTwoThirds;
    type ResetOrigin = EnsureRoot<AccountId>;
    type PrimeOrigin = RootOrTwoThirds;
    type MembershipInitialized = Council;
    type MembershipChanged = Council;
    type MaxMembers = ConstU32<MAX_COUNCIL>;
    type WeightInfo = pallet_membership::weights::SubstrateWeight<Runtime>;
}

impl pallet_preimage::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_preimage::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type ManagerOrigin = EnsureRoot<AccountId>;
    type Consideration = HoldConsideration<
        AccountId,
        Balances,
        PreimageHoldReason,
        LinearStoragePrice<PreimageBaseDeposit, PreimageByteDeposit, Balance>,
    >;
}

impl pallet_whitelist::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WhitelistOrigin = RootOrTwoThirds;
    type DispatchWhitelistedOrigin =
        EitherOfDiverse<EnsureRoot<AccountId>, EnsureSignedBy<CouncilMembership, AccountId>>;
    type Preimages = Preimage;
    type DeferredDispatchExpiration = DeferredDispatchExpiration;
    type BlockNumberProvider = System;
    type WeightInfo = pallet_whitelist::weights::SubstrateWeight<Runtime>;
}
