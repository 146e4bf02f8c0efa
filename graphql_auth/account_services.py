"""The services of accounts, created and connected."""

from collections.abc import Callable
from typing import Any

from graphql_auth.accounts.admin import UserAdmin
from graphql_auth.accounts.change_log import ChangeLog
from graphql_auth.accounts.email_change import EmailChangeService
from graphql_auth.accounts.features import Features
from graphql_auth.accounts.gate import SessionGate
from graphql_auth.accounts.notices import Notices
from graphql_auth.accounts.password_change import PasswordChangeService
from graphql_auth.accounts.password_reset import PasswordResetService
from graphql_auth.accounts.service import AccountService
from graphql_auth.accounts.sign_in_link import SignInLinkService
from graphql_auth.accounts.sign_up import SignUpService
from graphql_auth.hooks import Hooks
from graphql_auth.mail.outbox import Outbox
from graphql_auth.passwords.service import PasswordService
from graphql_auth.sessions.service import SessionService
from graphql_auth.settings import Settings
from graphql_auth.throttling.device_tokens import DeviceTokens
from graphql_auth.throttling.throttle import Throttle
from graphql_auth.tokens.one_time import OneTimeTokens
from graphql_auth.users.repository import UserRepository


def create_account_services(  # noqa: PLR0913, PLR0917 - the parts of AccountParts
    settings: Settings,
    users: UserRepository,
    passwords: PasswordService,
    throttle: Throttle,
    devices: DeviceTokens,
    sessions: SessionService,
    links: OneTimeTokens,
    outbox: Outbox,
    hooks: Hooks,
    now: Callable[[], float],
) -> dict[str, Any]:
    """Return the features and the services of accounts, by their names in ServiceContainer."""
    notices = Notices(users, throttle, outbox)
    gate = SessionGate(users, sessions, devices, settings.requires_confirmation, notices)
    hooks.before_reuse = notices.announce_reuse if outbox.is_available else None
    has_links = settings.sign_in_links and outbox.is_available
    min_length = settings.password_min_length
    features = Features(outbox.is_available, settings.registration, has_links, min_length)
    sign_in_parts = users, passwords, throttle, devices, sessions, gate
    parts = *sign_in_parts, links, outbox, notices, features, hooks, ChangeLog(), now
    return {
        "features": features,
        "accounts": AccountService(*parts),
        "sign_up": SignUpService(*parts),
        "password_reset": PasswordResetService(*parts),
        "password_change": PasswordChangeService(*parts),
        "email_change": EmailChangeService(*parts),
        "sign_in_link": SignInLinkService(*parts),
        "admin": UserAdmin(*parts),
    }
