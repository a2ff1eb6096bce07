// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! Notice a validator that makes two blocks for one slot.
//!
//! GRANDPA's equivocations reach the chain by themselves: the voter hands its proof to the runtime.
//! Aura has no such report, and its import queue says so only in a line of log at level info, which
//! nobody is woken by. So this counts them where Prometheus looks.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use futures::StreamExt;
use log::{debug, error};
use sc_client_api::BlockchainEvents;
use sc_consensus_aura::standalone::{find_pre_digest, slot_author};
use sp_api::ProvideRuntimeApi;
use sp_consensus_aura::{
    sr25519::{AuthorityId, AuthorityPair, AuthoritySignature},
    AuraApi, Slot,
};
use substrate_prometheus_endpoint::{register, Counter, PrometheusError, Registry, U64};

use crate::{
    runtime_api::{Block, Hash, Header},
    service::FullClient,
};

/// Slots remembered: half an hour of blocks of two seconds.
const REMEMBERED: usize = 900;

/// The first block that each author made for each of the last slots.
#[derive(Default)]
struct Authorship(BTreeMap<Slot, HashMap<AuthorityId, Hash>>);

impl Authorship {
    /// Note a block; the other one if its author already made one for this slot.
    fn note(&mut self, slot: Slot, author: AuthorityId, hash: Hash) -> Option<Hash> {
        let first = *self
            .0
            .entry(slot)
            .or_default()
            .entry(author)
            .or_insert(hash);
        while self.0.len() > REMEMBERED {
            self.0.pop_first();
        }
        (first != hash).then_some(first)
    }
}

/// Counts the blocks that are an author's second for their slot.
pub fn counter(registry: Option<&Registry>) -> Result<Option<Counter<U64>>, PrometheusError> {
    registry
        .map(|registry| {
            let counter = Counter::new(
                "substrate_block_equivocations_total",
                "Blocks whose author had already made another one for the same slot",
            )?;
            register(counter, registry)
        })
        .transpose()
}

/// Watch every imported block until the client is gone.
pub async fn watch(client: Arc<FullClient>, counter: Option<Counter<U64>>) {
    let mut authorship = Authorship::default();
    let mut imported = client.every_import_notification_stream();
    while let Some(block) = imported.next().await {
        let Some((slot, author)) = author_of(&client, &block.header) else {
            continue;
        };
        let Some(first) = authorship.note(slot, author.clone(), block.hash) else {
            continue;
        };
        error!(
            target: "equivocation",
            "{author} made two blocks for slot {slot}: {first:?} and {:?}", block.hash,
        );
        if let Some(counter) = &counter {
            counter.inc();
        }
    }
}

/// Whose turn the block's slot was, by the authorities of its parent; nothing while the parent's
/// state is not here, as after a warp sync.
fn author_of(client: &FullClient, header: &Header) -> Option<(Slot, AuthorityId)> {
    let slot = find_pre_digest::<Block, AuthoritySignature>(header).ok()?;
    match client.runtime_api().authorities(header.parent_hash) {
        Ok(authorities) => {
            slot_author::<AuthorityPair>(slot, &authorities).map(|author| (slot, author.clone()))
        }
        Err(problem) => {
            debug!(target: "equivocation", "authorities at {}: {problem}", header.parent_hash);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author(byte: u8) -> AuthorityId {
        sp_core::sr25519::Public::from_raw([byte; 32]).into()
    }

    fn block(byte: u8) -> Hash {
        Hash::repeat_byte(byte)
    }

    #[test]
    fn a_second_block_of_one_author_for_one_slot_names_the_first() {
        let mut seen = Authorship::default();
        assert_eq!(seen.note(7.into(), author(1), block(1)), None);
        assert_eq!(seen.note(7.into(), author(1), block(2)), Some(block(1)));
        assert_eq!(seen.note(7.into(), author(1), block(3)), Some(block(1)));
    }

    #[test]
    fn the_same_block_seen_twice_is_no_equivocation() {
        let mut seen = Authorship::default();
        assert_eq!(seen.note(7.into(), author(1), block(1)), None);
        assert_eq!(seen.note(7.into(), author(1), block(1)), None);
    }

    #[test]
    fn two_forks_may_give_one_slot_to_two_authors() {
        let mut seen = Authorship::default();
        assert_eq!(seen.note(7.into(), author(1), block(1)), None);
        assert_eq!(seen.note(7.into(), author(2), block(2)), None);
    }

    #[test]
    fn slots_are_forgotten_from_the_oldest_on_and_not_one_too_early() {
        let mut seen = Authorship::default();
        for slot in 0..REMEMBERED as u64 {
            seen.note(slot.into(), author(1), block(1));
        }
        assert_eq!(seen.note(0.into(), author(1), block(2)), Some(block(1)));
        seen.note((REMEMBERED as u64).into(), author(1), block(1));
        assert_eq!(seen.0.len(), REMEMBERED);
        assert_eq!(seen.note(1.into(), author(1), block(2)), Some(block(1)));
        assert!(!seen.0.contains_key(&0.into()));
    }
}
