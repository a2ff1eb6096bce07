//! Money and time as the chain counts them.

use crate::{Balance, BlockNumber};

/// Decimals of the token, as chain specs and wallets name them.
pub const DECIMALS: u8 = 12;
/// One token in its smallest units.
pub const TOKEN: Balance = 10u128.pow(DECIMALS as u32);
pub const MILLI: Balance = TOKEN / 1_000;
pub const MICRO: Balance = MILLI / 1_000;

/// An account below this is removed.
pub const EXISTENTIAL_DEPOSIT: Balance = MILLI;

/// Milliseconds from one block to the next. Fixed once a chain has started: Aura derives the slot
/// of every block from it.
pub const SLOT_DURATION: u64 = 2_000;

pub const MINUTES: BlockNumber = 60_000 / SLOT_DURATION as BlockNumber;
pub const HOURS: BlockNumber = 60 * MINUTES;
pub const DAYS: BlockNumber = 24 * HOURS;

/// What must be held for state that stays until its owner removes it: a price for each item and
/// one for each byte, so that filling the state of all nodes costs more than it is worth.
pub const fn deposit(items: u32, bytes: u32) -> Balance {
    items as Balance * 2 * MILLI + bytes as Balance * 10 * MICRO
}
