//! The states a chain may start from.

use alloc::{vec, vec::Vec};

use frame_support::{
    build_struct_json_patch, genesis_builder_helper::build_state, traits::ConstU32, BoundedVec,
};
use serde_json::Value;
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

use crate::{
    governance::MAX_COUNCIL,
    units::{HOURS, MINUTES, TOKEN},
    AccountId, Balance, BalancesConfig, BlockNumber, CouncilMembership, CouncilMembershipConfig,
    RotationConfig, Runtime, RuntimeGenesisConfig, Session, SessionConfig, SessionKeys, SudoConfig,
    ValidatorSetConfig,
};

/// What each well-known account owns.
pub const ENDOWMENT: Balance = 1_000_000 * TOKEN;

/// The well-known accounts; everybody knows their keys, so they belong on development chains.
const WELL_KNOWN: [Sr25519Keyring; 12] = [
    Sr25519Keyring::Alice,
    Sr25519Keyring::Bob,
    Sr25519Keyring::Charlie,
    Sr25519Keyring::Dave,
    Sr25519Keyring::Eve,
    Sr25519Keyring::Ferdie,
    Sr25519Keyring::AliceStash,
    Sr25519Keyring::BobStash,
    Sr25519Keyring::CharlieStash,
    Sr25519Keyring::DaveStash,
    Sr25519Keyring::EveStash,
    Sr25519Keyring::FerdieStash,
];

/// Blocks of a session where people try joining and leaving and do not want to wait.
const SHORT_SESSION: BlockNumber = MINUTES;

/// The preset of a chain whose people are given by a patch.
pub const PRODUCTION_RUNTIME_PRESET: &str = "production";

type Validator = (AccountId, AccountId, SessionKeys);

fn genesis(validators: Vec<Validator>, session_length: BlockNumber) -> Value {
    build_struct_json_patch!(RuntimeGenesisConfig {
        balances: BalancesConfig {
            balances: WELL_KNOWN
                .iter()
                .map(|key| (key.to_account_id(), ENDOWMENT))
                .collect::<Vec<_>>(),
        },
        validator_set: ValidatorSetConfig {
            invulnerables: validators
                .iter()
                .map(|(account, _, _)| account.clone())
                .collect::<Vec<_>>(),
        },
        session: SessionConfig { keys: validators },
        rotation: RotationConfig {
            session_length: Some(session_length)
        },
        council_membership: CouncilMembershipConfig {
            members: well_known_council(),
        },
        sudo: SudoConfig {
            key: Some(Sr25519Keyring::Alice.to_account_id())
        },
    })
}

fn well_known_council() -> BoundedVec<AccountId, ConstU32<MAX_COUNCIL>> {
    BoundedVec::truncate_from(vec![
        Sr25519Keyring::Alice.to_account_id(),
        Sr25519Keyring::Bob.to_account_id(),
        Sr25519Keyring::Charlie.to_account_id(),
    ])
}

fn validator(aura: Sr25519Keyring, grandpa: Ed25519Keyring) -> Validator {
    let keys = SessionKeys {
        aura: aura.public().into(),
        grandpa: grandpa.public().into(),
    };
    (aura.to_account_id(), aura.to_account_id(), keys)
}

/// One validator, Alice, who is also root: the embedded chain and a single development node.
fn development() -> Value {
    genesis(
        vec![validator(Sr25519Keyring::Alice, Ed25519Keyring::Alice)],
        HOURS,
    )
}

/// Four validators: the smallest number that goes on when one fails.
fn local() -> Value {
    genesis(
        vec![
            validator(Sr25519Keyring::Alice, Ed25519Keyring::Alice),
            validator(Sr25519Keyring::Bob, Ed25519Keyring::Bob),
            validator(Sr25519Keyring::Charlie, Ed25519Keyring::Charlie),
            validator(Sr25519Keyring::Dave, Ed25519Keyring::Dave),
        ],
        SHORT_SESSION,
    )
}

/// Nobody's chain yet: without a root, and a patch must name `balances.balances`,
/// `validatorSet.invulnerables`, `session.keys` and `councilMembership.members`.
fn production() -> Value {
    build_struct_json_patch!(RuntimeGenesisConfig {
        rotation: RotationConfig {
            session_length: Some(HOURS)
        },
        sudo: SudoConfig { key: None },
    })
}

/// The preset's JSON patch over the default configuration, or `None` for an unknown id.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
    let patch = match id.as_ref() {
        DEV_RUNTIME_PRESET => development(),
        LOCAL_TESTNET_RUNTIME_PRESET => local(),
        PRODUCTION_RUNTIME_PRESET => production(),
        _ => return None,
    };
    serde_json::to_vec(&patch).ok()
}

/// The presets by name.
pub fn preset_names() -> Vec<PresetId> {
    vec![
        PresetId::from(DEV_RUNTIME_PRESET),
        PresetId::from(LOCAL_TESTNET_RUNTIME_PRESET),
        PresetId::from(PRODUCTION_RUNTIME_PRESET),
    ]
}

/// Writes the first state, and refuses one that could never make a block or never be governed.
pub fn build(config: Vec<u8>) -> sp_genesis_builder::Result {
    build_state::<RuntimeGenesisConfig>(config)?;
    let (validators, with_keys) = (Session::validators(), Session::queued_keys());
    if validators.is_empty() {
        return Err(
            "no validator: name them in validatorSet.invulnerables, their keys in session.keys"
                .into(),
        );
    }
    if validators.len() != with_keys.len() {
        return Err("a validator in validatorSet.invulnerables has no keys in session.keys".into());
    }
    let governed = !CouncilMembership::members().is_empty();
    if !governed && pallet_sudo::Key::<Runtime>::get().is_none() {
        return Err("nobody governs: name the council in councilMembership.members".into());
    }
    Ok(())
}
