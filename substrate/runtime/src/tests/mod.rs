//! What the runtime promises, beyond what each pallet tests for itself.

mod deposits;
mod equivocations;
mod fees;
mod governance;
mod presets;
mod proxies;
mod sessions;
mod transactions;

use frame_support::traits::OnFinalize;
use sp_consensus_aura::{Slot, AURA_ENGINE_ID};
use sp_core::Encode;
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET};
use sp_inherents::InherentData;
use sp_io::TestExternalities;
use sp_keyring::Sr25519Keyring;
use sp_runtime::{generic::Era, traits::Header as _, Digest, DigestItem};

use crate::{
    units::SLOT_DURATION, Executive, Hash, Header, Nonce, Runtime, RuntimeCall, RuntimeOrigin,
    Signature, SignedPayload, System, TxExtension, UncheckedExtrinsic,
};

/// The state that a preset starts from.
fn chain(preset: &str) -> TestExternalities {
    build(preset, serde_json::json!({})).expect("the preset builds")
}

/// What building the first state says about a preset with a patch over it.
fn build(preset: &str, patch: serde_json::Value) -> Result<TestExternalities, String> {
    let mut state = TestExternalities::new_empty();
    state
        .execute_with(|| {
            let mut config = preset_json(None).expect("there is always a default");
            merge(
                &mut config,
                preset_json(Some(preset)).expect("the preset exists"),
            );
            merge(&mut config, patch);
            let config = serde_json::to_vec(&config).expect("a value is JSON");
            crate::genesis_presets::build(config)
        })
        .map(|()| state)
}

fn development() -> TestExternalities {
    chain(DEV_RUNTIME_PRESET)
}

fn preset_json(preset: Option<&str>) -> Option<serde_json::Value> {
    let json = frame_support::genesis_builder_helper::get_preset::<crate::RuntimeGenesisConfig>(
        &preset.map(PresetId::from),
        crate::genesis_presets::get_preset,
    )?;
    Some(serde_json::from_slice(&json).expect("a preset is JSON"))
}

/// A JSON merge patch (RFC 7386), as nodes apply it to the default configuration.
fn merge(target: &mut serde_json::Value, patch: serde_json::Value) {
    match (target, patch) {
        (serde_json::Value::Object(target), serde_json::Value::Object(patch)) => {
            for (key, value) in patch {
                merge(target.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (target, patch) => *target = patch,
    }
}

/// Opens block `number` as its author would, a block in each slot.
fn begin_block(number: u32) {
    begin_block_in_slot(number, number as u64)
}

/// Opens a block with Aura's slot in its digest, then the timestamp.
fn begin_block_in_slot(number: u32, slot: u64) {
    let slot = Slot::from(slot);
    let digest = Digest {
        logs: vec![DigestItem::PreRuntime(AURA_ENGINE_ID, slot.encode())],
    };
    let parent = System::block_hash(number - 1);
    let header = Header::new(number, Hash::zero(), Hash::zero(), parent, digest);
    Executive::initialize_block(&header);
    let mut data = InherentData::new();
    data.put_data(*b"timstap0", &(*slot * SLOT_DURATION))
        .expect("one timestamp");
    for inherent in crate::InherentDataExt::create_extrinsics(&data) {
        Executive::apply_extrinsic(inherent)
            .expect("valid")
            .expect("successful");
    }
}

/// Makes whole blocks up to this one, which stays open.
fn go_to(number: u32) {
    for next in System::block_number() + 1..=number {
        if next > 1 && System::block_number() > 0 {
            Executive::finalize_block();
        }
        begin_block(next);
    }
}

fn signed(who: Sr25519Keyring) -> RuntimeOrigin {
    RuntimeOrigin::signed(who.to_account_id())
}

fn sign(who: Sr25519Keyring, nonce: Nonce, call: RuntimeCall) -> UncheckedExtrinsic {
    let extension: TxExtension = (
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckEra::from(Era::Immortal),
        frame_system::CheckNonce::from(nonce),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::from(0),
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
        frame_system::WeightReclaim::new(),
    );
    let payload = SignedPayload::new(call, extension).expect("the state has a genesis hash");
    let signature = payload.using_encoded(|bytes| who.sign(bytes));
    let (call, extension, _) = payload.deconstruct();
    let signer = who.to_account_id().into();
    UncheckedExtrinsic::new_signed(call, signer, Signature::Sr25519(signature), extension)
}

fn free(who: Sr25519Keyring) -> u128 {
    crate::Balances::free_balance(who.to_account_id())
}
