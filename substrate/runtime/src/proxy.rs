//! What an account may let another key do in its name.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::InstanceFilter;
use scale_info::TypeInfo;

use crate::RuntimeCall;

/// The powers of a proxy.
#[derive(
    Copy,
    Clone,
    Eq,
    PartialEq,
    Ord,
    PartialOrd,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum ProxyType {
    /// Every call, money included.
    #[default]
    Any,
    /// A worker's machine: takes up tasks, delivers results, gives tasks up. It moves no money of
    /// its own accord and cannot appoint further proxies.
    Worker,
}

impl InstanceFilter<RuntimeCall> for ProxyType {
    fn filter(&self, call: &RuntimeCall) -> bool {
        match self {
            Self::Any => true,
            Self::Worker => matches!(
                call,
                RuntimeCall::DecentralML(
                    pallet_decentralml::Call::accept_task { .. }
                        | pallet_decentralml::Call::send_task_result { .. }
                        | pallet_decentralml::Call::release_assignment { .. }
                )
            ),
        }
    }

    fn is_superset(&self, other: &Self) -> bool {
        matches!(self, Self::Any) || self == other
    }
}
