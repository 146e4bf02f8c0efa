"""The playground: the page for browsers that open the endpoint, and its assets."""

import secrets
from http import HTTPStatus
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from graphql_auth.graphql_http.content_negotiation import join_lines, parse_accept

PACKAGE = Path(__file__).parents[1]
# The build of /playground, which is not in the repository, and the page without a build.
BUILD = PACKAGE / "static"
PLAIN_PAGE = PACKAGE / "graphql_http" / "plain_page.html"

# The build has this in place of the nonce.
NONCE = "CSP_NONCE"
# Monaco, the editor in GraphiQL, writes inline styles. A script needs the nonce of this response,
# or is loaded by a script that has it.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic';"
    " style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
# The name of an asset has a hash of its content.
IMMUTABLE = "public, max-age=31536000, immutable"


class Playground:
    """The page and the files of a build, or a plain page if there is no build."""

    def __init__(self, build: Path = BUILD) -> None:
        page = build / "index.html"
        self.is_built = page.is_file()
        self._page = (page if self.is_built else PLAIN_PAGE).read_text(encoding="utf-8")
        # No request can name a file that did not exist at the start (path traversal).
        paths = (build / "assets").iterdir() if self.is_built else ()
        self._assets = {path.name: path for path in paths if path.suffix != ".gz"}

    def page(self) -> Response:
        """Return the page, with a new nonce for its scripts.

        The policy also holds if an attacker loads another response of ours as a script
        (https://www.w3.org/TR/CSP3/#strict-dynamic-usage, ASVS 5.0 3.4.3).
        """
        nonce = secrets.token_urlsafe(16)
        headers = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY.format(nonce=nonce),
            "Cache-Control": "no-store",
        }
        return HTMLResponse(self._page.replace(NONCE, nonce), headers=headers)

    async def asset(self, request: Request) -> Response:
        """Return a file that the page loads; raises HTTPException (404)."""
        asset = self._assets.get(request.path_params["name"])
        if asset is None or not asset.is_file():
            raise HTTPException(HTTPStatus.NOT_FOUND)
        headers = {"Cache-Control": IMMUTABLE, "Vary": "Accept-Encoding"}
        response = FileResponse(asset, headers=headers)
        compressed = asset.with_name(f"{asset.name}.gz")
        codings = parse_accept(join_lines(request, "accept-encoding"))
        if codings.get("gzip", codings.get("*", 0.0)) > 0 and compressed.is_file():
            headers["Content-Encoding"] = "gzip"
            return FileResponse(compressed, headers=headers, media_type=response.media_type)
        return response
