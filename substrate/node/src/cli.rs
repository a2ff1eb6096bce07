// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! The words of the command line.

use crate::{chain_spec, chain_spec::ChainSpecCmd};

/// Without a command: run a node.
#[derive(Debug, clap::Parser)]
pub struct Cli {
    #[command(subcommand)]
    pub subcommand: Option<Subcommand>,

    #[command(flatten)]
    pub run: sc_cli::RunCmd,

    #[command(flatten)]
    pub storage_monitor: sc_storage_monitor::StorageMonitorParams,
}

#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Make, show and insert keys.
    #[command(subcommand)]
    Key(sc_cli::KeySubcommand),

    /// Make a chain spec from a runtime and one of its presets.
    ChainSpec(ChainSpecCmd),

    /// Write the chain spec that a node would start from, as it is or raw.
    ExportChainSpec(sc_cli::ExportChainSpecCmd),

    /// Execute a stored block again.
    CheckBlock(sc_cli::CheckBlockCmd),

    /// Write blocks to a file.
    ExportBlocks(sc_cli::ExportBlocksCmd),

    /// Read blocks from a file, and execute them.
    ImportBlocks(sc_cli::ImportBlocksCmd),

    /// Write the state at a block as a chain spec.
    ExportState(sc_cli::ExportStateCmd),

    /// Delete the database; keys stay.
    PurgeChain(sc_cli::PurgeChainCmd),

    /// Go back a number of blocks that are not final yet.
    Revert(sc_cli::RevertCmd),

    /// Print what the database holds: best and finalised block, genesis.
    ChainInfo(sc_cli::ChainInfoCmd),

    /// Sign a message, given a secret.
    Sign(sc_cli::SignCmd),

    /// Verify a signature.
    Verify(sc_cli::VerifyCmd),

    /// Measure weights and machines.
    #[cfg(feature = "benchmark")]
    #[command(subcommand)]
    Benchmark(Box<frame_benchmarking_cli::BenchmarkCmd>),
}

impl sc_cli::SubstrateCli for Cli {
    fn impl_name() -> String {
        "DecentralML node".into()
    }

    fn impl_version() -> String {
        env!("CARGO_PKG_VERSION").into()
    }

    fn executable_name() -> String {
        env!("CARGO_PKG_NAME").into()
    }

    fn description() -> String {
        env!("CARGO_PKG_DESCRIPTION").into()
    }

    fn author() -> String {
        env!("CARGO_PKG_AUTHORS").into()
    }

    fn support_url() -> String {
        "docs/how-to/run-a-validator.md".into()
    }

    fn copyright_start_year() -> i32 {
        2026
    }

    fn load_spec(&self, id: &str) -> Result<Box<dyn sc_cli::ChainSpec>, String> {
        chain_spec::load(id)
    }
}
