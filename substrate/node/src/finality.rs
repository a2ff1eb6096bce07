// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! GRANDPA: vote on what is final, and keep the proofs.

use std::{sync::Arc, time::Duration};

use sc_consensus_grandpa::{Config, GrandpaParams, SharedVoterState, VotingRulesBuilder};
use sc_network::{
    config::Role, service::traits::NetworkService, types::ProtocolName, NotificationService,
};
use sc_network_sync::SyncingService;
use sc_service::{error::Error as ServiceError, TaskManager};
use sc_telemetry::TelemetryHandle;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_keystore::KeystorePtr;
use substrate_prometheus_endpoint::Registry;

use crate::{
    runtime_api::Block,
    service::{GrandpaLink, Pool},
};

/// A proof of finality is stored at least every so many blocks, besides one for each change of the
/// validators; a node that warp-syncs reads the latter and the newest.
pub const JUSTIFICATION_PERIOD: u32 = 512;

/// What voting needs of the rest of the node.
pub struct Voter {
    pub name: String,
    pub role: Role,
    pub keystore: KeystorePtr,
    pub link: GrandpaLink,
    pub pool: Arc<Pool>,
    pub network: Arc<dyn NetworkService>,
    pub sync: Arc<SyncingService<Block>>,
    pub protocol_name: ProtocolName,
    pub notifications: Box<dyn NotificationService>,
    pub shared_state: SharedVoterState,
    pub registry: Option<Registry>,
    pub telemetry: Option<TelemetryHandle>,
}

/// Vote where this node holds a key, and follow the votes of others everywhere. The whole node goes
/// down with the task.
pub fn start(voter: Voter, tasks: &TaskManager) -> Result<(), ServiceError> {
    let keystore = voter.role.is_authority().then_some(voter.keystore);
    let task = sc_consensus_grandpa::run_grandpa_voter(GrandpaParams {
        config: Config {
            gossip_duration: Duration::from_millis(333),
            justification_generation_period: JUSTIFICATION_PERIOD,
            observer_enabled: false,
            local_role: voter.role,
            name: Some(voter.name),
            keystore,
            telemetry: voter.telemetry.clone(),
            protocol_name: voter.protocol_name,
        },
        link: voter.link,
        network: voter.network,
        sync: voter.sync,
        notification_service: voter.notifications,
        voting_rule: VotingRulesBuilder::default().build(),
        prometheus_registry: voter.registry,
        shared_voter_state: voter.shared_state,
        telemetry: voter.telemetry,
        // Through this the proof of a double vote reaches the chain.
        offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(voter.pool),
    })?;
    tasks
        .spawn_essential_handle()
        .spawn_blocking("grandpa-voter", None, task);
    Ok(())
}
