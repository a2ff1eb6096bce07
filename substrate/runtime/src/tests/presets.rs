use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

use super::*;
use crate::{genesis_presets::ENDOWMENT, units::TOKEN, Aura, Balances, Grandpa};

#[test]
fn both_presets_are_named() {
    let names = crate::genesis_presets::preset_names();
    assert_eq!(names, ["development", "local_testnet"].map(PresetId::from));
}

#[test]
fn an_unknown_preset_is_none() {
    assert_eq!(preset_json(Some("production")), None);
}

#[test]
fn a_development_chain_has_one_authority() {
    development().execute_with(|| {
        let aura = pallet_aura::Authorities::<Runtime>::get();
        assert_eq!(aura.to_vec(), vec![Sr25519Keyring::Alice.public().into()]);
        assert_eq!(
            Grandpa::grandpa_authorities(),
            vec![(Ed25519Keyring::Alice.public().into(), 1)]
        );
    });
}

#[test]
fn a_local_network_has_four_validators_so_that_one_may_fail() {
    chain("local_testnet").execute_with(|| {
        let aura = pallet_aura::Authorities::<Runtime>::get();
        let four = [
            Sr25519Keyring::Alice,
            Sr25519Keyring::Bob,
            Sr25519Keyring::Charlie,
            Sr25519Keyring::Dave,
        ];
        assert_eq!(aura.to_vec(), four.map(|key| key.public().into()));
        assert_eq!(Grandpa::grandpa_authorities().len(), 4);
    });
}

#[test]
fn the_twelve_well_known_accounts_own_a_million_tokens_each_and_nobody_else_anything() {
    for preset in ["development", "local_testnet"] {
        chain(preset).execute_with(|| {
            assert_eq!(ENDOWMENT, 1_000_000 * TOKEN);
            for key in [
                Sr25519Keyring::Alice,
                Sr25519Keyring::Ferdie,
                Sr25519Keyring::EveStash,
            ] {
                assert_eq!(free(key), ENDOWMENT);
            }
            assert_eq!(Balances::total_issuance(), 12 * ENDOWMENT);
        });
    }
}

#[test]
fn alice_is_root_where_everybody_knows_her_key() {
    development().execute_with(|| {
        let root = pallet_sudo::Key::<Runtime>::get();
        assert_eq!(root, Some(Sr25519Keyring::Alice.to_account_id()));
    });
}

#[test]
fn a_slot_is_two_seconds_and_a_minute_thirty_blocks() {
    assert_eq!(Aura::slot_duration(), 2_000);
    assert_eq!(crate::units::MINUTES, 30);
    assert_eq!(crate::units::DAYS, 43_200);
}
