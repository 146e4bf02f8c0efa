import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.service import AccountService
from graphql_auth.accounts.validation import Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import InvalidCredentials, TooManyAttempts
from graphql_auth.passwords.hash_queue import HashQueue, Priority
from graphql_auth.passwords.hasher import PasswordHasher, VerifyResult
from graphql_auth.services import ServiceContainer
from graphql_auth.throttling.throttle import ACCOUNT, HOUR, Throttle
from tests.services import FAILURES_PER_ADDRESS, REGISTRATIONS_PER_ADDRESS, Clock, NewServices

pytestmark = pytest.mark.anyio

EMAIL, PASSWORD = "ada@example.com", "correct horse"
HOME = ClientInfo("192.0.2.1", "at home")
DAY = 24 * 3600
MAX_WAIT = ACCOUNT.max_wait.total_seconds()


class CountedPasswords:
    """How many passwords were verified, by all servers of the test."""

    verified = 0


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> CountedPasswords:
    counted, verify = CountedPasswords(), PasswordHasher.verify

    def count(hasher: PasswordHasher, password: str, stored: str | None) -> VerifyResult:
        counted.verified += 1
        return verify(hasher, password, stored)

    monkeypatch.setattr(PasswordHasher, "verify", count)
    return counted


@pytest.fixture
async def accounts(new_services: NewServices) -> list[AccountService]:
    """Two servers of one database, with one clock."""
    return [(await new_services(max_failures_per_address=1_000_000)).accounts for _ in range(2)]


@pytest.fixture
async def owner(accounts: list[AccountService]) -> SignedIn:
    return await accounts[0].register(Registration("Ada", "Lovelace", EMAIL, PASSWORD), HOME)


def stranger(number: int = 0) -> ClientInfo:
    return ClientInfo(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", "a script")


async def guess(service: AccountService, number: int = 0, email: str = EMAIL) -> int | None:
    """Guess wrong; return the seconds to wait, or None when the guess was verified."""
    try:
        await service.login(email, f"guess {number}", stranger(number))
    except TooManyAttempts as refused:
        return refused.retry_after
    except InvalidCredentials:
        return None
    raise AssertionError


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
@pytest.mark.usefixtures("owner")
async def test_backoff_is_same_for_known_and_unknown_accounts(
    accounts: list[AccountService], passwords: CountedPasswords, clock: Clock, email: str
) -> None:
    told = [await guess(accounts[n % 2], n, email) for n in range(6)]
    assert told == [None] * 5 + [30]

    waits = []
    for number in range(9):
        waits.append(await guess(accounts[0], number, email))
        clock.time += waits[-1] or 0
        assert await guess(accounts[1], number, email) is None

    assert waits == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]
    assert passwords.verified == 5 + 9


@pytest.mark.usefixtures("owner")
async def test_5_of_200_concurrent_guesses_are_verified(
    accounts: list[AccountService], passwords: CountedPasswords
) -> None:
    told = await asyncio.gather(*(guess(accounts[n % 2], n) for n in range(200)))

    assert passwords.verified == sum(one is None for one in told) == ACCOUNT.free


@pytest.mark.usefixtures("owner")
async def test_1_of_20_concurrent_guesses_is_verified_after_wait(
    accounts: list[AccountService], passwords: CountedPasswords, clock: Clock
) -> None:
    for number in range(5):
        await guess(accounts[0], number)
    for _ in range(3):
        clock.time += MAX_WAIT
        passwords.verified = 0
        await asyncio.gather(*(guess(accounts[n % 2], n) for n in range(20)))
        assert passwords.verified == 1


@pytest.mark.usefixtures("owner")
async def test_57_guesses_a_day_are_verified(
    accounts: list[AccountService], passwords: CountedPasswords, clock: Clock
) -> None:
    end = clock.time + DAY
    number = 0
    while clock.time < end:
        number += 1
        clock.time += await guess(accounts[number % 2], number) or 0

    assert passwords.verified == 57


@pytest.mark.usefixtures("owner")
async def test_failures_are_forgotten_after_a_day(
    accounts: list[AccountService], clock: Clock
) -> None:
    for number in range(5):
        await guess(accounts[0], number)
    clock.time += DAY + 1

    assert [await guess(accounts[0], number) for number in range(6)] == [None] * 5 + [30]


@pytest.mark.parametrize("variant", ["ADA@example.com", " ada@EXAMPLE.com", "\uff41da@example.com"])
@pytest.mark.usefixtures("owner")
async def test_variants_of_an_email_share_a_counter(
    accounts: list[AccountService], variant: str
) -> None:
    if variant.strip().lower() != EMAIL:
        # Another letter is another account, with a counter of its own.
        variants, expected = [variant], None
    else:
        variants, expected = [variant, EMAIL], 30
    for number in range(5):
        await guess(accounts[0], number, variants[number % len(variants)])

    assert await guess(accounts[0], 9, EMAIL) == expected


async def test_known_device_can_login_during_guessing(
    accounts: list[AccountService], owner: SignedIn, passwords: CountedPasswords
) -> None:
    guessing = asyncio.gather(*(guess(accounts[n % 2], n) for n in range(100)))
    for _ in range(5):
        signed_in = await accounts[0].login(
            EMAIL, PASSWORD, HOME.with_device_tokens(owner.device_token)
        )
        assert signed_in.device_token == owner.device_token
    await guessing

    assert passwords.verified == 5 + ACCOUNT.free
    with pytest.raises(TooManyAttempts):
        await accounts[0].login(EMAIL, PASSWORD, HOME)


@pytest.mark.usefixtures("owner")
async def test_new_device_can_login_after_max_wait(
    accounts: list[AccountService], clock: Clock
) -> None:
    for number in range(200):
        clock.time += await guess(accounts[0], number) or 0
    clock.time += MAX_WAIT
    assert await guess(accounts[0]) is None
    with pytest.raises(TooManyAttempts) as refused:
        await accounts[0].login(EMAIL, PASSWORD, HOME)
    assert refused.value.retry_after <= MAX_WAIT

    clock.time += MAX_WAIT
    signed_in = await accounts[0].login(EMAIL, PASSWORD, HOME)

    assert await guess(accounts[0]) is None
    again = await accounts[0].login(
        EMAIL, PASSWORD, HOME.with_device_tokens(signed_in.device_token)
    )
    assert again.device_token == signed_in.device_token


async def test_known_device_has_priority_in_hash_queue(
    accounts: list[AccountService], owner: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[Priority] = []
    run = HashQueue.run

    async def noted(queue: HashQueue, work: Any, turn: Priority, network: str) -> Any:
        turns.append(turn)
        return await run(queue, work, turn, network)

    monkeypatch.setattr(HashQueue, "run", noted)
    for token in (None, owner.device_token):
        await accounts[0].login(EMAIL, PASSWORD, HOME.with_device_tokens(token))

    assert turns == [Priority.DEFAULT, Priority.TRUSTED_DEVICE]


async def test_stolen_device_token_has_its_own_limit(
    accounts: list[AccountService], owner: SignedIn, passwords: CountedPasswords
) -> None:
    refused = 0
    for number in range(20):
        try:
            await accounts[0].login(
                EMAIL, f"guess {number}", stranger().with_device_tokens(owner.device_token)
            )
        except InvalidCredentials:
            pass
        except TooManyAttempts:
            refused += 1

    assert (passwords.verified, refused) == (5, 15)
    other_device = await accounts[0].login(EMAIL, PASSWORD, HOME)
    assert other_device.device_token != owner.device_token


async def test_password_change_invalidates_device_token(
    accounts: list[AccountService], owner: SignedIn, services: ServiceContainer
) -> None:
    principal = services.sessions.authenticate(owner.tokens.access.value)
    changed = await services.password_change.change(principal, PASSWORD, "battery staple", HOME)
    for number in range(5):
        await guess(accounts[0], number)

    with pytest.raises(TooManyAttempts):
        await accounts[0].login(
            EMAIL, "battery staple", HOME.with_device_tokens(owner.device_token)
        )
    await accounts[0].login(EMAIL, "battery staple", HOME.with_device_tokens(changed.device_token))


@pytest.mark.parametrize(
    "made_up",
    [
        lambda token: _another(token[0]) + token[1:],
        lambda token: token[:-1] + _another(token[-1]),
        lambda token: f"A{token[:-1]}",
        lambda _token: "",
        lambda _token: "x",
        lambda _token: "\ud800",
    ],
)
async def test_forged_device_token_is_ignored(
    accounts: list[AccountService], owner: SignedIn, made_up: Callable[[str], str]
) -> None:
    for number in range(5):
        await guess(accounts[0], number)

    with pytest.raises(TooManyAttempts):
        await accounts[0].login(
            EMAIL, PASSWORD, HOME.with_device_tokens(made_up(owner.device_token or ""))
        )


def _another(character: str) -> str:
    return "A" if character != "A" else "B"


async def test_device_token_of_another_account_is_ignored(
    accounts: list[AccountService], owner: SignedIn
) -> None:
    bob = Registration("Bob", "B", "bob@example.com", PASSWORD)
    bobs = await accounts[0].register(bob, HOME)
    for number in range(5):
        await guess(accounts[0], number)

    with pytest.raises(TooManyAttempts):
        await accounts[0].login(EMAIL, PASSWORD, HOME.with_device_tokens(bobs.device_token))
    await accounts[0].login(EMAIL, PASSWORD, HOME.with_device_tokens(owner.device_token))


async def test_current_password_guesses_are_limited(
    new_services: NewServices, owner: SignedIn, passwords: CountedPasswords
) -> None:
    servers = [await new_services() for _ in range(2)]
    principal = servers[0].sessions.authenticate(owner.tokens.access.value)
    outcomes = await asyncio.gather(
        *(
            servers[n % 2].password_change.change(principal, f"guess {n}", "battery staple", HOME)
            for n in range(20)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(one, InvalidCredentials) for one in outcomes) == passwords.verified == 5
    assert sum(isinstance(one, TooManyAttempts) for one in outcomes) == 15


async def test_failures_are_limited_per_ip_address(service: AccountService, clock: Clock) -> None:
    async def spray(number: int, address: str) -> bool:
        with pytest.raises((InvalidCredentials, TooManyAttempts)) as refused:
            await service.login(f"user{number}@example.com", "guess", ClientInfo(address))
        return isinstance(refused.value, InvalidCredentials)

    verified = [
        await spray(number, f"2001:db8::{number:x}") for number in range(FAILURES_PER_ADDRESS + 5)
    ]
    assert verified == [True] * FAILURES_PER_ADDRESS + [False] * 5
    assert await spray(99, "2001:db8:0:1::1")
    clock.time += HOUR.total_seconds() / FAILURES_PER_ADDRESS
    assert await spray(99, "2001:db8::ffff")
    assert not await spray(99, "2001:db8::ffff")


async def register(throttle: Throttle, ip: str | None) -> None:
    async with throttle.registration(ip):
        pass


@pytest.mark.parametrize("addresses", [["192.0.2.1"], ["2001:db8::1", "2001:db8::2"], [None]])
async def test_registrations_are_limited_per_ip_address(
    throttle: Throttle, service: AccountService, clock: Clock, addresses: list[str | None]
) -> None:
    for number in range(REGISTRATIONS_PER_ADDRESS):
        await register(throttle, addresses[number % len(addresses)])

    with pytest.raises(TooManyAttempts) as refused:
        await register(throttle, addresses[0])
    assert refused.value.retry_after == HOUR.total_seconds() / REGISTRATIONS_PER_ADDRESS
    with pytest.raises(TooManyAttempts):
        await service.register(
            Registration("Ada", "Lovelace", EMAIL, PASSWORD), ClientInfo(addresses[0])
        )
    await register(throttle, "198.51.100.1")
    clock.time += refused.value.retry_after
    await register(throttle, addresses[0])


async def test_typed_email_is_not_stored(
    accounts: list[AccountService], database: AsyncDatabase[dict[str, Any]]
) -> None:
    await guess(accounts[0], 1, "secret.address@example.com")

    stored = [str(document) async for document in database["graphql_auth_attempts"].find()]
    assert len(stored) == 2
    assert "secret" not in "".join(stored)
