"""Requests and messages, as anybody may have written them; and a member's secrets."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decentralml.chain.records import ResultStatus, TaskResult
from decentralml.learning.secagg.errors import MessageRefused, UnsafeRequest
from decentralml.learning.secagg.keys import public_of
from decentralml.learning.secagg.session import Announcement, Revealed
from decentralml.roles.round_bundle import write_settings
from decentralml.roles.secure.checker import MessageChecker
from decentralml.roles.secure.message import FILE, MASKED, Message, read_message, write_message
from decentralml.roles.secure.request import KEY, Request, Sum, read_request
from decentralml.roles.secure.settings import Phase
from decentralml.roles.secure.vault import Vault
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId

A, B, C = (AccountId(name) for name in "ABC")
ROSTER = tuple((member, Round(1)) for member in (A, B, C))
POINT = public_of(bytes(range(32)))
WORD = Announcement(POINT, bytes(32), dict.fromkeys("ABC", bytes(94)))
SHARES = Revealed({"A": bytes(33), "B": bytes(33)}, {"C": bytes(33)})


class TestRequests:
    def read(self, folder: Path, said: object) -> Request:
        return read_request(write_settings(folder, "secure", {KEY: said}))

    @pytest.mark.parametrize(
        "request_",
        [Request(), Request(share=ROSTER), Request(sum=Sum(ROSTER, (A, C))),
         Request(share=ROSTER, sum=Sum(ROSTER, (A, B, C), (B,)))],
    )  # fmt: skip
    def test_what_was_written_is_read(self, tmp_path: Path, request_: Request) -> None:
        assert self.read(tmp_path, request_.to_json()) == request_

    def test_a_round_that_asks_nothing(self, tmp_path: Path) -> None:
        assert read_request(None) == Request()
        assert read_request(write_settings(tmp_path, "fedprox", {"mu": 0.1})) == Request()

    @pytest.mark.parametrize(
        "said",
        [7, [], {}, {"share": 1}, {"share": [], "more": 1}, {"share": [["A"]]},
         {"share": [["A", "1"]]}, {"share": [["A", True]]}, {"share": [["../A", 1]]},
         {"share": [["", 1]]}, {"share": [["A" * 64, 1]]}, {"share": [["B", 1], ["A", 1]]},
         {"share": [["A", 1], ["A", 2]]}, {"share": [["A", 1]] * 501},
         {"share": [], "sum": 1}, {"share": [], "sum": {"roster": [], "announced": []}},
         {"share": [], "sum": {"roster": [["A", 1]], "announced": [1], "survivors": []}},
         {"share": [], "sum": {"roster": [["A", 1]], "announced": [-1], "survivors": []}},
         {"share": [], "sum": {"roster": [["A", 1]], "announced": [False], "survivors": []}},
         {"share": [], "sum": {"roster": [["A", 1]], "announced": [0, 0], "survivors": []}},
         {"share": [], "sum": {"roster": [["A", 1]], "announced": "0", "survivors": []}}],
    )  # fmt: skip
    def test_other_forms_are_refused(self, tmp_path: Path, said: object) -> None:
        with pytest.raises(UnsafeRequest):
            self.read(tmp_path, said)


class TestMessages:
    @pytest.mark.parametrize(
        "message",
        [Message(), Message(keys=bytes(32)), Message(announcement=WORD),
         Message(announcement=WORD, revealed=SHARES)],
    )  # fmt: skip
    def test_what_was_written_is_read(self, tmp_path: Path, message: Message) -> None:
        write_message(tmp_path, message)
        assert read_message(tmp_path) == message

    @pytest.mark.parametrize(
        "said",
        [7, {}, {"version": 2}, {"version": 1, "more": 1}, {"version": 1, "keys": "00"},
         {"version": 1, "keys": "zz" * 32}, {"version": 1, "keys": 5},
         {"version": 1, "announcement": {}}, {"version": 1, "revealed": {"own": {}}},
         {"version": 1, "revealed": {"own": {"A": "00"}, "pair": {}}},
         {"version": 1, "revealed": {"own": [], "pair": {}}},
         {"version": 1, "revealed": {"own": {str(n): "00" * 33 for n in range(501)}, "pair": {}}}],
    )  # fmt: skip
    def test_other_forms_are_refused(self, tmp_path: Path, said: object) -> None:
        (tmp_path / FILE).write_text(json.dumps(said))
        with pytest.raises(MessageRefused):
            read_message(tmp_path)

    def test_other_files_are_refused(self, tmp_path: Path) -> None:
        write_message(tmp_path, Message())
        (tmp_path / "model.safetensors").touch()
        with pytest.raises(MessageRefused):
            read_message(tmp_path)

    def test_a_link_is_refused(self, tmp_path: Path) -> None:
        write_message(tmp_path, Message())
        (tmp_path / MASKED).symlink_to("/etc/passwd")
        with pytest.raises(MessageRefused):
            read_message(tmp_path)

    def test_a_message_longer_than_its_limit_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / FILE).write_text(" " * (1 << 20) + '{"version": 1}')
        with pytest.raises(MessageRefused, match="the limit"):
            read_message(tmp_path)


RESULT = TaskResult(
    TaskId(0), Round(2), A, Cid("x"), BlockNumber(1), ResultStatus.PENDING, None, None,
    Planck(0), Planck(0),
)  # fmt: skip
SHARING = (Phase(share=1), Request(share=ROSTER))
TRAINING = (Phase(train=1), Request(sum=Sum(ROSTER, (A, B))))
UNMASKING = (Phase(unmask=1), Request(sum=Sum(ROSTER, (A, B, C), (A, B))))
BOTH = (Phase(share=2, unmask=1), Request(share=ROSTER, sum=UNMASKING[1].sum))


class TestWhatIsAsked:
    """Each member's message holds what its round asks of that member, no more and no less."""

    def check(
        self,
        folder: Path,
        asked: tuple[Phase, Request],
        message: Message,
        worker: AccountId = A,
        masked: int | None = None,
    ) -> None:
        write_message(folder, message)
        if masked is not None:
            (folder / MASKED).write_bytes(bytes(masked))
        MessageChecker(*asked, size=80).check(replace(RESULT, worker=worker), folder)

    @pytest.mark.parametrize(
        ("asked", "message", "worker", "masked"),
        [
            ((Phase(), Request()), Message(keys=POINT), A, None),
            (SHARING, Message(announcement=WORD), A, None),
            (SHARING, Message(keys=POINT), AccountId("New"), None),
            (TRAINING, Message(), A, 80),
            (TRAINING, Message(keys=POINT), C, None),
            (UNMASKING, Message(keys=POINT, revealed=SHARES), C, None),
            (BOTH, Message(announcement=WORD, revealed=SHARES), A, None),
        ],
    )
    def test_it_is_sound(
        self,
        tmp_path: Path,
        asked: tuple[Phase, Request],
        message: Message,
        worker: AccountId,
        masked: int | None,
    ) -> None:
        self.check(tmp_path, asked, message, worker, masked)

    @pytest.mark.parametrize(
        ("asked", "message", "worker", "masked"),
        [
            ((Phase(), Request()), Message(), A, None),
            ((Phase(), Request()), Message(keys=bytes(32)), A, None),
            (SHARING, Message(announcement=replace(WORD, mask_key=bytes(32))), A, None),
            (SHARING, Message(keys=POINT), A, None),
            (SHARING, Message(announcement=WORD), AccountId("New"), None),
            (SHARING, Message(announcement=replace(WORD, sealed={"A": bytes(94)})), A, None),
            (TRAINING, Message(), A, None),
            (TRAINING, Message(), A, 79),
            (TRAINING, Message(), A, 88),
            (TRAINING, Message(keys=POINT), C, 80),
            (UNMASKING, Message(keys=POINT), A, None),
            (UNMASKING, Message(revealed=SHARES), A, None),
            (UNMASKING, Message(keys=POINT, revealed=Revealed({}, {})), A, None),
            (UNMASKING, Message(keys=POINT, revealed=Revealed(SHARES.pair, {})), A, None),
            (BOTH, Message(announcement=WORD), A, None),
            (BOTH, Message(keys=POINT, revealed=SHARES), A, None),
        ],
    )
    def test_it_is_refused(
        self,
        tmp_path: Path,
        asked: tuple[Phase, Request],
        message: Message,
        worker: AccountId,
        masked: int | None,
    ) -> None:
        with pytest.raises(MessageRefused):
            self.check(tmp_path, asked, message, worker, masked)


class TestVault:
    def test_secrets_stay_the_same_until_they_are_forgotten(self, tmp_path: Path) -> None:
        vault, again = Vault(tmp_path / "secure"), Vault(tmp_path / "secure")
        first = vault.secrets(1)
        assert again.secrets(1) == first
        assert again.channel() == vault.channel()
        vault.forget_before(2)
        assert again.secrets(1) != first

    def test_sessions_have_secrets_of_their_own(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        everything = [vault.channel()]
        everything += [s for n in (1, 2) for s in (vault.secrets(n).pair, vault.secrets(n).own)]
        assert len(set(everything)) == 5

    def test_only_the_person_may_read_them(self, tmp_path: Path) -> None:
        Vault(tmp_path / "secure").secrets(1)
        assert stat.S_IMODE((tmp_path / "secure").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "secure" / "session-1").stat().st_mode) == 0o600

    def test_what_was_answered_once_is_not_answered_otherwise(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        vault.only("survivors", 1, b"A and B")
        vault.only("survivors", 1, b"A and B")
        vault.only("survivors", 2, b"A and C")
        with pytest.raises(UnsafeRequest, match="survivors"):
            vault.only("survivors", 1, b"A and C")


def test_requests_are_json() -> None:
    said: Any = Request(share=ROSTER, sum=Sum(ROSTER, (A, B), (A,))).to_json()
    assert json.loads(json.dumps(said)) == said
