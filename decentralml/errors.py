"""Every error that a caller of this package can catch, as one tree.

    DecentralMLError
    ├── ConfigError          settings that do not fit together
    ├── ChainError           the chain could not be reached, or refused
    │   ├── NodeUnreachable, WrongRuntime, InvalidTransaction, TransactionLost …
    │   └── CallRejected     included and failed; one subclass for each error of the pallet
    ├── KeyFileError         key files, passwords
    ├── AssetError           bundles and stores
    ├── LearningError        models, weights, data, federating
    ├── RunnerError          start_task.sh and its sandbox
    └── RoleError            a workflow that cannot go on

An error's message says what is wrong and what to do next; its data are attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class DecentralMLError(Exception):
    """Base of all: catch it to catch everything this package raises on purpose."""


class ConfigError(DecentralMLError):
    """A setting is missing, malformed, or does not fit another."""


class ChainError(DecentralMLError):
    """The chain could not be reached, or refused what was asked."""


class InvalidAmount(ChainError):
    """A text is no amount of the chain's token."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"{text[:80]!a} is no amount: {why}.")
        self.text, self.why = text, why


class InvalidAddress(ChainError):
    """A text is no account of this chain."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:80]!a} is no address of this chain. "
            "An address begins with 5 and has about 48 characters; copy it again."
        )
        self.text = text


class InvalidCall(ChainError):
    """A call's arguments are none that the runtime takes; nothing was signed."""

    def __init__(self, call: str, why: str) -> None:
        super().__init__(f"{call} cannot be made with these arguments: {why[:200]}.")
        self.call, self.why = call, why


class NodeUnreachable(ChainError):
    """No node answers at an address, or it stopped answering for longer than the time limit."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(
            f"The chain at {url} does not answer: {why}. Is it running? "
            "`decentralml doctor` looks; `decentralml chain dev` starts a development chain."
        )
        self.url, self.why = url, why


class RequestRefused(ChainError):
    """A node answered a request with an error."""

    def __init__(self, method: str, code: int, message: str, data: object = None) -> None:
        detail = f": {data}" if data else ""
        super().__init__(f"The node refused {method} (error {code}): {message}{detail}.")
        self.method, self.code, self.message, self.data = method, code, message, data


class StateDiscarded(ChainError):
    """A node does not keep the state of a block that old."""

    def __init__(self, url: str, block: str) -> None:
        super().__init__(
            f"The node at {url} no longer keeps the state of block {block}. "
            "Name a node that keeps all states (an archive node) with --node."
        )
        self.url, self.block = url, block


class WrongRuntime(ChainError):
    """The chain runs something that this version of the package does not fit."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(
            f"The chain at {url} does not fit this package: {why}. "
            "Name another chain, or install the version of decentralml that its operators name."
        )
        self.url, self.why = url, why


class MalformedChainData(ChainError):
    """The chain returned something of another shape than its own description says."""

    def __init__(self, what: str, value: object) -> None:
        super().__init__(
            f"The chain returned {what} that cannot be read: {ascii(value)[:200]}. "
            "Update this package, or name another node."
        )
        self.what, self.value = what, value


class NoSigner(ChainError):
    """A call was asked for without a key to sign it."""

    def __init__(self, call: str) -> None:
        super().__init__(f"{call} must be signed. Name a key (--key), or make one: `keys create`.")
        self.call = call


class WrongSigner(ChainError):
    """A signed call was handed to a market that signs for another account."""

    def __init__(self, signer: str, account: str) -> None:
        super().__init__(
            f"This step was begun by {signer}, but the key in use is {account}. "
            "Name the key that began it."
        )
        self.signer, self.account = signer, account


class TransactionRefused(ChainError):
    """The node did not take a signed call; it is not in the chain and cost nothing."""

    def __init__(self, call: str, why: str) -> None:
        super().__init__(f"{call} was not taken by the chain: {why}.")
        self.call, self.why = call, why


class InsufficientFunds(ChainError):
    """An account cannot pay what a call costs or holds."""

    def __init__(self, call: str, account: str, why: str) -> None:
        super().__init__(
            f"{account} cannot pay for {call}: {why}. Send money to that account, or promise less."
        )
        self.call, self.account, self.why = call, account, why


class TransactionPending(ChainError):
    """A call was sent and is not in a block yet; it may still come in.

    Submitting the same `SignedCall` again goes on waiting: it never enters twice.
    """

    def __init__(self, call: str, extrinsic_hash: str, last_block: int, seconds: float) -> None:
        super().__init__(
            f"{call} ({extrinsic_hash}) is not in a block after {seconds:.0f} s. It may come in "
            f"until block {last_block}: repeat the same step, which waits on and never pays twice."
        )
        self.call, self.extrinsic_hash, self.last_block = call, extrinsic_hash, last_block


class CallRejected(ChainError):
    """A call was included in a block and failed; nothing changed but its fee is spent.

    Attributes: `call` and `error` (names on chain), `block` (hash), `fee` (smallest unit).
    """

    advice = "The chain's documentation of this error says why."

    def __init__(self, call: str, error: str, block: str, fee: int = 0) -> None:
        # Not `super()`: a subclass may also be an error with other arguments.
        Exception.__init__(self, f"{call} failed with {error} (block {block[:12]}…). {self.advice}")
        self.call, self.error, self.block, self.fee = call, error, block, fee


class UnknownMotion(ChainError):
    """A motion is not before the council."""

    def __init__(self, named: str) -> None:
        super().__init__(
            f"No motion {named[:80]!a} is before the council: it was decided, or never made. "
            "`decentralml council motions` lists them."
        )
        self.named = named


class KeyFileError(DecentralMLError):
    """A key could not be found, read, decrypted or written."""


class InvalidKeyName(KeyFileError):
    """A text cannot name a key."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:80]!a} names no key. A name has letters, digits, '.', '-' and '_'; "
            "on a development chain a path such as //Alice will do."
        )
        self.name = name


class InvalidMnemonic(KeyFileError):
    """Words that are no mnemonic. They are a secret: no message repeats them."""

    def __init__(self, words: int) -> None:
        super().__init__(
            f"These {words} words are no mnemonic: 12, 15, 18, 21 or 24 English words whose "
            "last one is a check of the others. Look for a mistyped or swapped word."
        )
        self.words = words


class KeyNotFound(KeyFileError):
    """The folder has no key of that name."""

    def __init__(self, name: str, folder: str) -> None:
        super().__init__(
            f"There is no key named {name} in {folder}. See `decentralml keys list`, "
            f"or make one: `decentralml keys create {name}`."
        )
        self.name, self.folder = name, folder


class KeyExists(KeyFileError):
    """A key would be written over another."""

    def __init__(self, name: str, folder: str) -> None:
        super().__init__(f"There is a key named {name} in {folder} already. Take another name.")
        self.name, self.folder = name, folder


class WrongPassword(KeyFileError):
    """A key file does not open with this password."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The key {name} does not open with this password. Try again.")
        self.name = name


class PasswordMissing(KeyFileError):
    """A key's password is nowhere, and nobody can be asked for it."""

    def __init__(self, name: str, variable: str) -> None:
        super().__init__(
            f"The key {name} needs its password. Set {variable}, keep it in the key ring "
            f"(`decentralml keys remember {name}`), or run this in a terminal."
        )
        self.name, self.variable = name, variable


class MalformedKeyFile(KeyFileError):
    """A file is no key file that can be opened."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} cannot be used as a key: {why}.")
        self.name, self.why = name, why


class WellKnownKeyRefused(KeyFileError):
    """A key that everybody knows was named on a chain whose money is worth something."""

    def __init__(self, uri: str, chain: str) -> None:
        super().__init__(
            f"{uri} is a key that everybody knows, and {chain[:40]!a} is no development chain. "
            "Make a key of your own: `decentralml keys create`."
        )
        self.uri, self.chain = uri, chain


class AssetError(DecentralMLError):
    """A bundle could not be stored, found or verified."""


class InvalidCid(AssetError):
    """A text is not a content identifier that this package takes."""

    def __init__(self, text: str, why: str) -> None:
        shown = ascii(text if len(text) <= 80 else text[:77] + "...")
        super().__init__(f"{shown} is no content identifier: {why}. Copy it again from its source.")
        self.text, self.why = text, why


class AssetNotFound(AssetError):
    """A store does not have this content."""

    def __init__(self, cid: str, store: str) -> None:
        super().__init__(f"{cid} is not in {store}. Ask who published it, or name another store.")
        self.cid, self.store = cid, store


class ContentMismatch(AssetError):
    """What a store returned is not what the content identifier names: damaged, cut or forged."""

    def __init__(self, cid: str, what: str) -> None:
        super().__init__(f"{cid} is not intact: {what}. Nothing was kept; fetch it from elsewhere.")
        self.cid, self.what = cid, what


class WrongBytes(ContentMismatch):
    """A store handed out bytes of another hash: the store's fault, not the content's author's."""


class BundleRefused(AssetError):
    """Something that no bundle may hold: a link, a device, a name that climbs or collides."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path!a} cannot be in a bundle: {why}. Rename or remove it.")
        self.path, self.why = path, why


class BundleChanged(AssetError):
    """A file changed while its bundle was being sent; nothing of it is to be found."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} changed while it was being read. Leave it alone, and try again.")
        self.path = path


class BundleTooLarge(AssetError):
    """A bundle goes past one of the limits it is held to."""

    def __init__(self, which: str, limit: int) -> None:
        super().__init__(
            f"the bundle has more than {limit:,} {which}. Split it, or raise that limit."
        )
        self.which, self.limit = which, limit


class DestinationExists(AssetError):
    """Content would be written over something that is there."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} exists already. Remove it, or name another place.")
        self.path = path


class CarRefused(AssetError):
    """A file is no CAR file that can be imported.

    Attributes: `file`, `why`.
    """

    def __init__(self, file: str, why: str) -> None:
        super().__init__(
            f"{file} cannot be imported: {why}. Nothing was kept; export it again "
            "(`decentralml assets export`, `ipfs dag export`)."
        )
        self.file, self.why = file, why


class ExportUnderWay(AssetError):
    """Another process is writing the same file.

    Attributes: `file`.
    """

    def __init__(self, file: str) -> None:
        super().__init__(f"another process is writing {file}. Wait for it, or name another file.")
        self.file = file


class StoreUnreachable(AssetError):
    """A store does not answer, or stopped answering; trying again may help.

    Attributes: `store` (its address, without secrets), `why`, `advice`.
    """

    def __init__(self, store: str, why: str, advice: str) -> None:
        super().__init__(f"{store} does not answer: {why}. {advice}")
        self.store, self.why, self.advice = store, why, advice


class StoreRefused(AssetError):
    """A store answered and refused, or answered what no such store answers.

    Attributes: `store` (its address, without secrets), `why`, `advice`.
    """

    def __init__(self, store: str, why: str, advice: str) -> None:
        super().__init__(f"{store} refused: {why}. {advice}")
        self.store, self.why, self.advice = store, why, advice


class NoSuchBucket(StoreRefused):
    """The store's address names a bucket that there is not."""


class AccessDenied(StoreRefused):
    """The credentials are good, but do not allow this."""


class CredentialsRefused(StoreRefused):
    """There are no credentials for the store, or they are wrong or expired."""


class ClockSkewed(StoreRefused):
    """This machine's clock differs too much from the store's for a signature to hold."""


class StoreReadOnly(AssetError):
    """Something was to be kept in a store that can only be read."""

    def __init__(self, store: str) -> None:
        super().__init__(
            f"{store} can only be read. Name a store that can be written with --store: a folder, "
            "ipfs, or a bucket."
        )
        self.store = store


class LearningError(DecentralMLError):
    """A model, weights, data or a federated mean could not be used."""


class RunnerError(DecentralMLError):
    """A task's script could not be run, or broke its limits."""


class NoSandbox(RunnerError):
    """There is no working sandbox, so a stranger's script is not run."""

    def __init__(self, why: str, advice: str) -> None:
        super().__init__(f"no sandbox: {why}. {advice}")
        self.why, self.advice = why, advice


class TaskFailed(RunnerError):
    """start_task.sh ended badly, or left no result that can be used."""

    def __init__(self, why: str, exit_code: int | None, log_end: str) -> None:
        end = f" The end of its log:\n{log_end}" if log_end else " It printed nothing."
        super().__init__(f"the task failed: {why}.{end}")
        self.why, self.exit_code, self.log_end = why, exit_code, log_end


class TaskLimitExceeded(RunnerError):
    """start_task.sh was stopped because it went past a limit."""

    def __init__(self, which: str, limit: str, log_end: str) -> None:
        super().__init__(
            f"the task was stopped: more than {limit} of {which}. "
            "Give the task more if you trust it, or give it up."
        )
        self.which, self.limit, self.log_end = which, limit, log_end


class RoleError(DecentralMLError):
    """A role's step does not fit the state of its task."""


class WorkspaceBusy(RoleError):
    """Another process acts in this workspace.

    Attributes:
        folder: the workspace.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"another process is using the workspace {folder}; stop it, or use another workspace"
        )
        self.folder = folder


class JournalUnusable(RoleError):
    """A journal cannot be read, or does not allow this step.

    Attributes:
        path: the journal's file.
        reason: what is wrong.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"the journal {path} cannot be used: {reason}; restore it from a copy, or move it away "
            "to begin a new one from what the chain says"
        )
        self.path, self.reason = path, reason


class OutOfOrder(RoleError):
    """A step was asked for that the task's state does not allow.

    Attributes:
        step: what was asked for.
        reason: why it cannot be done now.
        advice: what to do next.
    """

    def __init__(self, step: str, reason: str, advice: str) -> None:
        super().__init__(f"cannot {step}: {reason}; {advice}")
        self.step, self.reason, self.advice = step, reason, advice


class NotTrusted(RoleError):
    """The person (or the person's rule) declined to run a task's script.

    Attributes:
        task: the task's number.
        bundle: the CID of the bundle that was declined.
    """

    def __init__(self, task: int, bundle: str) -> None:
        super().__init__(
            f"the script of task {task} (bundle {bundle}) was not trusted, so it was not run;"
            " release the assignment, or look at the bundle and run again with your consent"
        )
        self.task, self.bundle = task, bundle


class WrongKind(RoleError):
    """A task is of a kind that this role does not do.

    Attributes:
        task: the task's number.
        kind: the task's kind.
        role: who was asked to do it.
    """

    def __init__(self, task: int, kind: str, role: str) -> None:
        super().__init__(
            f"task {task} is of the kind {kind}, which is no work for the role {role}; "
            "take it on with the role it is for"
        )
        self.task, self.kind, self.role = task, kind, role


class DraftChanged(RoleError):
    """A posting's key was used before with other content.

    Attributes:
        key: the key.
        differs: the fields that differ.
    """

    def __init__(self, key: str, differs: tuple[str, ...]) -> None:
        super().__init__(
            f"a task was posted (or begun to be posted) under the key {key!r} with another "
            f"{', '.join(differs)};"
            " use another key for another task"
        )
        self.key, self.differs = key, differs


class NothingToFederate(RoleError):
    """No result of a round could be used.

    Attributes:
        task: the task's number.
        round: the round.
        refused: each refused worker's reason.
    """

    def __init__(self, task: int, round_: int, refused: Mapping[str, str]) -> None:
        why = "; ".join(f"{worker}: {reason}" for worker, reason in refused.items())
        super().__init__(
            f"round {round_} of task {task} has no usable result ({why or 'none was sent'});"
            " wait for further results, or withdraw the task"
        )
        self.task, self.round, self.refused = task, round_, dict(refused)


class UnusableModel(RoleError):
    """A round's model bundle does not hold exactly one file.

    Attributes:
        path: where the bundle lies.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"the model bundle at {path} does not hold exactly one file; "
            "release the assignment, and tell the creator"
        )
        self.path = path


class SealingNeeded(RoleError):
    """A task asks for sealed results, which this kind of worker cannot make.

    Attributes:
        task: the task's number.
    """

    def __init__(self, task: int) -> None:
        super().__init__(
            f"task {task} asks for results sealed to a key, which nobody can do with a coordinator "
            "in between; choose another task"
        )
        self.task = task


class UnknownTemplate(RoleError):
    """There is no task template of that name.

    Attributes: `name`, and `known`, the names that there are.
    """

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no template {name!r}; templates are {', '.join(known)}")
        self.name, self.known = name, known
