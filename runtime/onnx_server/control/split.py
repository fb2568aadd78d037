"""`/v1/split` of the control port: what share of the requests goes to which pods, and what became of it."""

from ipaddress import ip_address
from typing import Annotated

from fastapi import FastAPI, Request
from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator
from starlette.responses import Response

from onnx_server.control.access import Verify
from onnx_server.http.json import answer
from onnx_server.protocol.errors import bad_request
from onnx_server.settings.base import Strict
from onnx_server.state import State
from onnx_server.traffic.latencies import ENOUGH
from onnx_server.traffic.split import Address, Shadowing, Split, StaleGenerationError

HTTP_PORT = 8000
_MIB = 1024 * 1024


def _address(value: str) -> str:
    """Take what Kubernetes gives a pod; a name would be resolved for each connection."""
    return str(ip_address(value))


Host = Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f.:]+$"), AfterValidator(_address)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$", to_lower=True)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=253)]
Tolerance = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class CandidatePod(Strict):
    """A pod of the candidate, and where it answers HTTP."""

    pod_uid: Name
    address: Host
    port: int = Field(default=HTTP_PORT, ge=1, le=65535)


class StickyBy(Strict):
    """What a user is known by."""

    header: HeaderName


class ShadowRequest(Strict):
    """What of the requests is copied to the candidate."""

    percent: int = Field(ge=1, le=100)
    max_in_flight: int = Field(default=2, ge=1, le=64)
    max_bytes: int = Field(default=64 * _MIB, ge=1024, le=1024 * _MIB)
    relative_tolerance: Tolerance = 0.005
    absolute_tolerance: Tolerance = 0.0
    keep_inputs: bool = False
    replay: bool = False


class SplitRequest(Strict):
    """The body of `PUT /v1/split`."""

    generation: int = Field(ge=1)
    revision: Name | None
    weight: int = Field(ge=0, le=100)
    candidates: tuple[CandidatePod, ...] = Field(max_length=1000)
    sticky_by: StickyBy | None = None
    preview_header: HeaderName | None = None
    hand_over: bool = False
    course: str = Field(default="", max_length=64)
    shadow: ShadowRequest | None = None

    @model_validator(mode="after")
    def _fits(self) -> "SplitRequest":
        if self.revision is None and (self.weight or self.candidates or self.shadow):
            raise ValueError("revision: null, which is no split, needs weight 0, no candidates and no shadow")
        if len({candidate.pod_uid for candidate in self.candidates}) < len(self.candidates):
            raise ValueError("candidates: each podUid may be there once")
        return self

    def split(self) -> Split:
        """Return it as the server has it."""
        return Split(
            self.generation,
            self.revision,
            self.weight,
            tuple(Address(each.pod_uid, each.address, each.port) for each in self.candidates),
            self.sticky_by.header.encode() if self.sticky_by else None,
            self.preview_header.encode() if self.preview_header else None,
            self.hand_over,
            self.course,
            None if self.shadow is None else Shadowing(**self.shadow.model_dump()),
        )


def _usual_seconds(state: State) -> float | None:
    """Return within how many seconds 99 of 100 requests were answered up to now; None where too few were."""
    if state.main is None:
        return None
    answered = [transport.success for transport in state.main.statistics.transports.values()]
    known = [found for each in answered if each.count >= ENOUGH and (found := each.quantile(0.99)) is not None]
    return max(known, default=None)


def install(app: FastAPI, state: State, verify: Verify) -> None:
    """Add the routes to `app`, each open to requests that pass `verify`."""

    @app.put("/v1/split")
    async def put(request: Request) -> Response:
        verify(request)
        pushed = _parsed(await request.body())
        if state.lifecycle.single is None and pushed.revision is not None:
            raise bad_request("revision: this server has a model repository, of which nothing is forwarded")
        try:
            state.traffic.apply(pushed.split(), _usual_seconds(state))
        except StaleGenerationError as error:
            return answer(document(state) | {"error": str(error)}, 409)
        return answer(document(state))

    @app.get("/v1/split")
    async def get(request: Request) -> Response:
        verify(request)
        return answer(document(state))


def document(state: State) -> dict[str, object]:
    """Return the state document."""
    about = {"podUid": state.pod_uid, "bootId": state.boot_id}
    memory = state.memory.describe()
    return about | state.traffic.describe() | {"openConnections": state.open_connections(), "memory": memory}


def _parsed(body: bytes) -> SplitRequest:
    try:
        return SplitRequest.model_validate_json(body)
    except ValidationError as error:
        problems = [_problem(item["loc"], item["msg"]) for item in error.errors(include_url=False)]
        raise bad_request("; ".join(problems)) from None


def _problem(location: tuple[int | str, ...], message: str) -> str:
    # A problem of several fields names them itself.
    where = ".".join(map(str, location))
    return f"{where}: {message}" if where else message.removeprefix("Value error, ")
