"""Chain specs of local networks: a template's, with validators of one's own."""

from __future__ import annotations

from typing import Any

import pytest

from decentralml.localnet.keys import SessionKeys
from decentralml.localnet.spec import ENDOWMENT, readable_spec

RICH, NEW = SessionKeys("5Rich", "5RichVotes"), SessionKeys("5New", "5NewVotes")


@pytest.fixture(params=["config", "patch"])
def template(request: pytest.FixtureRequest) -> dict[str, Any]:
    genesis = {
        "balances": {"balances": [["5Rich", 7]]},
        "validatorSet": {"invulnerables": ["5Old"]},
        "session": {"keys": [["5Old", "5Old", {}]]},
        "rotation": {"sessionLength": 10},
    }
    return {"id": "tried", "genesis": {"runtimeGenesis": {request.param: genesis}}}


def genesis_of(spec: dict[str, Any]) -> dict[str, Any]:
    [genesis] = spec["genesis"]["runtimeGenesis"].values()
    return dict(genesis)


def test_a_templates_validators_are_replaced_and_all_else_is_kept(template: dict[str, Any]) -> None:
    spec = readable_spec([RICH, NEW], template)
    made = genesis_of(spec)
    assert made["validatorSet"]["invulnerables"] == ["5Rich", "5New"]
    assert made["session"]["keys"] == [
        ["5Rich", "5Rich", {"aura": "5Rich", "grandpa": "5RichVotes"}],
        ["5New", "5New", {"aura": "5New", "grandpa": "5NewVotes"}],
    ]
    assert made["rotation"] == {"sessionLength": 10}
    assert spec["id"] == "tried"


def test_who_has_no_money_gets_some_and_nobody_is_paid_twice(template: dict[str, Any]) -> None:
    made = genesis_of(readable_spec([RICH, NEW], template))
    assert made["balances"]["balances"] == [["5Rich", 7], ["5New", ENDOWMENT]]


def test_the_template_itself_stays_as_it_was(template: dict[str, Any]) -> None:
    readable_spec([NEW], template)
    assert genesis_of(template)["validatorSet"]["invulnerables"] == ["5Old"]
