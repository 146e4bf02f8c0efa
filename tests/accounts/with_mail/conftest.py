"""Services that send mail, to a mailbox of the tests."""

import functools

import pytest

from tests.mail.mailbox import Mailbox
from tests.services import NewServices


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def new_services(new_services: NewServices, mailbox: Mailbox) -> NewServices:
    return functools.partial(new_services, mailer=mailbox)
