"""An application with a mutation that sends any mail."""

import time
from datetime import UTC, datetime, timedelta

import strawberry

from graphql_auth import GraphQLAuth, Info, Mutation
from graphql_auth.mail.messages import FRAGMENTS, Template
from graphql_auth.mongo.clock import in_utc
from graphql_auth.tokens.one_time import OneTimeTokens, Purpose


@strawberry.type
class MailMutation(Mutation):
    @strawberry.mutation
    async def send(self, info: Info, template: str, to: str | None) -> bool:
        outbox, links = info.context.services.outbox, OneTimeTokens(in_utc(time.time))
        created = await links.create(Purpose(template), to or "") if template in FRAGMENTS else None
        await outbox.add(
            Template(template),
            to,
            link=created and created.reference,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )
        return outbox.is_available


auth = GraphQLAuth(mutation=MailMutation)
