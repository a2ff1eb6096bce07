//! Every error that the pallet can give is shown by a test above, and told apart in words.

use crate::mock::*;
use scale_info::{TypeDef, TypeInfo};

const TESTS: &[&str] = &[
    include_str!("accept_task.rs"),
    include_str!("claim_result.rs"),
    include_str!("create_task.rs"),
    include_str!("dispute_result.rs"),
    include_str!("prune_task.rs"),
    include_str!("release_assignment.rs"),
    include_str!("resolve_dispute.rs"),
    include_str!("send_task_result.rs"),
    include_str!("start_round.rs"),
    include_str!("validate_task_result.rs"),
    include_str!("withdraw_task.rs"),
];

fn errors() -> Vec<(String, String)> {
    let TypeDef::Variant(variants) = Error::type_info().type_def else {
        panic!("the pallet's errors are no enum");
    };
    let errors = variants
        .variants
        .iter()
        .filter(|v| !v.name.starts_with("__"));
    errors
        .map(|v| (v.name.to_string(), v.docs.join(" ")))
        .collect()
}

#[test]
fn every_error_is_shown_by_a_test() {
    let errors = errors();
    assert!(
        errors.len() > 30,
        "the metadata lists {} errors only",
        errors.len()
    );
    for (name, _) in errors {
        let shown = TESTS
            .iter()
            .any(|file| file.contains(&format!("Error::{name}")));
        assert!(shown, "no test shows the error {name}");
    }
}

#[test]
fn every_error_says_something_of_its_own() {
    let mut words: Vec<_> = errors().into_iter().map(|(_, docs)| docs).collect();
    assert!(words.iter().all(|docs| docs.len() > 15));
    words.sort();
    words.dedup();
    assert_eq!(words.len(), errors().len());
}
