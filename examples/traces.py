"""The server with traces: each request is a span, and its commands to MongoDB are the children.

Spans have no query, variables, token or password. The error of a command can have an e-mail.
"""

from typing import Any

from opentelemetry.distro import OpenTelemetryConfigurator, OpenTelemetryDistro
from opentelemetry.instrumentation.pymongo import PymongoInstrumentor
from opentelemetry.instrumentation.starlette import StarletteInstrumentor
from opentelemetry.trace import Span


def hide_query(span: Span, _scope: dict[str, Any]) -> None:
    for name in ("http.url", "url.query"):
        span.set_attribute(name, "")


OpenTelemetryDistro().configure()
OpenTelemetryConfigurator().configure()
PymongoInstrumentor().instrument()
StarletteInstrumentor().instrument(server_request_hook=hide_query)

if __name__ == "__main__":
    from graphql_auth.__main__ import main

    main()
