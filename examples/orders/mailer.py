from email.message import EmailMessage

import httpx

from graphql_auth import MailRefused


class ApiMailer:
    def __init__(self, url: str) -> None:
        self.url = url

    async def send(self, message: EmailMessage) -> None:
        async with httpx.AsyncClient() as client:
            response = await client.post(self.url, content=bytes(message))
        if response.status_code == 422:
            raise MailRefused("422")  # it is not tried again
        response.raise_for_status()  # any other exception: it is tried again
