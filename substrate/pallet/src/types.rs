//! The things of the market, and what can be said of one of them alone.
//!
//! Two counters of a task carry most of the rules. A *unit* is the money for one result of the
//! running round: a delivery takes one, a settled rejection gives it back. A worker is *waiting*
//! while it may still deliver the running round; each waiting worker has a unit of its own, so
//! nobody who was let in can find the money gone.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;
use sp_runtime::traits::AtLeast32BitUnsigned;

/// Longest content identifier, in bytes of its text.
pub const MAX_CID_LENGTH: u32 = 64;
/// Longest title, in bytes.
pub const MAX_TITLE_LENGTH: u32 = 128;
/// Longest reason of a rejection, in bytes.
pub const MAX_REASON_LENGTH: u32 = 256;

/// Number of a task; the first is 0.
pub type TaskId = u64;
/// Number of a round within a task; the first is 1.
pub type Round = u32;
/// Key that orders tasks by age, newest first, in a map with the `Identity` hasher.
pub type NewestFirst = [u8; 8];

/// The key of a task: its number, inverted, most significant byte first.
pub fn newest_first(id: TaskId) -> NewestFirst {
    (!id).to_be_bytes()
}

/// Text of a content identifier, version 1 in base 32: `b`, then `a`-`z` and `2`-`7`.
pub type Cid = BoundedVec<u8, ConstU32<MAX_CID_LENGTH>>;
/// What a task is called, for people. Bytes of a stranger: display with care.
pub type Title = BoundedVec<u8, ConstU32<MAX_TITLE_LENGTH>>;
/// Why a result was rejected. Bytes of a stranger: display with care.
pub type Reason = BoundedVec<u8, ConstU32<MAX_REASON_LENGTH>>;

/// Whether `cid` is written as a content identifier; says nothing of what it names.
pub fn is_cid(cid: &[u8]) -> bool {
    match cid.split_first() {
        Some((b'b', rest)) if !rest.is_empty() => {
            rest.iter().all(|c| matches!(c, b'a'..=b'z' | b'2'..=b'7'))
        }
        _ => false,
    }
}

/// What an annotator looks at or listens to.
#[derive(
    Clone,
    Copy,
    Debug,
    Decode,
    DecodeWithMemTracking,
    Encode,
    Eq,
    MaxEncodedLen,
    PartialEq,
    TypeInfo,
)]
pub enum Media {
    /// Pictures.
    Image,
    /// Sound.
    Audio,
    /// Words.
    Text,
    /// Moving pictures.
    Video,
}

/// What work a task asks for.
#[derive(
    Clone,
    Copy,
    Debug,
    Decode,
    DecodeWithMemTracking,
    Encode,
    Eq,
    MaxEncodedLen,
    PartialEq,
    TypeInfo,
)]
pub enum TaskKind {
    /// Labelling data.
    Annotation(Media),
    /// Training the model on data that stays with the worker.
    Contribution,
    /// Changing the model.
    Engineering,
}

impl TaskKind {
    /// Every kind there is.
    pub const ALL: [Self; 6] = [
        Self::Annotation(Media::Image),
        Self::Annotation(Media::Audio),
        Self::Annotation(Media::Text),
        Self::Annotation(Media::Video),
        Self::Contribution,
        Self::Engineering,
    ];
}

/// Who decides whether a result is paid.
#[derive(
    Clone, Debug, Decode, DecodeWithMemTracking, Encode, Eq, MaxEncodedLen, PartialEq, TypeInfo,
)]
pub enum Policy<AccountId> {
    /// Nobody: a result is paid when it is sent.
    AutoAccept,
    /// The creator.
    Manual,
    /// This account, and not the creator.
    Delegated(AccountId),
}

/// How far a task has come.
#[derive(
    Clone,
    Copy,
    Debug,
    Decode,
    DecodeWithMemTracking,
    Encode,
    Eq,
    MaxEncodedLen,
    PartialEq,
    TypeInfo,
)]
pub enum TaskStatus {
    /// Nobody has accepted it yet.
    Created,
    /// Somebody has accepted it.
    InProgress,
    /// Everything is settled, by itself.
    Completed,
    /// The creator broke it off; what was owed then is still settled.
    Withdrawn,
}

/// How far a result has come. Final when it has no `deadline` any more.
#[derive(
    Clone,
    Copy,
    Debug,
    Decode,
    DecodeWithMemTracking,
    Encode,
    Eq,
    MaxEncodedLen,
    PartialEq,
    TypeInfo,
)]
pub enum ResultStatus {
    /// The validator is to decide.
    PendingValidation,
    /// Paid.
    Accepted,
    /// Refused; the worker may dispute until the deadline.
    Rejected,
    /// The arbiter is to decide. Without a deadline: closed by time, half paid.
    Disputed,
}

/// When what is over. A limit names the first block in which the step is *not* allowed.
#[derive(
    Clone, Debug, Decode, DecodeWithMemTracking, Encode, Eq, MaxEncodedLen, PartialEq, TypeInfo,
)]
pub struct Schedule<BlockNumber> {
    /// Block from which on nobody can accept the task.
    pub accept_before: BlockNumber,
    /// Blocks that a worker has for a round.
    pub round_time: BlockNumber,
    /// Blocks that the validator has for a result.
    pub validate_time: BlockNumber,
    /// Blocks that a worker has to dispute a rejection.
    pub dispute_time: BlockNumber,
}

/// What a creator promises, and asks for.
#[derive(
    Clone, Debug, Decode, DecodeWithMemTracking, Encode, Eq, MaxEncodedLen, PartialEq, TypeInfo,
)]
pub struct Terms<AccountId, Balance, BlockNumber> {
    /// The work.
    pub kind: TaskKind,
    /// What people call it.
    pub title: Title,
    /// The task bundle.
    pub bundle: Cid,
    /// The first round's model, if there is one; a must with more than one round.
    pub model: Option<Cid>,
    /// Pay for each accepted result, in the smallest unit.
    pub reward: Balance,
    /// Workers at once, and results paid in a round.
    pub slots: u32,
    /// Rounds; 1 for a single delivery.
    pub rounds: u32,
    /// Who decides.
    pub policy: Policy<AccountId>,
    /// When what is over.
    pub schedule: Schedule<BlockNumber>,
    /// What a worker puts up against not delivering; at most what it can earn.
    pub stake: Balance,
    /// Who rules disputes; without one, the chain's arbiter.
    pub arbiter: Option<AccountId>,
    /// X25519 key to seal results for.
    pub sealing_key: Option<[u8; 32]>,
}

impl<AccountId: PartialEq, Balance, BlockNumber> Terms<AccountId, Balance, BlockNumber> {
    /// Whether the account is the delegated validator or the arbiter, who must not gain by the
    /// task otherwise.
    pub fn names(&self, who: &AccountId) -> bool {
        self.arbiter.as_ref() == Some(who)
            || matches!(&self.policy, Policy::Delegated(validator) if validator == who)
    }
}

/// A task as it stands.
#[derive(
    Clone, Debug, Decode, DecodeWithMemTracking, Encode, Eq, MaxEncodedLen, PartialEq, TypeInfo,
)]
pub struct Task<AccountId, Balance, BlockNumber> {
    /// Who pays.
    pub creator: AccountId,
    /// As promised.
    pub terms: Terms<AccountId, Balance, BlockNumber>,
    /// The running round's model.
    pub model: Option<Cid>,
    /// The running round.
    pub round: Round,
    /// Block in which it was opened.
    pub round_started: BlockNumber,
    /// How far the task has come.
    pub status: TaskStatus,
    /// Slots taken.
    pub assigned: u32,
    /// Workers who may still deliver the running round.
    pub waiting: u32,
    /// Results that the running round can still pay, beside those under way.
    pub units: u32,
    /// Results of any round that are pending, or rejected and not settled, or disputed.
    pub unsettled: u32,
    /// On hold for this task.
    pub owed: Balance,
    /// Paid so far.
    pub paid: Balance,
    /// Deposit for this item.
    pub deposit: Balance,
    /// Block of the last step.
    pub touched: BlockNumber,
}

impl<AccountId, Balance, BlockNumber> Task<AccountId, Balance, BlockNumber>
where
    AccountId: Clone + PartialEq,
    Balance: Copy,
    BlockNumber: AtLeast32BitUnsigned + Copy,
{
    /// The accounts that hold an office: creator, delegated validator, arbiter.
    pub fn officers(&self) -> impl Iterator<Item = &AccountId> {
        let validator = match &self.terms.policy {
            Policy::Delegated(validator) => Some(validator),
            Policy::AutoAccept | Policy::Manual => None,
        };
        core::iter::once(&self.creator)
            .chain(validator)
            .chain(&self.terms.arbiter)
    }

    /// Neither completed nor withdrawn.
    pub fn is_open(&self) -> bool {
        matches!(self.status, TaskStatus::Created | TaskStatus::InProgress)
    }

    /// No round follows the running one.
    pub fn is_last_round(&self) -> bool {
        self.round >= self.terms.rounds || !self.is_open()
    }

    /// Whether somebody who joins now has a unit of the running round.
    pub fn has_unit_to_spare(&self) -> bool {
        self.waiting < self.units
    }

    /// Whether a slot is free, be the time to accept over or not.
    pub fn has_free_slot(&self) -> bool {
        self.is_open()
            && self.assigned < self.terms.slots
            && (self.has_unit_to_spare() || !self.is_last_round())
    }

    /// Whether nothing can happen in the task any more, so that its money may go back.
    pub fn is_over(&self, now: BlockNumber) -> bool {
        let joinable = now < self.terms.schedule.accept_before && self.has_free_slot();
        self.assigned == 0 && self.unsettled == 0 && !joinable
    }

    /// Who may validate; nobody where results are paid as they come.
    pub fn validator(&self) -> Option<&AccountId> {
        match &self.terms.policy {
            Policy::AutoAccept => None,
            Policy::Manual => Some(&self.creator),
            Policy::Delegated(validator) => Some(validator),
        }
    }
}

/// A worker's place in a task. Kept after its end, since a worker accepts a task only once.
#[derive(
    Clone, Debug, Decode, DecodeWithMemTracking, Encode, Eq, MaxEncodedLen, PartialEq, TypeInfo,
)]
pub struct Assignment<Balance, BlockNumber> {
    /// Block in which the worker accepted.
    pub since: BlockNumber,
    /// First round that it may deliver.
    pub first_round: Round,
    /// Last round that it delivered; 0 for none.
    pub last_round: Round,
    /// Rounds that it delivered.
    pub delivered: u32,
    /// On hold against not delivering.
    pub stake: Balance,
    /// Deposit for this item.
    pub deposit: Balance,
    /// The worker has left, or has nothing to deliver any more.
    pub ended: bool,
}

impl<Balance, BlockNumber> Assignment<Balance, BlockNumber>
where
    BlockNumber: AtLeast32BitUnsigned + Copy,
{
    /// Whether the worker may still deliver the running round of its task.
    pub fn is_waiting<A, B>(&self, task: &Task<A, B, BlockNumber>) -> bool {
        !self.ended && self.first_round <= task.round && self.last_round < task.round
    }

    /// Block from which on the worker's running round counts.
    pub fn started<A, B>(&self, task: &Task<A, B, BlockNumber>) -> BlockNumber {
        self.since.max(task.round_started)
    }

    /// Block from which on the running round is missed.
    pub fn until<A, B>(&self, task: &Task<A, B, BlockNumber>) -> BlockNumber {
        self.started(task)
            .saturating_add(task.terms.schedule.round_time)
    }

    /// Whether leaving costs nothing for being early: less than half of the round has passed.
    pub fn is_in_first_half<A, B>(&self, task: &Task<A, B, BlockNumber>, now: BlockNumber) -> bool {
        let elapsed = now.saturating_sub(self.started(task));
        elapsed.saturating_add(elapsed) < task.terms.schedule.round_time
    }
}

/// An assignment as clients read it: with its deadline, which moves with the round.
#[derive(
    Clone, Debug, Decode, DecodeWithMemTracking, Encode, Eq, MaxEncodedLen, PartialEq, TypeInfo,
)]
pub struct AssignmentInfo<Balance, BlockNumber> {
    /// Block in which the worker accepted.
    pub since: BlockNumber,
    /// Block from which on the running round is missed; nothing when nothing is to be sent.
    pub until: Option<BlockNumber>,
    /// First round that the worker may deliver.
    pub first_round: Round,
    /// Last round that it delivered; 0 for none.
    pub last_round: Round,
    /// Rounds that it delivered.
    pub delivered: u32,
    /// On hold against not delivering.
    pub stake: Balance,
    /// The worker has left, or has nothing to deliver any more.
    pub ended: bool,
}

/// What a worker delivered for a round.
#[derive(
    Clone, Debug, Decode, DecodeWithMemTracking, Encode, Eq, MaxEncodedLen, PartialEq, TypeInfo,
)]
pub struct TaskResult<Balance, BlockNumber> {
    /// What it delivered.
    pub result: Cid,
    /// Block in which it did.
    pub sent: BlockNumber,
    /// How far it has come.
    pub status: ResultStatus,
    /// Why it was rejected.
    pub reason: Option<Reason>,
    /// First block in which the next step is over; nothing when no step is left.
    pub deadline: Option<BlockNumber>,
    /// What was paid for it.
    pub paid: Balance,
    /// On hold against being wrong: on the validator once rejected, on both once disputed.
    pub bond: Balance,
    /// Deposit for this item.
    pub deposit: Balance,
}

/// What an account has done in the market. Counts stop at their largest value.
#[derive(
    Clone,
    Debug,
    Decode,
    DecodeWithMemTracking,
    Default,
    Encode,
    Eq,
    MaxEncodedLen,
    PartialEq,
    TypeInfo,
)]
pub struct Reputation<Balance> {
    /// Results paid in full.
    pub accepted: u32,
    /// Results rejected for good.
    pub rejected: u32,
    /// Rounds missed.
    pub expired: u32,
    /// Disputes won, as worker or as validator.
    pub disputes_won: u32,
    /// Disputes lost, as worker or as validator.
    pub disputes_lost: u32,
    /// Rewards received.
    pub earned: Balance,
}

/// What a validator decides.
#[derive(
    Clone, Debug, Decode, DecodeWithMemTracking, Encode, Eq, MaxEncodedLen, PartialEq, TypeInfo,
)]
pub enum Verdict {
    /// Pay.
    Accept,
    /// Do not pay, and say why.
    Reject(Reason),
}

/// Who wins a dispute.
#[derive(
    Clone,
    Copy,
    Debug,
    Decode,
    DecodeWithMemTracking,
    Encode,
    Eq,
    MaxEncodedLen,
    PartialEq,
    TypeInfo,
)]
pub enum Ruling {
    /// The result was good.
    Worker,
    /// The rejection was right.
    Validator,
}

/// How a dispute ended.
#[derive(
    Clone,
    Copy,
    Debug,
    Decode,
    DecodeWithMemTracking,
    Encode,
    Eq,
    MaxEncodedLen,
    PartialEq,
    TypeInfo,
)]
pub enum Outcome {
    /// The result was good.
    Worker,
    /// The rejection was right.
    Validator,
    /// The arbiter did not speak in time: half is paid.
    Expired,
}
