// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! A node of a DecentralML network.
//!
//! It knows no rule of the market: the runtime comes out of the chain spec, and whatever runtime
//! has Aura's and GRANDPA's interface runs. So an upgrade of the market is a transaction, not a new
//! binary on every host.

mod authoring;
mod chain_spec;
mod cli;
mod command;
mod equivocation;
mod finality;
mod rpc;
mod runtime_api;
mod service;

fn main() -> sc_cli::Result<()> {
    command::run()
}
