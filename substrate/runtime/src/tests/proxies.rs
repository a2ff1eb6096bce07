use frame_support::traits::InstanceFilter;

use super::*;
use crate::{proxy::ProxyType, units::TOKEN};

fn transfer(to: Sr25519Keyring) -> RuntimeCall {
    pallet_balances::Call::transfer_allow_death {
        dest: to.to_account_id().into(),
        value: TOKEN,
    }
    .into()
}

#[test]
fn any_includes_worker_and_worker_does_not_include_any() {
    assert!(ProxyType::Any.is_superset(&ProxyType::Worker));
    assert!(!ProxyType::Worker.is_superset(&ProxyType::Any));
}

#[test]
fn a_proxy_for_everything_may_move_money() {
    assert!(ProxyType::Any.filter(&transfer(Sr25519Keyring::Bob)));
}

#[test]
fn a_workers_machine_may_neither_move_money_nor_appoint_nor_wrap_a_call() {
    let appoint = pallet_proxy::Call::add_proxy {
        delegate: Sr25519Keyring::Eve.to_account_id().into(),
        proxy_type: ProxyType::Any,
        delay: 0,
    };
    let wrapped = pallet_utility::Call::batch {
        calls: vec![transfer(Sr25519Keyring::Eve)],
    };
    let remark = frame_system::Call::remark { remark: vec![] };
    for call in [
        transfer(Sr25519Keyring::Eve),
        appoint.into(),
        wrapped.into(),
        remark.into(),
    ] {
        assert!(!ProxyType::Worker.filter(&call), "{call:?}");
    }
}
