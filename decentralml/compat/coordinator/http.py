"""The two faces of a coordinator: paths and answers as XAIN 0.8 has them, and a few words more.

Coordinator: ``/market`` (not XAIN's: the task, and a challenge for who has a key),
``/rendez_vous``, ``/heartbeat/{id}``, ``/start_training/{id}``. Aggregator: ``/{id}/{token}``, GET
for the global weights and POST for a result. A refusal is a line of text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from decentralml.compat.coordinator.admission import Proof
from decentralml.compat.coordinator.errors import LateResult, NoPlace
from decentralml.errors import CallRejected, ChainError
from decentralml.learning.errors import ResultRefused, TooLarge

BYTES = "application/octet-stream"
HEARD_OUT = 16 << 20
NOT_FOUND, CONFLICT, TOO_LARGE, REFUSED, UNAVAILABLE = 404, 409, 413, 422, 503


class Job(Protocol):
    """What the two faces show."""

    def about(self) -> dict[str, object]:
        """The task, and a new challenge."""

    async def rendez_vous(self, proof: Proof | None) -> dict[str, object]:
        """A place. Raises NoPlace."""

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
        said = request.query_params
        proof = None
        if "account" in said:
            proof = Proof(said["account"], said.get("challenge", ""), said.get("signature", ""))
        try:
            return JSONResponse(await job.rendez_vous(proof))
        except NoPlace as refusal:
            return JSONResponse({"id": None, "ok": False, "reason": str(refusal)})
        except ChainError as error:
            return _line(UNAVAILABLE, f"the chain cannot be asked now: {error}")

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

    async def exchange(request: Request) -> Response:
        id_, token = request.path_params["id"], request.path_params["token"]
        if not job.allows(id_, token):
            return _line(NOT_FOUND, "not selected in this round, or the round is over")
        if request.method != "POST":
            return Response(job.weights(), media_type=BYTES)
        return await _take(job, request, id_, token)

    return Starlette(routes=[Route("/{id}/{token}", exchange, methods=["GET", "POST"])])


async def _take(job: Job, request: Request, id_: str, token: str) -> Response:
    body = job.place_for_body()
    try:
        await _receive(request, body, job.longest_body())
        return JSONResponse(await job.take(id_, token, body))
    except ResultRefused as refusal:
        job.refused(id_, refusal.reason)
        return _line(TOO_LARGE if isinstance(refusal, TooLarge) else REFUSED, refusal.reason)
    except LateResult as late:
        return _line(CONFLICT, f"LateResult: {late}")
    except CallRejected as rejected:
        job.refused(id_, str(rejected))
        return _line(CONFLICT, str(rejected))
    except ChainError as error:
        return _line(UNAVAILABLE, f"the chain cannot be asked now: {error}")
    except ClientDisconnect:
        return _line(REFUSED, "the body ended early")  # nobody hears it; the log does
    finally:
        body.unlink(missing_ok=True)


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
