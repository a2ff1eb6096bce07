//! Pages of what is stored, in time that depends on the page alone.

use super::*;
use alloc::vec::Vec;

/// Most items in a page.
pub const MAX_PAGE: u32 = 100;

/// The reverse of [`newest_first`].
fn key_to_id(key: NewestFirst) -> TaskId {
    !TaskId::from_be_bytes(key)
}

fn page(limit: u32) -> usize {
    limit.min(MAX_PAGE) as usize
}

impl<T: Config> Pallet<T> {
    /// Unfinished tasks with a slot free and a number below `start`, newest first.
    pub fn open_tasks(
        kind: Option<TaskKind>,
        start: Option<TaskId>,
        limit: u32,
    ) -> Vec<(TaskId, TaskOf<T>)> {
        let kinds = kind.map_or_else(|| TaskKind::ALL.to_vec(), |kind| alloc::vec![kind]);
        let mut queues: Vec<_> = kinds
            .into_iter()
            .map(|kind| {
                match start {
                    Some(id) => OpenTasks::<T>::iter_key_prefix_from(
                        kind,
                        OpenTasks::<T>::hashed_key_for(kind, newest_first(id)),
                    ),
                    None => OpenTasks::<T>::iter_key_prefix(kind),
                }
                .peekable()
            })
            .collect();
        let newest = core::iter::from_fn(|| {
            let heads = queues
                .iter_mut()
                .filter_map(|queue| Some((*queue.peek()?, queue)));
            heads.min_by_key(|(head, _)| *head)?.1.next()
        });
        newest
            .take(page(limit))
            .map(key_to_id)
            .filter_map(|id| Tasks::<T>::get(id).map(|task| (id, task)))
            .collect()
    }

    /// The tasks below `start` in which the account holds an office, newest first.
    pub fn tasks_of(
        officer: &T::AccountId,
        start: Option<TaskId>,
        limit: u32,
    ) -> Vec<(TaskId, TaskOf<T>)> {
        let keys = match start {
            Some(id) => TasksOfOfficer::<T>::iter_key_prefix_from(
                officer,
                TasksOfOfficer::<T>::hashed_key_for(officer, newest_first(id)),
            ),
            None => TasksOfOfficer::<T>::iter_key_prefix(officer),
        };
        keys.take(page(limit))
            .map(key_to_id)
            .filter_map(|id| Tasks::<T>::get(id).map(|task| (id, task)))
            .collect()
    }

    /// The tasks of a worker with a number below `start`, newest first.
    pub fn assignments_of(
        worker: &T::AccountId,
        start: Option<TaskId>,
        limit: u32,
    ) -> Vec<(TaskId, AssignmentInfo<BalanceOf<T>, BlockOf<T>>)> {
        let keys = match start {
            Some(id) => TasksOfWorker::<T>::iter_key_prefix_from(
                worker,
                TasksOfWorker::<T>::hashed_key_for(worker, newest_first(id)),
            ),
            None => TasksOfWorker::<T>::iter_key_prefix(worker),
        };
        keys.take(page(limit))
            .map(key_to_id)
            .filter_map(|id| Self::assignment(id, worker).map(|info| (id, info)))
            .collect()
    }

    /// One assignment, with the deadline as it is now.
    pub fn assignment(
        id: TaskId,
        worker: &T::AccountId,
    ) -> Option<AssignmentInfo<BalanceOf<T>, BlockOf<T>>> {
        let task = Tasks::<T>::get(id)?;
        let assignment = Assignments::<T>::get(id, worker)?;
        let until = assignment
            .is_waiting(&task)
            .then(|| assignment.until(&task));
        let Assignment {
            since,
            first_round,
            last_round,
            delivered,
            stake,
            ended,
            ..
        } = assignment;
        Some(AssignmentInfo {
            since,
            until,
            first_round,
            last_round,
            delivered,
            stake,
            ended,
        })
    }

    /// The results of a task after `start`.
    pub fn results_of(
        id: TaskId,
        start: Option<(Round, T::AccountId)>,
        limit: u32,
    ) -> Vec<(Round, T::AccountId, TaskResultOf<T>)> {
        let results = match start {
            Some((round, worker)) => Results::<T>::iter_prefix_from(
                (id,),
                Results::<T>::hashed_key_for((id, round, worker)),
            ),
            None => Results::<T>::iter_prefix((id,)),
        };
        results
            .take(page(limit))
            .map(|((round, worker), result)| (round, worker, result))
            .collect()
    }

    /// The results of a round after `start`.
    pub fn results_of_round(
        id: TaskId,
        round: Round,
        start: Option<T::AccountId>,
        limit: u32,
    ) -> Vec<(T::AccountId, TaskResultOf<T>)> {
        let results = match start {
            Some(worker) => Results::<T>::iter_prefix_from(
                (id, round),
                Results::<T>::hashed_key_for((id, round, worker)),
            ),
            None => Results::<T>::iter_prefix((id, round)),
        };
        results.take(page(limit)).collect()
    }

    /// What is still on hold to pay a task's results.
    pub fn owed(id: TaskId) -> Option<BalanceOf<T>> {
        Tasks::<T>::get(id).map(|task| task.owed)
    }
}
