"""The playground: the page for browsers that open the endpoint, and its assets."""

import secrets
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from graphql_auth.graphql_http.content_negotiation import join_lines, parse_accept

# The build of /playground, which is not in the repository, and the page without a build.
BUILD = Path(__file__).parents[1] / "static"
PLAIN_PAGE = Path(__file__).with_name("plain_page.html")

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
        self._page = (page if self.is_built else PLAIN_PAGE).read_text(encoding="utf-8")
        assets = build / "assets"
        self._assets = StaticFiles(directory=assets, check_dir=False, follow_symlink=True)
        self._compressed = {path.stem for path in assets.glob("*.gz")}

    def page(self, request: Request) -> Response:
        """Return the page, which names its assets from its path, with a new nonce for its scripts.

        The policy also holds if an attacker loads another response of ours as a script
        (https://www.w3.org/TR/CSP3/#strict-dynamic-usage, ASVS 5.0 3.4.3).
        """
        nonce = secrets.token_urlsafe(16)
        policy = CONTENT_SECURITY_POLICY.format(nonce=nonce)
        name = request.scope["path"].rpartition("/")[2]
        page = self._page.replace(NONCE, nonce).replace(BUILT_ASSETS, f"{name}/assets/")
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
        return HTMLResponse(page, headers=headers)

    async def asset(self, request: Request) -> Response:
        """Return a file that the page loads; raises HTTPException (404)."""
        # Starlette answers some ranges with 400, and without a code (RFC 9110 section 14.2).
        request.scope["headers"] = [pair for pair in request.headers.raw if pair[0] != b"range"]
        headers = {"Cache-Control": IMMUTABLE, "Vary": "Accept-Encoding", "Accept-Ranges": "none"}
        name = request.path_params["name"]
        codings = parse_accept(join_lines(request, "accept-encoding"))
        if name in self._compressed and codings.get("gzip", codings.get("*", 0.0)) > 0:
            name, headers["Content-Encoding"] = f"{name}.gz", "gzip"
        response = await self._assets.get_response(name, request.scope)
        response.headers.update(headers)
        return response
