"""The playground: the page for browsers that open the endpoint, and its assets."""

import secrets
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from graphql_auth.graphql_http.content_negotiation import parse_accept

PACKAGE = Path(__file__).parents[1]
# The build of /playground, which is not kept in the repository, and what stands in for it.
BUILD = PACKAGE / "static"
PLAIN_PAGE = PACKAGE / "graphql_http" / "plain_page.html"

# The build has this wherever the nonce of an answer belongs.
NONCE = "CSP_NONCE"
# Monaco, the editor in GraphiQL, sets styles in the HTML that it makes. Scripts may do no such
# thing: they come with the nonce of this answer, or are loaded by one that did.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic';"
    " style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
# A name in the build has a hash of the content in it.
IMMUTABLE = "public, max-age=31536000, immutable"


class Playground:
    """The page and the files of a build, or a plain page if there is no build."""

    def __init__(self, build: Path = BUILD) -> None:
        page = build / "index.html"
        self.is_built = page.is_file()
        self._page = (page if self.is_built else PLAIN_PAGE).read_text(encoding="utf-8")
        # No request can name a file that was not there at the start.
        self._assets = dict(_assets(build / "assets")) if self.is_built else {}

    def page(self) -> Response:
        """Answer the page, with a nonce of its own for its scripts.

        A policy that holds even if an answer of ours were ever taken for a script
        (https://www.w3.org/TR/CSP3/#strict-dynamic-usage, ASVS 5.0 3.4.3).
        """
        nonce = secrets.token_urlsafe(16)
        headers = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY.format(nonce=nonce),
            "Cache-Control": "no-store",
        }
        return HTMLResponse(self._page.replace(NONCE, nonce), headers=headers)

    async def asset(self, request: Request) -> Response:
        """Answer a file that the page loads; raises HTTPException (404) if there is no such."""
        asset = self._assets.get(request.path_params["name"])
        if asset is None or not asset.is_file():
            raise HTTPException(HTTPStatus.NOT_FOUND)
        headers = {"Cache-Control": IMMUTABLE, "Vary": "Accept-Encoding"}
        response = FileResponse(asset, headers=headers)
        compressed = asset.with_name(f"{asset.name}.gz")
        codings = parse_accept(request.headers.get("accept-encoding", ""))
        if codings.get("gzip", 0.0) > 0 and compressed.is_file():
            headers["Content-Encoding"] = "gzip"
            return FileResponse(compressed, headers=headers, media_type=response.media_type)
        return response


def _assets(directory: Path) -> Iterator[tuple[str, Path]]:
    for path in directory.iterdir():
        if path.suffix != ".gz":
            yield path.name, path
