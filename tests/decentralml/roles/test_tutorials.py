"""The tutorials' Python is run as it stands, on a chain and store of the test's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from assets_templates.mnist.job import QUICK, make_job
from decentralml.chain.records import Accept, Delegated, ResultStatus, TaskKind
from decentralml.learning.datasets import load_digits, mnist_folder
from decentralml.runner import find_sandbox
from decentralml.types import AccountId
from pallets_mock.testing import DevChain

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TUTORIALS = Path(__file__).parents[3] / "docs" / "tutorials"
EVE = AccountId("5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw")
ADDRESS = "ws://127.0.0.1:9944"


class Reader:
    """Somebody who types a tutorial's Python blocks, one after another."""

    def __init__(self, tutorial: str, chain: DevChain) -> None:
        text = (TUTORIALS / f"{tutorial}.md").read_text()
        assert ADDRESS in text
        self.blocks = iter(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
        self.url, self.names = chain.url, dict[str, Any]()

    def type_next(self) -> dict[str, Any]:
        """The names that are known after one more block."""
        code = next(self.blocks).replace(ADDRESS, self.url)
        exec(compile(code, "tutorial", "exec", dont_inherit=True), self.names)
        return self.names

    def leave(self) -> None:
        """All was typed."""
        assert next(self.blocks, None) is None
        self.names["node"].close()


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders that ``make_tasks.py JOB --quick`` makes."""
    pytest.importorskip("keras")
    digits = load_digits(mnist_folder(), None)
    make_job(tmp_path / "JOB", digits, QUICK)
    monkeypatch.chdir(tmp_path)


@pytest.mark.development_only("types the well-known names as the tutorials do")
def test_creator_contributor_annotator_and_evaluator_do_as_they_are_told(
    job: None, chain: DevChain, capsys: pytest.CaptureFixture[str]
) -> None:
    if find_sandbox().sandbox is None:
        pytest.skip("bubblewrap does not work here")
    creator, contributor = Reader("creator", chain), Reader("contributor", chain)
    known = creator.type_next()
    said = contributor.type_next()
    sent = said["contributor"].results(known["posted"].task)
    assert [result.status for result in sent] == [ResultStatus.PENDING]
    contributor.leave()

    creator.type_next()
    assert known["verdict"] == Accept()
    assert known["report"].model.is_file()
    assert [part.worker for part in known["report"].used] == [sent[0].worker]
    creator.type_next()

    offer = known["Offer"](
        kind=TaskKind.ANNOTATION_IMAGE,
        title="Name the digits",
        reward=10**12,
        slots=1,
        policy=Delegated(EVE),
    )
    delegated = known["creator"].create_task(Path("JOB/tasks/annotation"), offer).task
    annotator = Reader("annotator", chain)
    annotator.type_next()
    assert "Which digit is this?" in capsys.readouterr().out
    annotator.leave()

    evaluator = Reader("evaluator", chain)
    evaluator.type_next()
    assert capsys.readouterr().out.endswith("sound\n")
    decided = evaluator.type_next()["evaluator"].results(delegated)
    assert [(one.status, one.paid) for one in decided] == [(ResultStatus.ACCEPTED, 10**12)]
    evaluator.leave()
    creator.leave()
