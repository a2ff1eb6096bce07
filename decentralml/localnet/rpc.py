"""A few questions to a node over HTTP, all in one request; the answers are not trusted."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from typing import Any

from decentralml.localnet.validator import Place

MAX_ANSWER = 2**20  # bytes

Question = tuple[str, Sequence[Any]]


class NoAnswer(Exception):
    """The node does not answer, or not with what was asked for."""


def ask(place: Place, questions: Sequence[Question], timeout: float = 2.0) -> list[Any]:
    """The results of these methods, in their order.

    Raises:
        NoAnswer: nobody there, no answer in time, an error, or something else than JSON-RPC.
    """
    batch = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
        for number, (method, params) in enumerate(questions)
    ]
    connection = http.client.HTTPConnection(place.host, place.rpc_port, timeout=timeout)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/", json.dumps(batch), headers)
        answers = json.loads(connection.getresponse().read(MAX_ANSWER))
        by_number = {answer["id"]: answer["result"] for answer in answers}
        return [by_number[number] for number in range(len(questions))]
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError) as error:
        raise NoAnswer(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
