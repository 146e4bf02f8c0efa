"""CSRF protection: whether a page may use cookies. Also, whether its browser keeps them."""

import logging
from collections.abc import Collection

from pydantic_core import Url
from starlette.requests import Request

from graphql_auth.errors import Forbidden, ForbiddenReason
from graphql_auth.logs import LogRateLimit
from graphql_auth.origins import format_origin, has_public_name, is_local, parse_origin, site

SECONDS_BETWEEN_LINES = 10.0
MAX_LOGGED_PAGES = 100
# No page has this origin (RFC 6761 section 6.4).
UNKNOWN_SERVER = Url("https://invalid")

logger = logging.getLogger(__name__)
_lines = LogRateLimit(SECONDS_BETWEEN_LINES)
_logged_pages: set[str] = set()


class PageOrigin:
    """The origin of the page, and the origin of the server as the browser of the page sees it.

    CSRF protection: the page must have the server's own origin or one in ALLOWED_ORIGINS.
    Besides, graphql_http/params.py requires JSON, which needs a preflight.
    """

    def __init__(self, request: Request, allowed_origins: Collection[str]) -> None:
        headers = request.headers
        # Two of them are the origin of no page.
        self.header = ", ".join(headers.getlist("origin")) if "origin" in headers else None
        self._page = parse_origin(self.header or "")
        self._fetch_site = headers.get("sec-fetch-site")
        scheme, host = request.scope["scheme"], headers.get("host", "")
        self.server = parse_origin(f"{scheme}://{host}") or UNKNOWN_SERVER
        # A proxy may hide that the page was loaded by HTTPS.
        by_https = Url(format_origin(self.server).replace("http:", "https:", 1))
        self.is_allowed = self._page is not None and (
            self._page in {self.server, by_https} or format_origin(self._page) in allowed_origins
        )
        if self._page and self.is_allowed:
            if self._fetch_site == "same-origin":
                # A proxy has replaced the Host header.
                self.server = self._page
            elif self._page.scheme == "https":
                self.server = by_https

    def check(self) -> None:
        """Raise Forbidden, and log both origins, if the page may not use or cannot keep cookies."""
        if reason := self._find_reason():
            self._log(reason)
            raise Forbidden(reason)

    def log_if_refused(self) -> None:
        """Log a page that can read no answers either."""
        if not self.is_allowed and self._fetch_site != "same-origin":
            self._log(ForbiddenReason.ORIGIN_NOT_ALLOWED)

    def _log(self, reason: ForbiddenReason) -> None:
        page = format_origin(self._page) if self._page else "unknown"
        server, advice = format_origin(self.server), reason.description
        if reason is ForbiddenReason.ORIGIN_NOT_ALLOWED:
            # A client can send any number of origins.
            if page in _logged_pages or len(_logged_pages) == MAX_LOGGED_PAGES:
                return
            _logged_pages.add(page)
            if is_local(self._page):
                advice += " For development, start with --dev."
        elif not _lines.can_log(reason):
            return
        logger.warning("%s: page %s, server %s. %s", reason, page, server, advice)

    def _find_reason(self) -> ForbiddenReason | None:
        if self.header is None:
            return ForbiddenReason.ORIGIN_MISSING
        if self._page is None or not self.is_allowed:
            return ForbiddenReason.ORIGIN_NOT_ALLOWED
        if self._is_cross_site(self._page):
            return ForbiddenReason.COOKIE_CROSS_SITE
        if any(each.scheme == "http" and not is_local(each) for each in (self._page, self.server)):
            return ForbiddenReason.COOKIE_NEEDS_HTTPS
        return None

    def _is_cross_site(self, page: Url) -> bool:
        if self._fetch_site is not None:
            return self._fetch_site == "cross-site"
        # Browsers do not send Sec-Fetch-Site to servers without HTTPS, nor Safari before 16.4.
        # Where a proxy has replaced the Host header, the hosts tell nothing.
        is_comparable = page.scheme != "https" or has_public_name(self.server)
        is_other_host = is_comparable and site(page) != site(self.server)
        return page.scheme != self.server.scheme or is_other_host
