// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! What this node answers besides the client's own methods: nonces, fees, finality.

use std::{error::Error, sync::Arc};

use jsonrpsee::RpcModule;
use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
use pallet_transaction_payment_rpc_runtime_api::RuntimeDispatchInfo;
use sc_consensus_grandpa::{
    FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
use sc_rpc::SubscriptionTaskExecutor;
use substrate_frame_rpc_system::{System, SystemApiServer};

use crate::{
    runtime_api::{AccountId, Balance, Block, BlockNumber, Hash, Nonce},
    service::{FullBackend, FullClient, Pool},
};

/// GRANDPA's part of the answers.
#[derive(Clone)]
pub struct Finality {
    pub voters: SharedVoterState,
    pub authorities: SharedAuthoritySet<Hash, BlockNumber>,
    pub justifications: GrandpaJustificationStream<Block>,
    pub proofs: Arc<FinalityProofProvider<FullBackend, Block>>,
}

/// `system_accountNextIndex`, `system_dryRun`, `payment_*`, `grandpa_*`.
pub fn module(
    client: Arc<FullClient>,
    pool: Arc<Pool>,
    finality: Finality,
    executor: SubscriptionTaskExecutor,
) -> Result<RpcModule<()>, Box<dyn Error + Send + Sync>> {
    let Finality {
        voters,
        authorities,
        justifications,
        proofs,
    } = finality;
    let system = System::new(client.clone(), pool);
    let payment = TransactionPayment::new(client);
    let grandpa = Grandpa::new(executor, authorities, voters, justifications, proofs);

    let mut module = RpcModule::new(());
    module.merge(SystemApiServer::<Hash, AccountId, Nonce>::into_rpc(system))?;
    module.merge(TransactionPaymentApiServer::<
        Hash,
        RuntimeDispatchInfo<Balance>,
    >::into_rpc(payment))?;
    module.merge(grandpa.into_rpc())?;
    Ok(module)
}
