// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! The node put together: database, pool, consensus, network, RPC.

use std::{path::Path, sync::Arc};

use futures::FutureExt;
use sc_client_api::{Backend as _, BlockBackend};
use sc_consensus_grandpa::{
    grandpa_peers_set_config, protocol_standard_name, warp_proof, FinalityProofProvider,
    GrandpaBlockImport, LinkHalf, SharedVoterState,
};
use sc_network::{
    config::FullNetworkConfiguration, service::traits::NetworkService, NetworkBackend,
};
use sc_offchain::{OffchainWorkerOptions, OffchainWorkers};
use sc_service::{
    build_network, error::Error as ServiceError, new_full_parts, new_wasm_executor, spawn_tasks,
    BuildNetworkParams, Configuration, PartialComponents, SpawnTasksParams, TaskManager,
    WarpSyncConfig,
};
use sc_storage_monitor::{StorageMonitorParams, StorageMonitorService};
use sc_telemetry::{Telemetry, TelemetryWorker};
use sc_transaction_pool::TransactionPoolHandle;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_keystore::KeystorePtr;

use crate::{
    authoring, equivocation, finality, rpc,
    runtime_api::{Block, Hash, RuntimeApi},
};

type Executor = sc_executor::WasmExecutor<sp_io::SubstrateHostFunctions>;
pub type FullClient = sc_service::TFullClient<Block, RuntimeApi, Executor>;
pub type FullBackend = sc_service::TFullBackend<Block>;
pub type SelectChain = sc_consensus::LongestChain<FullBackend, Block>;
pub type Pool = TransactionPoolHandle<Block, FullClient>;
pub type ImportQueue = sc_consensus::DefaultImportQueue<Block>;
pub type BlockImport = GrandpaBlockImport<FullBackend, Block, FullClient, SelectChain>;
pub type GrandpaLink = LinkHalf<Block, FullClient, SelectChain>;

type Parts = PartialComponents<
    FullClient,
    FullBackend,
    SelectChain,
    ImportQueue,
    Pool,
    (BlockImport, GrandpaLink, Option<Telemetry>),
>;

/// What every command that opens the database needs.
pub fn new_partial(config: &Configuration) -> Result<Parts, ServiceError> {
    let telemetry = telemetry(config)?;
    let handle = telemetry.as_ref().map(|(_, telemetry)| telemetry.handle());

    let executor = new_wasm_executor(&config.executor);
    let (client, backend, keystore_container, task_manager) =
        new_full_parts::<Block, RuntimeApi, _>(config, handle.clone(), executor, Vec::new())?;
    let client = Arc::new(client);
    let telemetry = telemetry.map(|(worker, telemetry)| {
        task_manager
            .spawn_handle()
            .spawn("telemetry", None, worker.run());
        telemetry
    });

    let select_chain = sc_consensus::LongestChain::new(backend.clone());
    let transaction_pool = Arc::from(
        sc_transaction_pool::Builder::new(
            task_manager.spawn_essential_handle(),
            client.clone(),
            config.role.is_authority().into(),
        )
        .with_options(config.transaction_pool.clone())
        .with_prometheus(config.prometheus_registry())
        .build(),
    );
    let (block_import, grandpa_link) = sc_consensus_grandpa::block_import(
        client.clone(),
        finality::JUSTIFICATION_PERIOD,
        &client,
        select_chain.clone(),
        handle.clone(),
    )?;
    let import_queue = authoring::import_queue(
        &client,
        &block_import,
        &task_manager.spawn_essential_handle(),
        config.prometheus_registry(),
        handle,
    )?;

    Ok(PartialComponents {
        client,
        backend,
        task_manager,
        import_queue,
        keystore_container,
        select_chain,
        transaction_pool,
        other: (block_import, grandpa_link, telemetry),
    })
}

/// Where this node reports itself, if anywhere, and the worker that does it.
fn telemetry(
    config: &Configuration,
) -> Result<Option<(TelemetryWorker, Telemetry)>, sc_telemetry::Error> {
    let endpoints = config.telemetry_endpoints.clone();
    endpoints
        .filter(|endpoints| !endpoints.is_empty())
        .map(|endpoints| {
            let worker = TelemetryWorker::new(16)?;
            let telemetry = worker.handle().new_telemetry(endpoints);
            Ok((worker, telemetry))
        })
        .transpose()
}

/// Stop the node in order before the disk of its database is full.
fn watch_disk(
    config: &Configuration,
    disk: StorageMonitorParams,
    tasks: &TaskManager,
) -> Result<(), ServiceError> {
    let Some(folder) = config.database.path().and_then(Path::parent) else {
        return Ok(());
    };
    let spawner = tasks.spawn_essential_handle();
    StorageMonitorService::try_spawn(disk, folder.to_path_buf(), &spawner)
        .map_err(|error| ServiceError::Application(error.into()))
}

/// Run what the runtime asks to be run beside its blocks.
fn start_offchain_workers(
    config: &Configuration,
    client: &Arc<FullClient>,
    backend: &FullBackend,
    keystore: KeystorePtr,
    pool: &Arc<Pool>,
    network: Arc<dyn NetworkService>,
    tasks: &TaskManager,
) -> Result<(), ServiceError> {
    let workers = OffchainWorkers::new(OffchainWorkerOptions {
        runtime_api_provider: client.clone(),
        is_validator: config.role.is_authority(),
        keystore: Some(keystore),
        offchain_db: backend.offchain_storage(),
        transaction_pool: Some(OffchainTransactionPoolFactory::new(pool.clone())),
        network_provider: Arc::new(network),
        // The market asks nothing of the web, and an upgrade shall not make every validator do.
        enable_http_requests: false,
        custom_extensions: |_| Vec::new(),
    })?;
    tasks.spawn_handle().spawn(
        "offchain-workers-runner",
        "offchain-worker",
        workers.run(client.clone(), tasks.spawn_handle()).boxed(),
    );
    Ok(())
}

/// A running node; it stops when the returned task manager does.
///
/// Args:
/// - `disk`: when to stop because the disk is full.
pub fn new_full<N: NetworkBackend<Block, Hash>>(
    config: Configuration,
    disk: StorageMonitorParams,
) -> Result<TaskManager, ServiceError> {
    let PartialComponents {
        client,
        backend,
        mut task_manager,
        import_queue,
        keystore_container,
        select_chain,
        transaction_pool,
        other: (block_import, grandpa_link, mut telemetry),
    } = new_partial(&config)?;
    let keystore = keystore_container.keystore();
    let telemetry_handle = telemetry.as_ref().map(|telemetry| telemetry.handle());
    let registry = config.prometheus_registry().cloned();

    watch_disk(&config, disk, &task_manager)?;

    let metrics = N::register_notification_metrics(registry.as_ref());
    let mut net_config =
        FullNetworkConfiguration::<Block, Hash, N>::new(&config.network, registry.clone());
    let genesis = client
        .block_hash(0)?
        .expect("a client that opened its database has a genesis");
    let protocol_name = protocol_standard_name(&genesis, &config.chain_spec);
    let (grandpa_protocol, notifications) = grandpa_peers_set_config::<Block, N>(
        protocol_name.clone(),
        metrics.clone(),
        net_config.peer_store_handle(),
    );
    net_config.add_notification_protocol(grandpa_protocol);
    let warp_sync = Arc::new(warp_proof::NetworkProvider::new(
        backend.clone(),
        grandpa_link.shared_authority_set().clone(),
        Vec::new(),
    ));
    let (network, system_rpc_tx, tx_handler_controller, sync_service, _) =
        build_network(BuildNetworkParams {
            config: &config,
            net_config,
            client: client.clone(),
            transaction_pool: transaction_pool.clone(),
            spawn_handle: task_manager.spawn_handle(),
            spawn_essential_handle: task_manager.spawn_essential_handle(),
            import_queue,
            block_announce_validator_builder: None,
            warp_sync_config: Some(WarpSyncConfig::WithProvider(warp_sync)),
            block_relay: None,
            metrics,
            gap_sync_body_policy: None,
        })?;

    if config.offchain_worker.enabled {
        start_offchain_workers(
            &config,
            &client,
            &backend,
            keystore.clone(),
            &transaction_pool,
            network.clone(),
            &task_manager,
        )?;
    }

    let shared_state = SharedVoterState::empty();
    let rpc_builder = {
        let (client, pool) = (client.clone(), transaction_pool.clone());
        let finality = rpc::Finality {
            voters: shared_state.clone(),
            authorities: grandpa_link.shared_authority_set().clone(),
            justifications: grandpa_link.justification_stream(),
            proofs: FinalityProofProvider::new_for_service(
                backend.clone(),
                Some(grandpa_link.shared_authority_set().clone()),
            ),
        };
        Box::new(move |executor| {
            rpc::module(client.clone(), pool.clone(), finality.clone(), executor)
                .map_err(ServiceError::Application)
        })
    };

    let role = config.role;
    let force_authoring = config.force_authoring;
    let disable_grandpa = config.disable_grandpa;
    let name = config.network.node_name.clone();
    spawn_tasks(SpawnTasksParams {
        config,
        client: client.clone(),
        backend,
        task_manager: &mut task_manager,
        keystore: keystore.clone(),
        transaction_pool: transaction_pool.clone(),
        rpc_builder,
        network: network.clone(),
        system_rpc_tx,
        tx_handler_controller,
        sync_service: sync_service.clone(),
        telemetry: telemetry.as_mut(),
        tracing_execute_block: None,
    })?;

    let equivocations = equivocation::counter(registry.as_ref())?;
    task_manager.spawn_handle().spawn(
        "equivocation-watch",
        None,
        equivocation::watch(client.clone(), equivocations),
    );

    if role.is_authority() {
        let author = authoring::Author {
            client,
            pool: transaction_pool.clone(),
            select_chain,
            block_import,
            keystore: keystore.clone(),
            sync: sync_service.clone(),
            force: force_authoring,
            registry: registry.clone(),
            telemetry: telemetry_handle.clone(),
        };
        authoring::start(author, &task_manager)?;
    }
    if !disable_grandpa {
        let voter = finality::Voter {
            name,
            role,
            keystore,
            link: grandpa_link,
            pool: transaction_pool,
            network,
            sync: sync_service,
            protocol_name,
            notifications,
            shared_state,
            registry,
            telemetry: telemetry_handle,
        };
        finality::start(voter, &task_manager)?;
    }
    Ok(task_manager)
}
