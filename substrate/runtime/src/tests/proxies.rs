use codec::Decode;
use frame_support::{
    assert_ok,
    traits::{GetCallName, InstanceFilter},
};
use sp_runtime::traits::{Dispatchable, TrailingZeroInput};

use super::*;
use crate::{proxy::ProxyType, units::TOKEN, Proxy, RuntimeOrigin};

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

/// Every call of the market, its arguments all zero.
fn calls_of_the_market() -> Vec<pallet_decentralml::Call<Runtime>> {
    let count = pallet_decentralml::Call::<Runtime>::get_call_names().len() as u8;
    (0..count)
        .map(|index| {
            let encoded = [index];
            Decode::decode(&mut TrailingZeroInput::new(&encoded)).expect("zeros are arguments")
        })
        .collect()
}

#[test]
fn a_workers_machine_may_accept_send_and_release_and_nothing_else_in_the_market() {
    let allowed: Vec<_> = calls_of_the_market()
        .into_iter()
        .filter(|call| ProxyType::Worker.filter(&call.clone().into()))
        .map(|call| call.get_call_name())
        .collect();
    assert_eq!(
        allowed,
        ["accept_task", "send_task_result", "release_assignment"]
    );
}

#[test]
fn a_hot_key_acts_for_its_worker_and_cannot_take_the_money() {
    development().execute_with(|| {
        begin_block(1);
        let machine = Sr25519Keyring::Eve;
        let appoint = pallet_proxy::Call::add_proxy {
            delegate: machine.to_account_id().into(),
            proxy_type: ProxyType::Worker,
            delay: 0,
        };
        let bob = RuntimeOrigin::signed(Sr25519Keyring::Bob.to_account_id());
        assert_ok!(RuntimeCall::from(appoint).dispatch(bob));
        let before = free(Sr25519Keyring::Bob);

        let outcome = |call: RuntimeCall| {
            System::reset_events();
            let origin = RuntimeOrigin::signed(machine.to_account_id());
            let real = Sr25519Keyring::Bob.to_account_id().into();
            assert_ok!(Proxy::proxy(origin, real, None, Box::new(call)));
            System::events()
                .into_iter()
                .find_map(|record| match record.event {
                    crate::RuntimeEvent::Proxy(pallet_proxy::Event::ProxyExecuted { result }) => {
                        Some(result)
                    }
                    _ => None,
                })
                .expect("a proxy's call always says how it went")
        };

        let filtered = frame_system::Error::<Runtime>::CallFiltered.into();
        assert_eq!(outcome(transfer(machine)), Err(filtered));
        assert_eq!(free(Sr25519Keyring::Bob), before);
        // It reaches the market, which answers for itself.
        let accept = pallet_decentralml::Call::accept_task { task: 7 };
        let unknown = pallet_decentralml::Error::<Runtime>::UnknownTask.into();
        assert_eq!(outcome(accept.into()), Err(unknown));
    });
}
