"""An application with a mutation that sends any mail."""

import secrets
from datetime import UTC, datetime, timedelta

import strawberry

from graphql_auth import GraphQLAuth, Info, Mutation
from graphql_auth.mail.messages import FRAGMENTS, Template


@strawberry.type
class MailMutation(Mutation):
    @strawberry.mutation
    async def send(self, info: Info, template: str, to: str | None) -> bool:
        outbox = info.context.services.outbox
        if outbox.sender:
            outbox.sender.issue_link = issue
        await outbox.add(
            Template(template),
            to,
            link="the-link" if template in FRAGMENTS else None,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )
        return outbox.is_available


async def issue(link: str) -> str:
    return f"{link}.secret-{secrets.token_hex(8)}"


auth = GraphQLAuth(mutation=MailMutation)
