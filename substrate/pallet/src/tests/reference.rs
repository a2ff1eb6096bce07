//! `docs/reference/pallet.md` is written from the metadata, so that it cannot grow old.
//!
//! `UPDATE_DOCS=1 cargo test -p pallet-decentralml reference` writes it anew.

use crate::{mock::*, Call, Pallet};
use scale_info::{form::MetaForm, Field, Path, Type, TypeDef, TypeInfo, Variant};
use std::fmt::Write;

const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/reference/pallet.md"
);

const HEAD: &str = "# The pallet `DecentralML`

Calls, events, errors, holds, constants and storage, as the runtime's metadata has them. The rules \
behind them: [the market's rules](../explanation/market-rules.md). Amounts are in the smallest \
unit, times in blocks; texts are bytes of a stranger.

This page is written from the code: `UPDATE_DOCS=1 cargo test -p pallet-decentralml reference`.
";

/// Why money is on hold, on whom, and until when. The metadata names these without words.
const HOLDS: &[(&str, &str)] = &[
    (
        "Reward",
        "creator | what its tasks may still have to pay | paid, or can be earned no more",
    ),
    (
        "Stake",
        "worker | against not delivering | the assignment ends",
    ),
    (
        "TaskDeposit",
        "creator | for the task as a stored item | the task is pruned",
    ),
    (
        "AssignmentDeposit",
        "worker | for the assignment as a stored item | it is pruned",
    ),
    (
        "ResultDeposit",
        "worker | for the result as a stored item | it is pruned",
    ),
    (
        "DisputeDeposit",
        "validator, worker | against being wrong in a dispute | the result is final",
    ),
];

fn sentence(docs: &[impl AsRef<str>]) -> String {
    let lines = docs.iter().map(|line| line.as_ref().trim());
    let words: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    words.join(" ").replace('|', "\\|")
}

fn variants<T: TypeInfo>() -> Vec<Variant<MetaForm>> {
    let TypeDef::Variant(def) = T::type_info().type_def else {
        panic!("not an enum")
    };
    def.variants
        .into_iter()
        .filter(|v| !v.name.starts_with("__"))
        .collect()
}

/// How the source writes a field's type, without the runtime's own prefixes.
fn type_name(field: &Field<MetaForm>) -> String {
    let name = field.type_name.unwrap_or("?").replace(' ', "");
    [
        ("T::AccountId", "AccountId"),
        ("BlockNumberFor<T>", "BlockNumber"),
        ("BalanceOf<T>", "Balance"),
        ("TermsOf<T>", "Terms"),
    ]
    .into_iter()
    .fold(name, |name, (from, to)| name.replace(from, to))
}

fn fields(fields: &[Field<MetaForm>]) -> String {
    let named = fields.iter().map(|field| match field.name {
        Some(name) => format!("{name}: {}", type_name(field)),
        None => type_name(field),
    });
    named.collect::<Vec<_>>().join(", ")
}

fn calls(page: &mut String) {
    page.push_str("\n## Calls\n");
    for call in variants::<Call<Test>>() {
        let arguments = fields(&call.fields);
        let docs = sentence(&call.docs);
        write!(
            page,
            "\n**{}. `{}({arguments})`**\n\n{docs}\n",
            call.index, call.name
        )
        .unwrap();
    }
}

fn events(page: &mut String) {
    page.push_str("\n## Events\n\n| event | fields | says |\n|---|---|---|\n");
    for event in variants::<Event>() {
        let fields = fields(&event.fields);
        writeln!(
            page,
            "| `{}` | `{fields}` | {} |",
            event.name,
            sentence(&event.docs)
        )
        .unwrap();
    }
}

fn errors(page: &mut String) {
    page.push_str("\n## Errors\n\n| error | says |\n|---|---|\n");
    for error in variants::<Error>() {
        writeln!(page, "| `{}` | {} |", error.name, sentence(&error.docs)).unwrap();
    }
    page.push_str(
        "\nWho lacks the money for a hold gets the balances pallet's `Token` errors instead \
         (`FundsUnavailable`).\n",
    );
}

fn holds(page: &mut String) {
    page.push_str("\n## Holds\n\n| reason | on | why | until |\n|---|---|---|---|\n");
    for reason in variants::<HoldReason>() {
        let known = HOLDS.iter().find(|(name, _)| *name == reason.name);
        let (name, words) = known.expect("a hold without words");
        writeln!(page, "| `{name}` | {words} |").unwrap();
    }
}

fn constants(page: &mut String) {
    page.push_str("\n## Constants\n\n| constant | says |\n|---|---|\n");
    for constant in Pallet::<Test>::pallet_constants_metadata() {
        writeln!(
            page,
            "| `{}` | {} |",
            constant.name,
            sentence(&constant.docs)
        )
        .unwrap();
    }
}

fn storage(page: &mut String) {
    page.push_str("\n## Storage\n\n| item | says |\n|---|---|\n");
    for entry in Pallet::<Test>::storage_metadata().entries {
        writeln!(page, "| `{}` | {} |", entry.name, sentence(&entry.docs)).unwrap();
    }
}

fn a_type(page: &mut String, info: Type) {
    let Path { segments } = info.path;
    let name = segments.last().unwrap();
    let body = match info.type_def {
        TypeDef::Composite(def) => format!("{{ {} }}", fields(&def.fields)),
        TypeDef::Variant(def) => {
            let variants = def
                .variants
                .iter()
                .map(|variant| match fields(&variant.fields) {
                    none if none.is_empty() => variant.name.to_string(),
                    some => format!("{}({some})", variant.name),
                });
            variants.collect::<Vec<_>>().join(" \\| ")
        }
        _ => panic!("a type of the market is a struct or an enum"),
    };
    writeln!(
        page,
        "| `{name}` | {} |",
        body.replace("{ ", "").replace(" }", "")
    )
    .unwrap();
}

fn types(page: &mut String) {
    page.push_str("\n## Types\n\n| type | fields, or what it is one of |\n|---|---|\n");
    type A = AccountId;
    type B = Balance;
    for info in [
        TaskKind::type_info(),
        Media::type_info(),
        Policy::<A>::type_info(),
        Schedule::<u64>::type_info(),
        crate::types::Terms::<A, B, u64>::type_info(),
        TaskStatus::type_info(),
        Task::<A, B, u64>::type_info(),
        Assignment::<B, u64>::type_info(),
        AssignmentInfo::<B, u64>::type_info(),
        ResultStatus::type_info(),
        TaskResult::<B, u64>::type_info(),
        Verdict::type_info(),
        Ruling::type_info(),
        Outcome::type_info(),
        Reputation::<B>::type_info(),
    ] {
        a_type(page, info);
    }
}

fn page() -> String {
    let mut page = HEAD.to_string();
    for part in [calls, events, errors, holds, constants, storage, types] {
        part(&mut page);
    }
    page
}

#[test]
fn the_reference_page_is_what_the_metadata_says() {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, page()).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap();
    assert!(
        written == page(),
        "docs/reference/pallet.md is old: run this test with UPDATE_DOCS=1"
    );
}

#[test]
fn the_calls_keep_the_numbers_that_clients_were_built_for() {
    let calls: Vec<_> = variants::<Call<Test>>()
        .iter()
        .map(|c| (c.index, c.name))
        .collect();
    let expected = [
        (0, "create_task"),
        (1, "accept_task"),
        (2, "start_round"),
        (3, "send_task_result"),
        (4, "validate_task_result"),
        (5, "claim_result"),
        (6, "dispute_result"),
        (7, "resolve_dispute"),
        (8, "release_assignment"),
        (9, "withdraw_task"),
        (10, "prune_task"),
        (11, "set_byte_price"),
    ];
    assert_eq!(calls, expected);
}
