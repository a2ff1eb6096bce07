// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! The commands that need no running chain, by the program itself and the runtime of this
//! repository.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{json, Value};

const CODE: &str = "0x3a636f6465";

fn blob() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../pallets_mock/runtime/decentralml_runtime.compact.compressed.wasm")
}

/// The program, with nothing of this shell's environment that it would read.
fn node() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_decentralml-node"));
    command.env_remove("DECENTRALML_RUNTIME");
    command
}

fn chain_spec(arguments: &[&str]) -> Output {
    node()
        .args(["chain-spec", "--runtime"])
        .arg(blob())
        .args(arguments)
        .output()
        .unwrap()
}

fn succeeded(output: Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn refused(output: Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

fn json_of(output: Output) -> Value {
    serde_json::from_str(&succeeded(output)).unwrap()
}

fn write(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold("0x".to_string(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn a_raw_spec_holds_the_runtime_as_it_was_given() {
    let spec = json_of(chain_spec(&["--preset", "local_testnet", "--raw"]));
    let code = spec["genesis"]["raw"]["top"][CODE].as_str().unwrap();
    assert!(code == hex(&fs::read(blob()).unwrap()));
}

#[test]
fn a_preset_names_the_chain_as_the_embedded_chain_does() {
    let spec = json_of(chain_spec(&["--preset", "local_testnet"]));
    assert_eq!(spec["name"], "DecentralML Local");
    assert_eq!(spec["id"], "decentralml_local");
    assert_eq!(spec["chainType"], "Local");
    assert_eq!(
        spec["properties"],
        json!({"tokenSymbol": "DML", "tokenDecimals": 12, "ss58Format": 42})
    );
}

#[test]
fn a_spec_made_raw_later_is_the_one_made_raw_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let readable = succeeded(chain_spec(&["--preset", "development"]));
    let file = write(folder.path(), "readable.json", &readable);
    let later = json_of(
        node()
            .args(["export-chain-spec", "--raw", "--chain", &file])
            .output()
            .unwrap(),
    );
    let at_once = json_of(chain_spec(&["--preset", "development", "--raw"]));
    assert!(later == at_once);
}

#[test]
fn names_addresses_and_properties_are_what_the_command_line_says() {
    let address =
        "/ip4/10.0.0.1/tcp/30333/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
    let spec = json_of(chain_spec(&[
        "--preset=development",
        "--name=Our market",
        "--id=our_market",
        "--chain-type=live",
        "--protocol-id=ours",
        &format!("--boot-node={address}"),
        "--property=tokenSymbol=OUR",
        "--property=ss58Format=7",
    ]));
    assert_eq!(spec["name"], "Our market");
    assert_eq!(spec["id"], "our_market");
    assert_eq!(spec["chainType"], "Live");
    assert_eq!(spec["protocolId"], "ours");
    assert_eq!(spec["bootNodes"], json!([address]));
    assert_eq!(
        spec["properties"],
        json!({"tokenSymbol": "OUR", "tokenDecimals": 12, "ss58Format": 7})
    );
}

#[test]
fn a_patch_changes_what_it_names_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    let balances = json!({"balances": [[alice, 5_000_000_000_000_000_u64]]});
    let patch = write(
        folder.path(),
        "genesis.json",
        &json!({"balances": balances}).to_string(),
    );
    let before = json_of(chain_spec(&["--preset=development"]));
    let after = json_of(chain_spec(&["--preset=development", "--patch", &patch]));
    let mut expected = before["genesis"]["runtimeGenesis"]["patch"].clone();
    assert_ne!(expected["balances"], balances);
    expected["balances"] = balances;
    assert_eq!(after["genesis"]["runtimeGenesis"]["patch"], expected);
}

#[test]
fn a_patch_that_the_runtime_refuses_writes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("chain.json");
    for patch in [r#"{"no_such_pallet": {}}"#, r#"[1]"#, "{"] {
        let file = write(folder.path(), "genesis.json", patch);
        refused(chain_spec(&[
            "--preset=development",
            "--patch",
            &file,
            "--output",
            output.to_str().unwrap(),
        ]));
        assert!(!output.exists(), "{patch}");
    }
}

#[test]
fn an_unknown_preset_is_answered_with_those_that_there_are() {
    let error = refused(chain_spec(&["--preset=nobody"]));
    assert!(
        error.contains("development") && error.contains("local_testnet"),
        "{error}"
    );
    let names = succeeded(chain_spec(&["--list-presets"]));
    assert!(names.lines().any(|name| name == "local_testnet"), "{names}");
}

#[test]
fn a_file_that_is_no_runtime_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "text.wasm", "no WebAssembly");
    let output = node()
        .args(["chain-spec", "--preset=development", "--runtime", &file])
        .output()
        .unwrap();
    refused(output);
    let missing = node()
        .args(["chain-spec", "--runtime=/does/not/exist"])
        .output()
        .unwrap();
    assert!(refused(missing).contains("/does/not/exist"));
}

#[test]
fn the_short_names_start_from_the_runtime_of_the_environment() {
    let output = |id: &str| {
        node()
            .args(["export-chain-spec", "--chain", id])
            .env("DECENTRALML_RUNTIME", blob())
            .output()
            .unwrap()
    };
    assert_eq!(json_of(output("dev"))["id"], "decentralml_dev");
    assert_eq!(json_of(output("local"))["id"], "decentralml_local");
}

#[test]
fn without_a_chain_the_node_says_how_to_name_one() {
    for arguments in [&[][..], &["--dev", "--tmp"][..]] {
        let error = refused(node().args(arguments).output().unwrap());
        assert!(error.contains("DECENTRALML_RUNTIME"), "{error}");
    }
}

#[test]
fn a_node_key_is_made_before_there_is_a_chain_and_inspected_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.key");
    let made = node()
        .args(["key", "generate-node-key", "--file"])
        .arg(&file)
        .output()
        .unwrap();
    let peer = String::from_utf8(made.stderr.clone()).unwrap();
    succeeded(made);
    let shown = succeeded(
        node()
            .args(["key", "inspect-node-key", "--file"])
            .arg(&file)
            .output()
            .unwrap(),
    );
    assert!(shown.trim().starts_with("12D3Koo"), "{shown}");
    assert!(peer.contains(shown.trim()), "{peer}");
}

#[test]
fn an_inserted_key_lies_in_the_chains_keystore_under_its_type() {
    let folder = tempfile::tempdir().unwrap();
    let spec = succeeded(chain_spec(&["--preset=local_testnet", "--raw"]));
    let spec = write(folder.path(), "chain.json", &spec);
    let base = folder.path().join("base");
    succeeded(
        node()
            .args([
                "key",
                "insert",
                "--key-type=aura",
                "--scheme=sr25519",
                "--suri=//Alice",
            ])
            .args(["--chain", &spec])
            .arg("--base-path")
            .arg(&base)
            .output()
            .unwrap(),
    );
    let keys: Vec<String> = fs::read_dir(base.join("chains/decentralml_local/keystore"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    // "aura" and Alice's public key, both in hex.
    let alice = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
    assert_eq!(keys, [format!("61757261{alice}")]);
}
