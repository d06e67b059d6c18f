"""`/u/{token}`: the page on which people unsubscribe. Looking at it changes nothing; posting to it does (RFC 8058).

It is the same page for every token, good or not, whatever has become of what it named: nothing is learned from it.
"""

import html
import re
import tomllib
from functools import cache
from importlib import resources
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse

from api.access.caller import database
from api.access.unsubscribing import UnsubscribeLinks
from api.db.pool import Database
from api.db.queries import beside
from api.http.body import read_body

SQL = beside(__file__)
router = APIRouter(include_in_schema=False)
LONGEST_BODY = 10_000
LANGUAGE = re.compile(r"([a-z]{2,3})(?:-[a-z0-9]+)*\s*(?:;\s*q=([01](?:\.\d{1,3})?))?", re.IGNORECASE)
PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex,nofollow"><title>{title}</title>
<style>
body {{ font: 1.125rem/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 32rem; padding: 0 1.5rem;
  color: #1a1a1a; background: #fff; }}
button {{ font: inherit; padding: .6rem 1.4rem; border: 0; border-radius: .4rem; color: #fff; background: #1a56db; }}
@media (prefers-color-scheme: dark) {{ body {{ color: #eee; background: #161616; }} }}
</style>
</head>
<body><main><h1>{title}</h1>
{content}
</main></body>
</html>
"""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Vary": "Accept-Language",
}


@router.api_route("/u/{token}", methods=["GET", "HEAD"])
async def show_page(token: str, request: Request) -> Response:  # noqa: ARG001  # the same for every token
    """Show the page. Scanners and programs that follow links change nothing."""
    words = _words(request)
    form = f'<p>{words["ask"]}</p><form method="post"><button>{words["button"]}</button></form>'
    return _page(words, form)


@router.post("/u/{token}")
async def unsubscribe(token: str, request: Request, db: Annotated[Database, Depends(database)]) -> Response:
    """Unsubscribe: from the page, or by one click in a mail program. Done twice, it is done once."""
    await read_body(request, LONGEST_BODY)
    links: UnsubscribeLinks = request.app.state.unsubscribe_links
    found = links.read(token)
    if found is not None:
        org_id, enrolment_id = found
        named = {"org_id": str(org_id), "enrolment_id": str(enrolment_id)}
        async with db.unscoped("hook") as tx:  # what fails here is a 5xx: a mail program then tries again
            await tx.run(SQL.unsubscribe, {"ticket": db.tickets.sign_document("unsubscribe", named)})
    words = _words(request)
    return _page(words, f'<p role="status">{words["done"]}</p>')


def _page(words: dict[str, str], content: str) -> Response:
    page = PAGE.format(language=words["language"], title=words["title"], content=content)
    return HTMLResponse(page, headers={**HEADERS, "Content-Language": words["language"]})


@cache
def _pages() -> dict[str, dict[str, str]]:
    given = tomllib.loads(resources.files("api.unsubscribe").joinpath("pages.toml").read_text())
    return {
        language: {"language": language, **{name: html.escape(text) for name, text in words.items()}}
        for language, words in given.items()
    }


def _words(request: Request) -> dict[str, str]:
    """Return the page's words in the language that the reader prefers, or in English."""
    wanted = request.headers.get("accept-language", "")[:200].split(",")
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate(wanted):
        if (found := LANGUAGE.fullmatch(part.strip())) and found[1].lower() in _pages():
            ranked.append((-float(found[2] or 1), place, found[1].lower()))
    language = min(ranked)[2] if ranked and min(ranked)[0] < 0 else "en"
    return _pages()[language]
