//! The pallets whose weights can be measured against this runtime.

frame_benchmarking::define_benchmarks!(
    [frame_benchmarking, BaselineBench::<Runtime>]
    [frame_system, SystemBench::<Runtime>]
    [frame_system_extensions, SystemExtensionsBench::<Runtime>]
    [pallet_balances, Balances]
    [pallet_decentralml, DecentralML]
    [pallet_multisig, Multisig]
    [pallet_proxy, Proxy]
    [pallet_rotation, Rotation]
    [pallet_sudo, Sudo]
    [pallet_timestamp, Timestamp]
    [pallet_utility, Utility]
);
