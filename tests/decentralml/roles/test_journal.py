"""The journal keeps what was done, and never lets a finished step begin again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from decentralml.errors import JournalUnusable
from decentralml.roles.journal import CallEntry, CallState, Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def test_a_step_that_was_never_begun_has_no_entry(path: Path) -> None:
    with Journal(path) as journal:
        assert journal.call("send/1/1") is None
        assert journal.note("upload/1/1") is None


def test_a_step_goes_from_signed_to_done(path: Path) -> None:
    with Journal(path) as journal:
        journal.write_signed("send/1/1", "send", "bytes")
        assert journal.call("send/1/1") == CallEntry(
            "send/1/1", "send", CallState.SIGNED, "bytes", None, 1
        )
        journal.write_done("send/1/1", "receipt")
        entry = journal.call("send/1/1")
        assert entry is not None
        assert (entry.state, entry.outcome) == (CallState.DONE, "receipt")


def test_steps_are_counted_and_listed_by_the_beginning_of_their_key_and_their_state(
    path: Path,
) -> None:
    with Journal(path) as journal:
        for key in (
            "verdicts/1/000",
            "verdicts/1/001",
            "verdicts/10/000",
            "verdict",
            "verdicts/2/é",
        ):
            journal.write_signed(key, "give", "bytes")
        journal.write_done("verdicts/1/000", "receipt")
        assert journal.count("verdicts/1/") == 2
        assert journal.count("verdicts/") == 4
        assert journal.count("") == 5
        assert journal.count("no") == 0
        assert [c.key for c in journal.calls("verdicts/1/")] == ["verdicts/1/000", "verdicts/1/001"]
        under_way = journal.calls("verdicts/", CallState.SIGNED)
        assert [c.key for c in under_way] == ["verdicts/1/001", "verdicts/10/000", "verdicts/2/é"]


def test_a_done_step_cannot_be_signed_again(path: Path) -> None:
    with Journal(path) as journal:
        journal.write_signed("send/1/1", "send", "bytes")
        journal.write_done("send/1/1", "receipt")
        with pytest.raises(JournalUnusable, match="is done"):
            journal.write_signed("send/1/1", "send", "other bytes")
        entry = journal.call("send/1/1")
        assert entry is not None
        assert entry.signed == "bytes"


def test_a_refused_step_may_begin_anew_and_counts_its_attempts(path: Path) -> None:
    with Journal(path) as journal:
        journal.write_signed("accept/1", "accept", "first")
        journal.write_failed("accept/1", "NoFreeSlot")
        journal.write_signed("accept/1", "accept", "second")
        assert journal.call("accept/1") == CallEntry(
            "accept/1", "accept", CallState.SIGNED, "second", None, 2
        )


def test_bytes_signed_anew_replace_the_old_ones_within_an_attempt(path: Path) -> None:
    with Journal(path) as journal:
        journal.write_signed("accept/1", "accept", "first")
        journal.write_signed("accept/1", "accept", "second")
        entry = journal.call("accept/1")
        assert entry is not None
        assert (entry.signed, entry.attempts) == ("second", 1)


def test_steps_are_listed_by_prefix_and_wildcards_are_plain_letters(path: Path) -> None:
    with Journal(path) as journal:
        for key in ("send/1/1", "send/10/1", "send/%/1", "sendx"):
            journal.write_signed(key, "send", "bytes")
        assert [e.key for e in journal.calls("send/1/")] == ["send/1/1"]
        assert [e.key for e in journal.calls("send/%")] == ["send/%/1"]
        assert len(list(journal.calls())) == 4


def test_notes_are_replaced_and_listed_by_prefix(path: Path) -> None:
    with Journal(path) as journal:
        journal.write_note("upload/1/1", "a")
        journal.write_note("upload/1/1", "b")
        journal.write_note("trust/x", "yes")
        assert journal.note("upload/1/1") == "b"
        assert journal.notes("upload/") == {"upload/1/1": "b"}


def test_what_is_no_journal_is_refused(path: Path) -> None:
    path.write_text("not a database, but long enough to look like a file with a header of its own")
    with pytest.raises(JournalUnusable, match="cannot be used"):
        Journal(path)


def test_a_journal_of_a_newer_version_is_refused_and_kept(path: Path) -> None:
    with Journal(path) as journal:
        journal.write_note("a", "b")
        journal._db.execute("PRAGMA user_version=2")
    with pytest.raises(JournalUnusable, match="version 2"):
        Journal(path)


def test_what_was_written_survives_a_kill(path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from decentralml.roles.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "journal.write_signed('send/1/1', 'send', 'bytes')\n"
        "journal.write_note('upload/1/1', 'cid')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(path)], check=False, timeout=60)
    assert ended.returncode == -9
    with Journal(path) as journal:
        entry = journal.call("send/1/1")
        assert entry is not None
        assert entry.state is CallState.SIGNED
        assert journal.note("upload/1/1") == "cid"


def test_two_processes_may_read_and_write_one_journal(path: Path) -> None:
    with Journal(path) as one, Journal(path) as other:
        one.write_note("a", "1")
        other.write_note("b", "2")
        assert one.notes() == other.notes() == {"a": "1", "b": "2"}


KEYS = st.sampled_from(["accept/1", "send/1/1", "send/1/2"])


class JournalAgainstDictionary(RuleBasedStateMachine):
    """Whatever is written and however often it is opened, the journal is a dictionary of states."""

    @initialize(folder=st.just(None))
    def begin(self, folder: None) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.journal = Journal(Path(self.folder.name) / "journal.sqlite")
        self.states: dict[str, CallState] = {}

    @rule(key=KEYS)
    def sign(self, key: str) -> None:
        if self.states.get(key) is CallState.DONE:
            with pytest.raises(JournalUnusable):
                self.journal.write_signed(key, "call", "bytes")
            return
        self.journal.write_signed(key, "call", "bytes")
        self.states[key] = CallState.SIGNED

    @rule(key=KEYS, done=st.booleans())
    def end(self, key: str, done: bool) -> None:
        (self.journal.write_done if done else self.journal.write_failed)(key, "outcome")
        if self.states.get(key) is CallState.SIGNED:
            self.states[key] = CallState.DONE if done else CallState.FAILED

    @rule()
    def reopen(self) -> None:
        path = self.journal.path
        self.journal.close()
        self.journal = Journal(path)

    @invariant()
    def same_states(self) -> None:
        if hasattr(self, "journal"):
            assert {e.key: e.state for e in self.journal.calls()} == self.states

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            self.folder.cleanup()


JournalAgainstDictionary.TestCase.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None
)
TestJournalAgainstDictionary = JournalAgainstDictionary.TestCase


def test_only_what_cannot_be_found_out_again_waits_for_the_disk(path: Path) -> None:
    with Journal(path) as journal:
        said: list[str] = []
        journal._db.set_trace_callback(said.append)
        journal.write_signed("send/1/1", "send", "bytes")
        journal.write_done("send/1/1", "receipt")
        journal.write_note("upload/1/1", "cid", cheaply=True)
        journal.write_note("ended/1/1", "yes")
        journal._db.set_trace_callback(None)
    level, levels = "FULL", []
    for statement in said:
        if statement.startswith("PRAGMA synchronous="):
            level = statement.partition("=")[2]
        elif statement.startswith(("INSERT", "UPDATE")):
            levels.append(level)
    assert levels == ["FULL", "NORMAL", "NORMAL", "FULL"]


def test_what_is_written_cheaply_survives_the_process(path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from decentralml.roles.journal import Journal
journal = Journal(Path(sys.argv[1]))
journal.write_note("upload/1/1", "cid", cheaply=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    with Journal(path) as journal:
        assert journal.note("upload/1/1") == "cid"
