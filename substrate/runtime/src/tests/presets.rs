use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

use super::*;
use crate::{genesis_presets::ENDOWMENT, units::TOKEN, Aura, Balances, Grandpa};

#[test]
fn three_presets_are_named() {
    let names = crate::genesis_presets::preset_names();
    assert_eq!(
        names,
        ["development", "local_testnet", "production"].map(PresetId::from)
    );
}

#[test]
fn an_unknown_preset_is_none() {
    assert_eq!(preset_json(Some("staging")), None);
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
        let mut four = [
            Sr25519Keyring::Alice,
            Sr25519Keyring::Bob,
            Sr25519Keyring::Charlie,
            Sr25519Keyring::Dave,
        ];
        // Validators take their turns in the order of their accounts.
        four.sort_by_key(|key| key.to_account_id());
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

/// One validator and a council of three, as a patch over `production`.
fn people() -> serde_json::Value {
    let account = |key: Sr25519Keyring| key.to_account_id().to_string();
    let validator = account(Sr25519Keyring::Ferdie);
    serde_json::json!({
        "balances": {"balances": [[validator, TOKEN as u64]]},
        "validatorSet": {"invulnerables": [validator]},
        "session": {"keys": [[validator, validator, {
            "aura": Sr25519Keyring::Ferdie.public().to_string(),
            "grandpa": Ed25519Keyring::Ferdie.public().to_string(),
        }]]},
        "councilMembership": {"members": [
            account(Sr25519Keyring::Dave),
            account(Sr25519Keyring::Eve),
            account(Sr25519Keyring::Ferdie),
        ]},
    })
}

#[test]
fn production_starts_with_the_people_that_a_patch_names_and_hourly_sessions() {
    build("production", people())
        .expect("complete")
        .execute_with(|| {
            let validator = Sr25519Keyring::Ferdie.to_account_id();
            assert_eq!(crate::Session::validators(), vec![validator]);
            assert_eq!(crate::CouncilMembership::members().len(), 3);
            assert_eq!(pallet_rotation::SessionLength::<Runtime>::get(), 1_800);
            assert_eq!(Balances::total_issuance(), TOKEN);
        });
}

#[test]
fn production_without_its_people_is_refused_by_what_is_missing() {
    let without = |keys: &[&str]| {
        let mut patch = people();
        for key in keys {
            patch.as_object_mut().expect("an object").remove(*key);
        }
        build("production", patch).map(|_| ()).expect_err("refused")
    };
    assert!(without(&["validatorSet", "session"]).contains("validatorSet.invulnerables"));
    assert!(without(&["session"]).contains("session.keys"));
    assert!(without(&["councilMembership"]).contains("councilMembership.members"));
}

#[test]
fn a_session_of_no_allowed_length_is_refused() {
    for length in [0, 9, 1_801] {
        let patch = serde_json::json!({"rotation": {"sessionLength": length}});
        let refused = std::panic::catch_unwind(|| build("development", patch).is_err());
        assert!(refused.unwrap_or(true), "{length}");
    }
    for length in [10, 1_800] {
        let patch = serde_json::json!({"rotation": {"sessionLength": length}});
        assert!(build("development", patch).is_ok(), "{length}");
    }
}
