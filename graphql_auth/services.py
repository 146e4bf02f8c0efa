"""The services, created and connected in one place for the server, tests and benchmarks."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import HttpUrl
from strawberry.dataloader import DataLoader

from graphql_auth.accounts.admin import UserAdmin
from graphql_auth.accounts.change_log import ChangeLog
from graphql_auth.accounts.completion import SECONDS_BETWEEN_COMPLETIONS, CompletionService
from graphql_auth.accounts.email_change import EmailChangeService
from graphql_auth.accounts.features import Features
from graphql_auth.accounts.gate import SessionGate
from graphql_auth.accounts.notices import Notices
from graphql_auth.accounts.parts import AccountParts
from graphql_auth.accounts.password_change import PasswordChangeService
from graphql_auth.accounts.password_reset import PasswordResetService
from graphql_auth.accounts.service import AccountService
from graphql_auth.accounts.sign_in_link import SignInLinkService
from graphql_auth.accounts.sign_up import SignUpService
from graphql_auth.context import Services
from graphql_auth.errors import StartError
from graphql_auth.hooks import Hooks
from graphql_auth.mail.document import OutboxDocument
from graphql_auth.mail.mailer import ConsoleMailer, Mailer
from graphql_auth.mail.messages import Messages
from graphql_auth.mail.outbox import Outbox
from graphql_auth.mail.sender import SECONDS_AFTER_MAILS, IssueLink, Sender
from graphql_auth.mail.smtp import SmtpMailer
from graphql_auth.mail.template_check import check_templates
from graphql_auth.mongo.clock import DatabaseClock, in_utc
from graphql_auth.mongo.heartbeat import Heartbeat
from graphql_auth.mongo.index_monitor import CHECK_INTERVAL, IndexMonitor
from graphql_auth.mongo.meta import MetaDocument
from graphql_auth.passwords.hash_queue import HashQueue
from graphql_auth.passwords.hasher import PasswordHasher
from graphql_auth.passwords.policy import PasswordPolicy
from graphql_auth.passwords.service import PasswordService
from graphql_auth.runtime.linux import count_cores
from graphql_auth.runtime.periodic import Work
from graphql_auth.sessions.document import RevocationDocument, SessionDocument
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.sessions.revocations import (
    SECONDS_BETWEEN_POLLS,
    SECONDS_BETWEEN_SWEEPS,
    Revocations,
)
from graphql_auth.sessions.rotation import LoadUser, RefreshTokenRotation
from graphql_auth.sessions.service import Lifetimes, SessionService
from graphql_auth.settings import Settings, parse_app_url
from graphql_auth.throttling.device_tokens import DeviceTokens
from graphql_auth.throttling.document import AttemptDocument
from graphql_auth.throttling.repository import AttemptRepository
from graphql_auth.throttling.throttle import SECONDS_BETWEEN_RENEWALS, Throttle
from graphql_auth.token_key import create_access_tokens, read_secrets
from graphql_auth.tokens.document import LinkDocument
from graphql_auth.tokens.key_ring import SECONDS_BETWEEN_READS
from graphql_auth.tokens.one_time import OneTimeTokens
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository

if TYPE_CHECKING:
    from graphql_auth.passwords.pwned import PwnedPasswordsClient

DOCUMENTS = [
    UserDocument,
    SessionDocument,
    RevocationDocument,
    AttemptDocument,
    MetaDocument,
    LinkDocument,
    OutboxDocument,
]


@dataclass(frozen=True, slots=True)
class ServiceContainer(Services):
    """The services that resolvers call, and the parts behind them. Nothing runs before ``run``."""

    indexes: IndexMonitor
    hash_queue: HashQueue
    admin: UserAdmin
    completion: CompletionService
    pwned_passwords: "PwnedPasswordsClient | None"

    @property
    def periodic_jobs(self) -> list[tuple[float, Work]]:
        """The background jobs, each with the seconds between two runs."""
        jobs: list[tuple[float, Work]] = [
            (SECONDS_BETWEEN_POLLS, self.sessions.revocations.poll),
            (SECONDS_BETWEEN_SWEEPS, self.sessions.revocations.sweep),
            (self.rotation.heartbeat.interval, self.rotation.heartbeat.beat),
            (SECONDS_BETWEEN_COMPLETIONS, self.completion.complete_overdue),
            (SECONDS_BETWEEN_RENEWALS, self.accounts.throttle.renew_leases),
            (CHECK_INTERVAL, self.indexes.check_all),
            (SECONDS_BETWEEN_READS, self.sessions.access_tokens.ring.poll),
        ]
        if self.outbox.sender:
            jobs.append((SECONDS_AFTER_MAILS, self.outbox.sender.send_due))
        return jobs

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Run the threads and connections that the services need.

        Raises StartError when the system refuses to start threads.
        """
        async with self.pwned_passwords or nullcontext():
            self.hash_queue.start()
            try:
                yield
            finally:
                self.hash_queue.close()
                await self.sessions.hooks.close()
                if self.outbox.sender:
                    await self.outbox.sender.close()


def create_services(  # noqa: PLR0913 - all by name and optional
    settings: Settings,
    *,
    processes: int = 1,
    now: Callable[[], float] | None = None,
    user_document: type[UserDocument] = UserDocument,
    hooks: Hooks | None = None,
    mailer: Mailer | None = None,
) -> ServiceContainer:
    """Create the services. ``processes`` share the cores of the machine.

    ``now`` returns seconds since 1970, by default by the clock of the database. Raises StartError
    when a key or a setting of mail is wrong, and ValueError without TOKEN_KEY.
    """
    clock = DatabaseClock()
    seconds, hooks = now or clock, hooks or Hooks()
    indexes = IndexMonitor(DOCUMENTS)
    users = UserRepository(indexes, user_document)
    passwords, hash_queue, pwned = _passwords(settings, processes)
    sessions = _session_service(settings, clock, seconds, hooks)
    parts = _account_parts(settings, users, passwords, sessions, mailer, processes)
    rotation = _rotation(settings, users, sessions, parts.notices)
    return ServiceContainer(
        features=parts.features,
        accounts=AccountService.from_parts(parts),
        sign_up=SignUpService.from_parts(parts),
        password_reset=PasswordResetService.from_parts(parts),
        password_change=PasswordChangeService.from_parts(parts),
        email_change=EmailChangeService.from_parts(parts),
        sign_in_link=SignInLinkService.from_parts(parts),
        admin=UserAdmin.from_parts(parts),
        completion=CompletionService.from_parts(parts),
        sessions=sessions,
        rotation=rotation,
        outbox=parts.outbox,
        indexes=indexes,
        hash_queue=hash_queue,
        pwned_passwords=pwned,
    )


def _account_parts(  # noqa: PLR0913, PLR0917 - what the parts are made of
    settings: Settings,
    users: UserRepository,
    passwords: PasswordService,
    sessions: SessionService,
    mailer: Mailer | None,
    processes: int,
) -> AccountParts:
    now = sessions.now
    links = OneTimeTokens(now)
    outbox = create_outbox(settings, mailer, links.issue, now, processes)
    throttle, devices = _throttle(settings, now), DeviceTokens(*read_secrets(settings))
    notices = Notices(users, throttle, outbox)
    return AccountParts(
        users=users,
        passwords=passwords,
        throttle=throttle,
        device_tokens=devices,
        sessions=sessions,
        gate=SessionGate(users, sessions, devices, settings.requires_confirmation, notices),
        links=links,
        outbox=outbox,
        notices=notices,
        features=_features(settings, outbox),
        hooks=sessions.hooks,
        log=ChangeLog(),
        now=now,
    )


def _session_service(
    settings: Settings, clock: DatabaseClock, seconds: Callable[[], float], hooks: Hooks
) -> SessionService:
    repository, access_tokens = SessionRepository(), create_access_tokens(settings, seconds)
    lifetimes = Lifetimes(
        settings.session_idle_ttl,
        settings.session_ttl,
        settings.refresh_grace,
        settings.max_sessions_per_user,
    )
    staleness = settings.revocation_max_staleness
    revocations = Revocations(repository, clock, settings.token_ttl, staleness)
    return SessionService(repository, revocations, access_tokens, in_utc(seconds), lifetimes, hooks)


def _rotation(
    settings: Settings, users: UserRepository, sessions: SessionService, notices: Notices
) -> RefreshTokenRotation:
    # One query for concurrent reads: without it, 16 clients refresh half as often.
    load_user: LoadUser = DataLoader(users.get_many, cache=False).load
    heartbeat = Heartbeat.for_grace(settings.refresh_grace)
    return RefreshTokenRotation(sessions, load_user, heartbeat, notices.announce_reuse)


def create_outbox(
    settings: Settings,
    mailer: Mailer | None,
    issue_link: IssueLink,
    now: Callable[[], datetime],
    processes: int,
) -> Outbox:
    """Create the outbox, whose sender has to be run; raises StartError."""
    outbox = Outbox(now)
    if mailer is None and settings.smtp_url:
        mailer = SmtpMailer(settings.smtp_url)
    elif mailer is None and settings.is_dev:
        mailer = ConsoleMailer()
    if mailer is None:
        return outbox
    mail_from, url = settings.mail_from, settings.app_url
    if mail_from is None or url is None:
        raise StartError("Mail needs MAIL_FROM, such as no-reply@example.com, and APP_URL.")
    page = parse_app_url(url)
    messages = Messages(mail_from.name, mail_from.email, page, settings.mail_templates)
    check_templates(messages)
    pause = 60 * processes / settings.mail_per_minute
    outbox.sender = Sender(mailer, messages, outbox, issue_link, pause)
    return outbox


def _features(settings: Settings, outbox: Outbox) -> Features:
    has_links = settings.sign_in_links and outbox.is_available
    min_length = settings.password_min_length
    return Features(outbox.is_available, settings.registration, has_links, min_length)


def _throttle(settings: Settings, now: Callable[[], datetime]) -> Throttle:
    return Throttle(
        AttemptRepository(),
        settings.max_failures_per_address,
        settings.max_registrations_per_address,
        now,
    )


def _passwords(
    settings: Settings, processes: int
) -> tuple[PasswordService, HashQueue, "PwnedPasswordsClient | None"]:
    pwned = _pwned_passwords(settings.breached_passwords)
    policy = PasswordPolicy(settings.password_min_length, pwned.is_pwned if pwned else None)
    queue = HashQueue(threads=max(1, count_cores() // processes))
    return PasswordService(PasswordHasher(settings.bcrypt_rounds), queue, policy), queue, pwned


def _pwned_passwords(setting: bool | HttpUrl) -> "PwnedPasswordsClient | None":  # noqa: FBT001 - a setting
    if setting is False:
        return None
    # The HTTP client takes a tenth of a second to import, and few servers need it.
    from graphql_auth.passwords.pwned import HAVE_I_BEEN_PWNED, PwnedPasswordsClient  # noqa: PLC0415

    return PwnedPasswordsClient(HAVE_I_BEEN_PWNED if setting is True else str(setting))
