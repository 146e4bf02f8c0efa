"""Hashing, verification and policy of passwords, off the event loop."""

from graphql_auth.passwords.hash_queue import HashQueue, Priority
from graphql_auth.passwords.hasher import PasswordHasher, VerifyResult
from graphql_auth.passwords.policy import PasswordPolicy


class PasswordService:
    """What accounts do with passwords. Hashing raises Unavailable when the queue is full.

    ``network`` is that of the client.
    """

    def __init__(
        self, hasher: PasswordHasher, hash_queue: HashQueue, policy: PasswordPolicy
    ) -> None:
        self._hasher = hasher
        self._hash_queue = hash_queue
        self.policy = policy

    async def hash(self, password: str, network: str, priority: Priority = Priority.DEFAULT) -> str:
        return await self._hash_queue.run(lambda: self._hasher.hash(password), priority, network)

    async def verify(
        self, password: str, stored: str | None, network: str, priority: Priority = Priority.DEFAULT
    ) -> VerifyResult:
        def work() -> VerifyResult:
            return self._hasher.verify(password, stored)

        return await self._hash_queue.run(work, priority, network)
