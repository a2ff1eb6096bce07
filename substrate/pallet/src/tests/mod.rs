//! The rules of the market, a file for each call.

mod accept_task;
mod claim_result;
mod create_task;
mod dispute_result;
mod errors;
mod invariants;
mod measure;
mod migrations;
mod prune_task;
mod random_walk;
mod reads;
mod reference;
mod release_assignment;
mod resolve_dispute;
mod send_task_result;
mod set_byte_price;
mod start_round;
mod validate_task_result;
mod withdraw_task;
