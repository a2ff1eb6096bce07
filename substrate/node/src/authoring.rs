// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! Aura: check the blocks of others, and make one when it is this node's turn.

use std::sync::Arc;

use sc_consensus_aura::{
    standalone::slot_duration_at, CompatibilityMode, ImportQueueParams, SlotProportion,
    StartAuraParams,
};
use sc_consensus_slots::BackoffAuthoringOnFinalizedHeadLagging;
use sc_network_sync::SyncingService;
use sc_service::{error::Error as ServiceError, SpawnEssentialTaskHandle, TaskManager};
use sc_telemetry::TelemetryHandle;
use sp_consensus_aura::{
    inherents::InherentDataProvider as SlotProvider, sr25519::AuthorityPair, SlotDuration,
};
use sp_keystore::KeystorePtr;
use sp_timestamp::InherentDataProvider as TimestampProvider;
use substrate_prometheus_endpoint::Registry;

use crate::{
    runtime_api::Block,
    service::{BlockImport, FullClient, ImportQueue, Pool, SelectChain},
};

/// Time and slot as this host's clock has them.
fn inherents(slot_duration: SlotDuration) -> (SlotProvider, TimestampProvider) {
    let timestamp = TimestampProvider::from_system_time();
    let slot = SlotProvider::from_timestamp_and_slot_duration(*timestamp, slot_duration);
    (slot, timestamp)
}

/// Where blocks from the network wait until they are checked.
pub fn import_queue(
    client: &Arc<FullClient>,
    block_import: &BlockImport,
    spawner: &SpawnEssentialTaskHandle,
    registry: Option<&Registry>,
    telemetry: Option<TelemetryHandle>,
) -> Result<ImportQueue, ServiceError> {
    let client_at_parent = client.clone();
    let queue =
        sc_consensus_aura::import_queue::<AuthorityPair, _, _, _, _, _>(ImportQueueParams {
            block_import: block_import.clone(),
            justification_import: Some(Box::new(block_import.clone())),
            client: client.clone(),
            create_inherent_data_providers: move |parent, _| {
                let client = client_at_parent.clone();
                async move { Ok(inherents(slot_duration_at(&*client, parent)?)) }
            },
            spawner,
            registry,
            check_for_equivocation: Default::default(),
            telemetry,
            compatibility_mode: CompatibilityMode::None,
        })?;
    Ok(queue)
}

/// What making blocks needs of the rest of the node.
pub struct Author {
    pub client: Arc<FullClient>,
    pub pool: Arc<Pool>,
    pub select_chain: SelectChain,
    pub block_import: BlockImport,
    pub keystore: KeystorePtr,
    pub sync: Arc<SyncingService<Block>>,
    pub force: bool,
    pub registry: Option<Registry>,
    pub telemetry: Option<TelemetryHandle>,
}

/// Make blocks in this node's slots. The whole node goes down with the task.
pub fn start(author: Author, tasks: &TaskManager) -> Result<(), ServiceError> {
    let proposer_factory = sc_basic_authorship::ProposerFactory::new(
        tasks.spawn_handle(),
        author.client.clone(),
        author.pool,
        author.registry.as_ref(),
        author.telemetry.clone(),
    );
    let slot_duration = sc_consensus_aura::slot_duration(&*author.client)?;
    let aura = sc_consensus_aura::start_aura::<AuthorityPair, _, _, _, _, _, _, _, _, _, _>(
        StartAuraParams {
            slot_duration,
            client: author.client,
            select_chain: author.select_chain,
            block_import: author.block_import,
            proposer_factory,
            create_inherent_data_providers: move |_, ()| async move { Ok(inherents(slot_duration)) },
            force_authoring: author.force,
            // A chain that cannot finalise grows slower and slower, so that the half of a split
            // network that has to go back has little to go back over.
            backoff_authoring_blocks: Some(BackoffAuthoringOnFinalizedHeadLagging::default()),
            keystore: author.keystore,
            sync_oracle: author.sync.clone(),
            justification_sync_link: author.sync,
            // The rest of the slot is for the block to travel in.
            block_proposal_slot_portion: SlotProportion::new(2f32 / 3f32),
            max_block_proposal_slot_portion: None,
            telemetry: author.telemetry,
            compatibility_mode: CompatibilityMode::None,
        },
    )?;
    tasks
        .spawn_essential_handle()
        .spawn_blocking("aura", Some("block-authoring"), aura);
    Ok(())
}
