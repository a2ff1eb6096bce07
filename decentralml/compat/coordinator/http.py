"""The two faces of a coordinator: paths and answers as XAIN 0.8 has them, and a few words more.

Coordinator: ``/market`` (not XAIN's: the task, and a challenge for who has a key),
``/rendez_vous``, ``/heartbeat/{id}``, ``/start_training/{id}``. Aggregator: ``/{id}/{token}``, GET
for the global weights and POST for a result. A refusal is a line of text.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from decentralml.compat.coordinator.admission import Proof
from decentralml.compat.coordinator.errors import Busy, LateResult, NoPlace, StaleChallenge
from decentralml.errors import CallRejected, ChainError, DecentralMLError
from decentralml.learning.errors import ResultRefused, TooLarge

BYTES = "application/octet-stream"
HEARD_OUT = 16 << 20
MOST_BODIES = 3
"""Of one participant at the same time: a broken connection may still seem to be coming in."""
NOT_FOUND, TOO_SLOW, CONFLICT, TOO_LARGE, REFUSED, UNAVAILABLE = 404, 408, 409, 413, 422, 503


class Job(Protocol):
    """What the two faces show."""

    def about(self) -> dict[str, object]:
        """The task, and a new challenge."""

    async def rendez_vous(self, proof: Proof | None) -> dict[str, object]:
        """A place. Raises NoPlace, Busy."""

    def heartbeat(self, id_: str) -> dict[str, object]:
        """What the participant is to do."""

    def start_training(self, id_: str) -> dict[str, object]:
        """Leave to train, or not."""

    def allows(self, id_: str, token: str) -> bool:
        """Whether this participant is selected under this token."""

    def weights(self) -> bytes:
        """The global weights."""

    def longest_body(self) -> int:
        """The most bytes that a result may have."""

    def patience(self) -> float:
        """Seconds that a result may take to come in."""

    def place_for_body(self) -> Path:
        """A file that does not exist, for a result."""

    async def take(self, id_: str, token: str, body: Path) -> dict[str, object]:
        """A result that came. Raises ResultRefused, LateResult, CallRejected."""

    def refused(self, id_: str, why: str) -> None:
        """A result was refused before it was whole."""


def coordinator_app(job: Job) -> Starlette:
    """Meeting, heartbeats and selection."""

    async def market(_request: Request) -> Response:
        return JSONResponse(job.about())

    async def rendez_vous(request: Request) -> Response:
        query = request.query_params
        proof = None
        if "account" in query:
            words = (query.get("challenge", ""), query.get("signature", ""))
            proof = Proof(query["account"], *words)
        try:
            return JSONResponse(await job.rendez_vous(proof))
        except NoPlace as refusal:
            said = {"id": None, "ok": False, "reason": str(refusal)}
            again = {"again": True} if isinstance(refusal, StaleChallenge) else {}
            return JSONResponse(said | again)
        except (Busy, ChainError) as error:
            return _line(UNAVAILABLE, f"not now: {error}")

    async def heartbeat(request: Request) -> Response:
        return JSONResponse(job.heartbeat(request.path_params["id"]))

    async def start_training(request: Request) -> Response:
        return JSONResponse(job.start_training(request.path_params["id"]))

    return Starlette(
        routes=[
            Route("/market", market),
            Route("/rendez_vous", rendez_vous),
            Route("/heartbeat/{id}", heartbeat),
            Route("/start_training/{id}", start_training),
        ]
    )


def aggregator_app(job: Job) -> Starlette:
    """Weights out, results in."""
    coming: Counter[str] = Counter()

    async def exchange(request: Request) -> Response:
        id_, token = request.path_params["id"], request.path_params["token"]
        if not job.allows(id_, token):
            return _line(NOT_FOUND, "not selected in this round, or the round is over")
        if request.method != "POST":
            return Response(job.weights(), media_type=BYTES)
        if coming[id_] >= MOST_BODIES:
            return _line(UNAVAILABLE, "not now: other bodies of this participant are coming in")
        coming[id_] += 1
        try:
            return await _take(job, request, id_, token)
        finally:
            coming[id_] -= 1
            if not coming[id_]:
                del coming[id_]

    return Starlette(routes=[Route("/{id}/{token}", exchange, methods=["GET", "POST"])])


async def _take(job: Job, request: Request, id_: str, token: str) -> Response:
    body = job.place_for_body()
    try:
        await asyncio.wait_for(_receive(request, body, job.longest_body()), job.patience())
        return JSONResponse(await job.take(id_, token, body))
    except (DecentralMLError, asyncio.TimeoutError, ClientDisconnect) as error:
        status, line = _refusal(error)
        if isinstance(error, ResultRefused | CallRejected):
            job.refused(id_, line)
        return _line(status, line)
    finally:
        body.unlink(missing_ok=True)


def _refusal(error: Exception) -> tuple[int, str]:
    """Status and line for what is wrong with a result.

    Raises: DecentralMLError: it is nothing that a participant can mend.
    """
    if isinstance(error, ResultRefused):
        return TOO_LARGE if isinstance(error, TooLarge) else REFUSED, error.reason
    if isinstance(error, LateResult | CallRejected):
        return CONFLICT, f"{type(error).__name__}: {error}"
    if isinstance(error, ChainError):
        return UNAVAILABLE, f"not now: {error}"
    if isinstance(error, asyncio.TimeoutError):
        return TOO_SLOW, "the body took too long to come in"
    if isinstance(error, ClientDisconnect):
        return REFUSED, "the body ended early"  # nobody hears it; the log does
    raise error


async def _receive(request: Request, body: Path, most: int) -> None:
    """The request's body into a file, of which not a byte too many is kept.

    A body that is somewhat too long is heard out, since most clients read no answer before.
    """
    said = request.headers.get("content-length", "")
    if said.isdecimal() and len(said) < 20 and int(said) > most + HEARD_OUT:
        raise TooLarge("the body in bytes", int(said), most)
    size = 0
    with body.open("wb") as file:
        async for part in request.stream():
            size += len(part)
            if size <= most:
                file.write(part)
            elif size > most + HEARD_OUT:
                break
    if size > most:
        raise TooLarge("the body in bytes", size, most)


def _line(status: int, text: str) -> Response:
    line = "".join(c if c.isprintable() else " " for c in text)
    return PlainTextResponse(line[:500] + "\n", status)
