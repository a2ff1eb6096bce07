// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! From the command line to the work.

use sc_cli::{KeySubcommand, SubstrateCli};
use sc_network::{config::NetworkBackendType, Litep2pNetworkBackend, NetworkWorker};
use sc_service::PartialComponents;

use crate::{
    cli::{Cli, Subcommand},
    runtime_api::{Block, Hash},
    service,
};

/// Parse the command line and do what it says.
pub fn run() -> sc_cli::Result<()> {
    let cli = Cli::from_args();
    match &cli.subcommand {
        None => run_node(&cli),
        // A key is made before the chain that it will validate: no chain spec is needed for it.
        Some(Subcommand::Key(KeySubcommand::GenerateNodeKey(command)))
            if command.chain.is_none() =>
        {
            command.run(env!("CARGO_PKG_NAME"), &Cli::executable_name())
        }
        Some(Subcommand::Key(command)) => command.run(&cli),
        Some(Subcommand::Sign(command)) => command.run(),
        Some(Subcommand::Verify(command)) => command.run(),
        Some(Subcommand::ChainSpec(command)) => command.run(),
        Some(Subcommand::ExportChainSpec(command)) => command.run(cli.load_spec(&command.chain)?),
        Some(Subcommand::CheckBlock(command)) => cli.create_runner(command)?.async_run(|config| {
            let PartialComponents {
                client,
                task_manager,
                import_queue,
                ..
            } = service::new_partial(&config)?;
            Ok((command.run(client, import_queue), task_manager))
        }),
        Some(Subcommand::ExportBlocks(command)) => {
            cli.create_runner(command)?.async_run(|config| {
                let PartialComponents {
                    client,
                    task_manager,
                    ..
                } = service::new_partial(&config)?;
                Ok((command.run(client, config.database), task_manager))
            })
        }
        Some(Subcommand::ImportBlocks(command)) => {
            cli.create_runner(command)?.async_run(|config| {
                let PartialComponents {
                    client,
                    task_manager,
                    import_queue,
                    ..
                } = service::new_partial(&config)?;
                Ok((command.run(client, import_queue), task_manager))
            })
        }
        Some(Subcommand::ExportState(command)) => cli.create_runner(command)?.async_run(|config| {
            let PartialComponents {
                client,
                task_manager,
                ..
            } = service::new_partial(&config)?;
            Ok((command.run(client, config.chain_spec), task_manager))
        }),
        Some(Subcommand::Revert(command)) => cli.create_runner(command)?.async_run(|config| {
            let PartialComponents {
                client,
                task_manager,
                backend,
                ..
            } = service::new_partial(&config)?;
            let revert_grandpa = Box::new(|client, _, blocks| {
                sc_consensus_grandpa::revert(client, blocks)?;
                Ok(())
            });
            Ok((
                command.run(client, backend, Some(revert_grandpa)),
                task_manager,
            ))
        }),
        Some(Subcommand::PurgeChain(command)) => cli
            .create_runner(command)?
            .sync_run(|config| command.run(config.database)),
        Some(Subcommand::ChainInfo(command)) => cli
            .create_runner(command)?
            .sync_run(|config| command.run::<Block>(&config)),
        #[cfg(feature = "benchmark")]
        Some(Subcommand::Benchmark(command)) => benchmark(&cli, command),
    }
}

fn run_node(cli: &Cli) -> sc_cli::Result<()> {
    let disk = cli.storage_monitor.clone();
    cli.create_runner(&cli.run)?
        .run_node_until_exit(|config| async move {
            let node = match config.network.network_backend {
                NetworkBackendType::Libp2p => {
                    service::new_full::<NetworkWorker<Block, Hash>>(config, disk)
                }
                NetworkBackendType::Litep2p => {
                    service::new_full::<Litep2pNetworkBackend>(config, disk)
                }
            };
            node.map_err(sc_cli::Error::Service)
        })
}

#[cfg(feature = "benchmark")]
fn benchmark(cli: &Cli, command: &frame_benchmarking_cli::BenchmarkCmd) -> sc_cli::Result<()> {
    use frame_benchmarking_cli::{BenchmarkCmd, SUBSTRATE_REFERENCE_HARDWARE};
    use sp_runtime::traits::HashingFor;

    match command {
        // The runtime comes with --runtime: a node's own chain spec has none built for benchmarks.
        BenchmarkCmd::Pallet(command) => {
            command.run_with_spec::<HashingFor<Block>, sp_io::SubstrateHostFunctions>(None)
        }
        BenchmarkCmd::Machine(command) => cli
            .create_runner(command)?
            .sync_run(|config| command.run(&config, SUBSTRATE_REFERENCE_HARDWARE.clone())),
        _ => Err("this node measures pallets and machines only".into()),
    }
}
