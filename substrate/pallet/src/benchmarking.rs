//! What each call costs on its dearest way.

use super::*;
use alloc::vec;
use frame_benchmarking::v2::*;
use frame_support::traits::{
    fungible::{Inspect, Mutate},
    EnsureOrigin, Get,
};
use frame_system::{Pallet as System, RawOrigin};
use sp_runtime::traits::{One, Saturating};

fn cid() -> Cid {
    Cid::truncate_from(vec![b'b'; MAX_CID_LENGTH as usize])
}

/// An account with more than any benchmark spends.
fn rich<T: Config>(name: &'static str, index: u32) -> T::AccountId {
    let who = account(name, index, 0);
    let deposits = T::TaskDeposit::get()
        .saturating_add(T::AssignmentDeposit::get())
        .saturating_add(T::ResultDeposit::get())
        .saturating_add(T::DisputeDeposit::get())
        .saturating_add(BytePrice::<T>::get().saturating_mul(10_000u32.into()))
        .saturating_add(T::Currency::minimum_balance());
    T::Currency::set_balance(&who, deposits.saturating_mul(10_000u32.into()));
    who
}

/// The largest task there is: every field full, the creator validates, the arbiter is named.
fn terms<T: Config>(slots: u32, rounds: u32) -> TermsOf<T> {
    // The call that is measured is in block 1 at the earliest, and no time may pass before it.
    System::<T>::set_block_number(System::<T>::block_number().max(One::one()));
    let reward = T::Currency::minimum_balance();
    Terms {
        kind: TaskKind::Contribution,
        title: Title::truncate_from(vec![b'x'; MAX_TITLE_LENGTH as usize]),
        bundle: cid(),
        model: Some(cid()),
        reward,
        slots,
        rounds,
        policy: Policy::Manual,
        schedule: Schedule {
            accept_before: System::<T>::block_number().saturating_add(T::MinSpan::get()),
            round_time: T::MinSpan::get(),
            validate_time: T::MinSpan::get(),
            dispute_time: T::MinSpan::get(),
        },
        stake: reward,
        arbiter: Some(account("arbiter", 0, 0)),
        sealing_key: Some([1; 32]),
    }
}

fn created<T: Config>(terms: TermsOf<T>) -> Result<(TaskId, T::AccountId), BenchmarkError> {
    let creator = rich::<T>("creator", 0);
    let id = NextTaskId::<T>::get();
    Pallet::<T>::create_task(RawOrigin::Signed(creator.clone()).into(), terms)?;
    Ok((id, creator))
}

fn accepted<T: Config>(id: TaskId, index: u32) -> Result<T::AccountId, BenchmarkError> {
    let worker = rich::<T>("worker", index);
    Pallet::<T>::accept_task(RawOrigin::Signed(worker.clone()).into(), id)?;
    Ok(worker)
}

/// The only worker of a task of one slot has delivered its last round.
fn delivered<T: Config>() -> Result<(TaskId, T::AccountId, T::AccountId), BenchmarkError> {
    let (id, creator) = created::<T>(terms::<T>(1, 1))?;
    let worker = accepted::<T>(id, 0)?;
    Pallet::<T>::send_task_result(RawOrigin::Signed(worker.clone()).into(), id, 1, cid())?;
    Ok((id, creator, worker))
}

fn rejected<T: Config>() -> Result<(TaskId, T::AccountId), BenchmarkError> {
    let (id, creator, worker) = delivered::<T>()?;
    let reason = Reason::truncate_from(vec![b'x'; MAX_REASON_LENGTH as usize]);
    Pallet::<T>::validate_task_result(
        RawOrigin::Signed(creator).into(),
        id,
        1,
        worker.clone(),
        Verdict::Reject(reason),
    )?;
    Ok((id, worker))
}

fn disputed<T: Config>() -> Result<(TaskId, T::AccountId), BenchmarkError> {
    let (id, worker) = rejected::<T>()?;
    Pallet::<T>::dispute_result(RawOrigin::Signed(worker.clone()).into(), id, 1)?;
    Ok((id, worker))
}

fn wait<T: Config>(blocks: BlockOf<T>) {
    System::<T>::set_block_number(System::<T>::block_number().saturating_add(blocks));
}

fn status<T: Config>(id: TaskId) -> Option<TaskStatus> {
    Tasks::<T>::get(id).map(|task| task.status)
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn create_task() {
        let creator = rich::<T>("creator", 0);

        #[extrinsic_call]
        create_task(RawOrigin::Signed(creator), terms::<T>(1, 1));

        assert_eq!(status::<T>(0), Some(TaskStatus::Created));
    }

    #[benchmark]
    fn accept_task() -> Result<(), BenchmarkError> {
        let (id, _) = created::<T>(terms::<T>(1, 1))?;
        let worker = rich::<T>("worker", 0);

        #[extrinsic_call]
        accept_task(RawOrigin::Signed(worker), id);

        assert_eq!(status::<T>(id), Some(TaskStatus::InProgress));
        Ok(())
    }

    #[benchmark]
    fn start_round() -> Result<(), BenchmarkError> {
        let (id, creator) = created::<T>(terms::<T>(1, 2))?;

        #[extrinsic_call]
        start_round(RawOrigin::Signed(creator), id, cid());

        assert_eq!(Tasks::<T>::get(id).map(|task| task.round), Some(2));
        Ok(())
    }

    /// Paid at once, which completes the task.
    #[benchmark]
    fn send_task_result() -> Result<(), BenchmarkError> {
        let (id, _) = created::<T>(Terms {
            policy: Policy::AutoAccept,
            ..terms::<T>(1, 1)
        })?;
        let worker = accepted::<T>(id, 0)?;

        #[extrinsic_call]
        send_task_result(RawOrigin::Signed(worker), id, 1, cid());

        assert_eq!(status::<T>(id), Some(TaskStatus::Completed));
        Ok(())
    }

    /// Accepted, which completes the task.
    #[benchmark]
    fn validate_task_result() -> Result<(), BenchmarkError> {
        let (id, creator, worker) = delivered::<T>()?;

        #[extrinsic_call]
        validate_task_result(RawOrigin::Signed(creator), id, 1, worker, Verdict::Accept);

        assert_eq!(status::<T>(id), Some(TaskStatus::Completed));
        Ok(())
    }

    /// A dispute is halved, which completes the task.
    #[benchmark]
    fn claim_result() -> Result<(), BenchmarkError> {
        let (id, worker) = disputed::<T>()?;
        wait::<T>(T::ArbiterTime::get());

        #[extrinsic_call]
        claim_result(RawOrigin::Signed(whitelisted_caller()), id, 1, worker);

        assert_eq!(status::<T>(id), Some(TaskStatus::Completed));
        Ok(())
    }

    #[benchmark]
    fn dispute_result() -> Result<(), BenchmarkError> {
        let (id, worker) = rejected::<T>()?;

        #[extrinsic_call]
        dispute_result(RawOrigin::Signed(worker.clone()), id, 1);

        let result = Results::<T>::get((id, 1, worker)).ok_or("no result")?;
        assert_eq!(result.status, ResultStatus::Disputed);
        Ok(())
    }

    /// The worker wins, which completes the task.
    #[benchmark]
    fn resolve_dispute() -> Result<(), BenchmarkError> {
        let (id, worker) = disputed::<T>()?;
        let arbiter = account::<T::AccountId>("arbiter", 0, 0);

        #[extrinsic_call]
        resolve_dispute(RawOrigin::Signed(arbiter), id, 1, worker, Ruling::Worker);

        assert_eq!(status::<T>(id), Some(TaskStatus::Completed));
        Ok(())
    }

    /// Missed, which forfeits the stake and completes the task.
    #[benchmark]
    fn release_assignment() -> Result<(), BenchmarkError> {
        let (id, _) = created::<T>(terms::<T>(1, 1))?;
        let worker = accepted::<T>(id, 0)?;
        wait::<T>(T::MinSpan::get());

        #[extrinsic_call]
        release_assignment(RawOrigin::Signed(whitelisted_caller()), id, worker);

        assert_eq!(status::<T>(id), Some(TaskStatus::Completed));
        Ok(())
    }

    #[benchmark]
    fn withdraw_task() -> Result<(), BenchmarkError> {
        let (id, creator) = created::<T>(terms::<T>(1, 1))?;

        #[extrinsic_call]
        withdraw_task(RawOrigin::Signed(creator), id);

        assert_eq!(status::<T>(id), Some(TaskStatus::Withdrawn));
        Ok(())
    }

    /// `n` assignments with a stake, the dearer kind of item, and the task with the last one.
    #[benchmark]
    fn prune_task(n: Linear<0, { T::MaxPrune::get() }>) -> Result<(), BenchmarkError> {
        let slots = n.max(1);
        let (id, creator) = created::<T>(Terms {
            policy: Policy::AutoAccept,
            ..terms::<T>(slots, 2)
        })?;
        for index in 0..n {
            let worker = accepted::<T>(id, index)?;
            Pallet::<T>::send_task_result(RawOrigin::Signed(worker).into(), id, 1, cid())?;
        }
        Pallet::<T>::withdraw_task(RawOrigin::Signed(creator).into(), id)?;
        let caller: T::AccountId = whitelisted_caller();
        if n > 0 {
            Pallet::<T>::prune_task(RawOrigin::Signed(caller.clone()).into(), id, n)?;
            // results
        }

        #[extrinsic_call]
        prune_task(RawOrigin::Signed(caller), id, n);

        assert_eq!(status::<T>(id), None);
        Ok(())
    }

    #[benchmark]
    fn set_byte_price() -> Result<(), BenchmarkError> {
        let origin = T::PriceOrigin::try_successful_origin()
            .map_err(|_| BenchmarkError::Stop("nobody may set prices"))?;
        let price = T::InitialBytePrice::get().saturating_add(1u32.into());

        #[extrinsic_call]
        set_byte_price(origin as T::RuntimeOrigin, price);

        assert_eq!(BytePrice::<T>::get(), price);
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
