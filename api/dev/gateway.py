"""What stands before PostgREST on Supabase, on this machine: an address that ends in /rest/v1."""

import argparse
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

PREFIX = "/rest/v1"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
OF_ONE_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "host", "upgrade"})


def application(target: str) -> Starlette:
    """Return a server that passes `/rest/v1/…` on to PostgREST at `target`, and its answers back."""
    client = httpx.AsyncClient(base_url=target, timeout=30)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        await client.aclose()

    async def passed_on(request: Request) -> Response:
        path = request.scope["raw_path"].decode("ascii").removeprefix(PREFIX) or "/"
        query = request.scope["query_string"].decode("ascii")
        headers = [(name, value) for name, value in request.headers.raw if name.decode().lower() not in OF_ONE_HOP]
        sent = client.build_request(
            request.method, f"{path}?{query}" if query else path, headers=headers, content=await request.body()
        )
        try:
            answer = await client.send(sent, stream=True)
        except httpx.HTTPError:
            return JSONResponse({"message": "PostgREST does not answer."}, status_code=503)
        response = StreamingResponse(answer.aiter_raw(), status_code=answer.status_code)
        response.raw_headers = [
            (name.lower(), value) for name, value in answer.headers.raw if name.decode().lower() not in OF_ONE_HOP
        ]
        return response

    routes = [Route(PREFIX + tail, passed_on, methods=METHODS) for tail in ("", "/{rest:path}")]
    return Starlette(routes=routes, lifespan=lifespan)


def main() -> None:
    """Serve until the end is requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--target", required=True, help="PostgREST's own address")
    given = parser.parse_args()
    uvicorn.run(
        application(given.target), port=given.port, log_level="warning", access_log=False,
        server_header=False, date_header=False,  # PostgREST's own are passed on
    )  # fmt: skip


if __name__ == "__main__":
    main()
