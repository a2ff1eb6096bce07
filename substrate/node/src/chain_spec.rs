// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! Chain specs: where a chain starts, in a file that every node of it has.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
};

use sc_chain_spec::{
    json_merge, ChainType, GenericChainSpec, GenesisConfigBuilderRuntimeCaller, Properties,
    DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET,
};
use sc_network::config::MultiaddrWithPeerId;
use serde_json::Value;

/// Names the runtime that `--chain dev` and `--chain local` start from.
pub const RUNTIME_VARIABLE: &str = "DECENTRALML_RUNTIME";

pub type ChainSpec = GenericChainSpec;

/// The chain spec that `--chain` names: a file, or `dev` and `local` from the presets of the runtime
/// at `DECENTRALML_RUNTIME`.
pub fn load(id: &str) -> Result<Box<dyn sc_cli::ChainSpec>, String> {
    let preset = match id {
        "" => return Err(format!(
            "no chain: --chain FILE names a chain spec (`chain-spec` makes one); with the path of a \
             runtime in {RUNTIME_VARIABLE}, --chain dev and --chain local start from its presets"
        )),
        "dev" => DEV_RUNTIME_PRESET,
        "local" => LOCAL_TESTNET_RUNTIME_PRESET,
        file => {
            let spec = ChainSpec::from_json_file(PathBuf::from(file))
                .map_err(|error| format!("{file}: {error}"))?;
            return Ok(Box::new(spec));
        }
    };
    let code = read(&runtime_of_environment()?)?;
    Ok(Box::new(Plan::of_preset(preset).build(&code, Value::Null)?))
}

fn runtime_of_environment() -> Result<PathBuf, String> {
    env::var_os(RUNTIME_VARIABLE)
        .map(PathBuf::from)
        .ok_or_else(|| {
            format!("no runtime: give the path of its WebAssembly in {RUNTIME_VARIABLE}")
        })
}

/// Make a chain spec from a runtime and one of its presets.
///
/// Everybody who joins the chain needs the same file; send it raw (`--raw`), so that no node has to
/// derive the first state from the configuration again.
#[derive(Debug, Clone, clap::Args)]
pub struct ChainSpecCmd {
    /// The runtime: WebAssembly, compressed or not. Without, the one at DECENTRALML_RUNTIME.
    #[arg(long, value_name = "FILE")]
    pub runtime: Option<PathBuf>,

    /// Print the names of the runtime's presets, and do nothing else.
    #[arg(long)]
    pub list_presets: bool,

    /// Start from this preset; without, from the runtime's default configuration.
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,

    /// JSON file with what differs from the preset: validators, balances, the council …
    #[arg(long, value_name = "FILE")]
    pub patch: Option<PathBuf>,

    /// What people call the chain.
    #[arg(long)]
    pub name: Option<String>,

    /// What nodes call the chain; their folders on disk are named so.
    #[arg(long)]
    pub id: Option<String>,

    /// `live` for a network of other people's hosts: nodes then do not dial private addresses.
    #[arg(long, value_name = "TYPE", value_parser = ["development", "local", "live"])]
    pub chain_type: Option<String>,

    /// Set where two chains could meet on one network.
    #[arg(long)]
    pub protocol_id: Option<String>,

    /// A node that newcomers ask first, as /dns/HOST/tcp/PORT/p2p/PEER; once for each.
    #[arg(long, value_name = "ADDRESS")]
    pub boot_node: Vec<MultiaddrWithPeerId>,

    /// KEY=VALUE for wallets, over tokenSymbol=DML, tokenDecimals=12, ss58Format=42.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_property)]
    pub property: Vec<(String, Value)>,

    /// Write the first state itself, instead of the configuration that it is made from.
    #[arg(long)]
    pub raw: bool,

    /// Write to this file; without, print.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

impl ChainSpecCmd {
    pub fn run(&self) -> sc_cli::Result<()> {
        let code = match &self.runtime {
            Some(path) => read(path)?,
            None => read(&runtime_of_environment()?)?,
        };
        let text = if self.list_presets {
            preset_names(&code)?.join("\n") + "\n"
        } else {
            self.spec(&code)?.as_json(self.raw)?
        };
        match &self.output {
            Some(path) => fs::write(path, text)
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?,
            None => std::io::stdout().write_all(text.as_bytes())?,
        }
        Ok(())
    }

    fn spec(&self, code: &[u8]) -> Result<ChainSpec, String> {
        let mut plan = match &self.preset {
            Some(preset) => Plan::of_preset(preset),
            None => Plan::default(),
        };
        if let Some(name) = &self.name {
            plan.name.clone_from(name);
        }
        if let Some(id) = &self.id {
            plan.id.clone_from(id);
        }
        if let Some(chain_type) = &self.chain_type {
            plan.chain_type = match chain_type.as_str() {
                "development" => ChainType::Development,
                "local" => ChainType::Local,
                _ => ChainType::Live,
            };
        }
        plan.protocol_id.clone_from(&self.protocol_id);
        plan.boot_nodes.clone_from(&self.boot_node);
        plan.properties.extend(self.property.iter().cloned());
        let patch = match &self.patch {
            Some(path) => serde_json::from_slice(&read(path)?)
                .map_err(|error| format!("{} is no JSON: {error}", path.display()))?,
            None => Value::Null,
        };
        plan.build(code, patch)
    }
}

/// All of a chain spec but the state.
struct Plan {
    preset: Option<String>,
    name: String,
    id: String,
    chain_type: ChainType,
    protocol_id: Option<String>,
    boot_nodes: Vec<MultiaddrWithPeerId>,
    properties: Properties,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            preset: None,
            name: "DecentralML".into(),
            id: "decentralml".into(),
            chain_type: ChainType::Live,
            protocol_id: None,
            boot_nodes: Vec::new(),
            properties: [
                ("tokenSymbol".to_string(), "DML".into()),
                ("tokenDecimals".to_string(), 12.into()),
                ("ss58Format".to_string(), 42.into()),
            ]
            .into_iter()
            .collect(),
        }
    }
}

impl Plan {
    /// Names as the embedded development chain gives them, so that both say the same of one chain.
    fn of_preset(preset: &str) -> Self {
        let (name, id, chain_type) = match preset {
            DEV_RUNTIME_PRESET => (
                "DecentralML Development".into(),
                "decentralml_dev".into(),
                ChainType::Development,
            ),
            LOCAL_TESTNET_RUNTIME_PRESET => (
                "DecentralML Local".into(),
                "decentralml_local".into(),
                ChainType::Local,
            ),
            other => (
                format!("DecentralML {other}"),
                format!("decentralml_{other}"),
                ChainType::Live,
            ),
        };
        Self {
            preset: Some(preset.into()),
            name,
            id,
            chain_type,
            ..Self::default()
        }
    }

    /// The chain spec, after the runtime has built its state once: one that it refuses is never
    /// written.
    fn build(self, code: &[u8], patch: Value) -> Result<ChainSpec, String> {
        let caller: GenesisConfigBuilderRuntimeCaller =
            GenesisConfigBuilderRuntimeCaller::new(code);
        let mut configuration = match &self.preset {
            Some(preset) => caller.get_named_preset(Some(preset)).map_err(|error| {
                let names = preset_names(code).unwrap_or_default().join(", ");
                format!("{error} The runtime has: {names}")
            })?,
            None => Value::Object(Default::default()),
        };
        match patch {
            Value::Null => {}
            Value::Object(_) => json_merge(&mut configuration, patch),
            _ => return Err("the patch is not a JSON object".into()),
        }
        caller.get_storage_for_patch(configuration.clone())?;

        let mut builder = ChainSpec::builder(code, None)
            .with_name(&self.name)
            .with_id(&self.id)
            .with_chain_type(self.chain_type)
            .with_boot_nodes(self.boot_nodes)
            .with_properties(self.properties)
            .with_genesis_config_patch(configuration);
        if let Some(protocol_id) = &self.protocol_id {
            builder = builder.with_protocol_id(protocol_id);
        }
        Ok(builder.build())
    }
}

fn preset_names(code: &[u8]) -> Result<Vec<String>, String> {
    let caller: GenesisConfigBuilderRuntimeCaller = GenesisConfigBuilderRuntimeCaller::new(code);
    let names = caller.preset_names()?;
    Ok(names
        .iter()
        .map(|name| AsRef::<str>::as_ref(name).to_string())
        .collect())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// `KEY=VALUE`; a value that is JSON is taken as such (a number, a list), any other as text.
fn parse_property(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("not KEY=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into()));
    Ok((key.into(), value))
}
