//! The DecentralML chain's runtime: what every node executes, and what the embedded development
//! chain executes too. Nothing here differs between the two; only the genesis preset does.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod apis;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;
pub mod configs;
pub mod genesis_presets;
pub mod governance;
pub mod migrations;
pub mod proxy;
#[cfg(test)]
mod tests;
pub mod units;
pub mod validators;

use alloc::{borrow::Cow, vec::Vec};
use sp_runtime::{
    generic, impl_opaque_keys,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
    MultiAddress, MultiSignature,
};
use sp_version::RuntimeVersion;

/// Any of the three signature schemes a key may use.
pub type Signature = MultiSignature;
/// An account is the public key (or its hash) that signs for it.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// Smallest units of the token, `units::TOKEN` of them a token.
pub type Balance = u128;
/// Number of an account's next transaction.
pub type Nonce = u32;
pub type Hash = sp_core::H256;
pub type BlockNumber = u32;
pub type Address = MultiAddress<AccountId, ()>;
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
pub type Block = generic::Block<Header, UncheckedExtrinsic>;

/// What every transaction is checked against, in this order; a client signs the same list.
pub type TxExtension = (
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckEra<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
    frame_system::WeightReclaim<Runtime>,
);
pub type UncheckedExtrinsic =
    generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

pub type Executive = frame_executive::Executive<
    Runtime,
    Block,
    frame_system::ChainContext<Runtime>,
    Runtime,
    AllPalletsWithSystem,
>;

impl_opaque_keys! {
    pub struct SessionKeys {
        pub aura: Aura,
        pub grandpa: Grandpa,
    }
}

/// `spec_version` rises with every change of what a block does, `transaction_version` with every
/// change of how a call or an extension is encoded.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("decentralml"),
    impl_name: Cow::Borrowed("decentralml"),
    authoring_version: 1,
    spec_version: 3,
    impl_version: 1,
    apis: apis::RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

/// The pallets; an index is part of every encoded call and event and so never changes.
#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Runtime;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;

    #[runtime::pallet_index(1)]
    pub type Timestamp = pallet_timestamp;

    #[runtime::pallet_index(2)]
    pub type Aura = pallet_aura;

    #[runtime::pallet_index(3)]
    pub type Grandpa = pallet_grandpa;

    #[runtime::pallet_index(4)]
    pub type Balances = pallet_balances;

    #[runtime::pallet_index(5)]
    pub type TransactionPayment = pallet_transaction_payment;

    #[runtime::pallet_index(6)]
    pub type Utility = pallet_utility;

    #[runtime::pallet_index(7)]
    pub type Proxy = pallet_proxy;

    #[runtime::pallet_index(8)]
    pub type Multisig = pallet_multisig;

    #[runtime::pallet_index(9)]
    pub type Sudo = pallet_sudo;

    #[runtime::pallet_index(10)]
    pub type DecentralML = pallet_decentralml;

    #[runtime::pallet_index(11)]
    pub type Authorship = pallet_authorship;

    #[runtime::pallet_index(12)]
    pub type ValidatorSet = pallet_collator_selection;

    // After the list that it plans from, before `Rotation`, which judges what it planned.
    #[runtime::pallet_index(13)]
    pub type Session = pallet_session;

    #[runtime::pallet_index(14)]
    pub type Historical = pallet_session::historical;

    #[runtime::pallet_index(15)]
    pub type Offences = pallet_offences;

    #[runtime::pallet_index(16)]
    pub type Rotation = pallet_rotation;

    #[runtime::pallet_index(17)]
    pub type Council = pallet_collective::Pallet<Runtime, Instance1>;

    #[runtime::pallet_index(18)]
    pub type CouncilMembership = pallet_membership::Pallet<Runtime, Instance1>;

    #[runtime::pallet_index(19)]
    pub type Preimage = pallet_preimage;

    #[runtime::pallet_index(20)]
    pub type Whitelist = pallet_whitelist;
}
