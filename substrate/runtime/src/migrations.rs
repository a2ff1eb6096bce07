//! What an upgrade changes in the state, in its first block.

use crate::Runtime;

/// Every migration that a chain may still need. Each knows by its pallet's storage version whether
/// it has run, so an upgrade may leave versions out, and one that has run costs a read.
pub type Migrations = (pallet_decentralml::migrations::PriceBytes<Runtime>,);
