"""The playground: the page for browsers that open the endpoint, and its assets."""

import secrets
from email.utils import parsedate
from http import HTTPStatus
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import NotModifiedResponse

from graphql_auth.graphql_http.content_negotiation import WHITESPACE, join_lines, parse_accept

PACKAGE = Path(__file__).parents[1]
# The build of /playground, which is not in the repository, and the page without a build.
BUILD = PACKAGE / "static"
PLAIN_PAGE = PACKAGE / "graphql_http" / "plain_page.html"

# The build has these in place of the nonce, and of the last part of the path.
NONCE = "CSP_NONCE"
BUILT_ASSETS = "graphql/assets/"
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
        page = page if self.is_built else PLAIN_PAGE
        self._page = page.read_text(encoding="utf-8")
        self._validators = FileResponse(page, stat_result=page.stat()).headers
        # No request can name a file that did not exist at the start (path traversal).
        paths = (build / "assets").iterdir() if self.is_built else ()
        self._assets = {path.name: path for path in paths if path.suffix != ".gz"}

    def page(self, request: Request) -> Response:
        """Return the page, which names its assets from its path, with a new nonce for its scripts.

        The policy also holds if an attacker loads another response of ours as a script
        (https://www.w3.org/TR/CSP3/#strict-dynamic-usage, ASVS 5.0 3.4.3).
        """
        nonce = secrets.token_urlsafe(16)
        headers = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY.format(nonce=nonce),
            "Cache-Control": "no-store",
            # Weak, because of the nonce.
            "ETag": f"W/{self._validators['etag']}",
            "Last-Modified": self._validators["last-modified"],
            "Vary": "Accept",
        }
        name = request.scope["path"].rpartition("/")[2]
        page = self._page.replace(NONCE, nonce).replace(BUILT_ASSETS, f"{name}/assets/")
        response = HTMLResponse(page, headers=headers)
        return _unless_known(request, response)

    async def asset(self, request: Request) -> Response:
        """Return a file that the page loads; raises HTTPException (404)."""
        asset = self._assets.get(request.path_params["name"])
        if asset is None or not asset.is_file():
            raise HTTPException(HTTPStatus.NOT_FOUND)
        # Starlette answers some ranges with 400, and without a code (RFC 9110 section 14.2).
        request.scope["headers"] = [pair for pair in request.headers.raw if pair[0] != b"range"]
        headers = {"Cache-Control": IMMUTABLE, "Vary": "Accept-Encoding", "Accept-Ranges": "none"}
        media_type = FileResponse(asset).media_type
        compressed = asset.with_name(f"{asset.name}.gz")
        codings = parse_accept(join_lines(request, "accept-encoding"))
        if codings.get("gzip", codings.get("*", 0.0)) > 0 and compressed.is_file():
            headers["Content-Encoding"] = "gzip"
            asset = compressed
        response = FileResponse(asset, HTTPStatus.OK, headers, media_type, stat_result=asset.stat())
        return _unless_known(request, response)


def _unless_known(request: Request, response: Response) -> Response:
    """Return the response, or status 304 if the client has it (RFC 9110 section 13)."""
    if "if-none-match" in request.headers:
        tags = join_lines(request, "if-none-match").split(",")
        known = {tag.strip(WHITESPACE).removeprefix("W/") for tag in tags}
        is_known = not known.isdisjoint({"*", response.headers["etag"].removeprefix("W/")})
    else:
        times = [*request.headers.getlist("if-modified-since"), response.headers["last-modified"]]
        match list(map(parsedate, times)):
            case [tuple() as seen, tuple() as changed]:
                is_known = seen >= changed
            case _:
                is_known = False
    return NotModifiedResponse(response.headers) if is_known else response
