"""`make docs`: every block of README.md and docs/ runs as it is on the page, in order."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.accounts import AccountsPage
from tests.docs.blocks import PAGES, read_blocks
from tests.docs.deploying import DeployingPage
from tests.docs.moving import MovingPage
from tests.docs.other_services import OtherServicesPage
from tests.docs.readers import (
    EmbeddedPage,
    ExtendingPage,
    Page,
    ReadmePage,
    RunningPage,
    SessionsPage,
)

READERS = {
    "accounts.md": AccountsPage,
    "embedded-mongodb.md": EmbeddedPage,
    "deploying.md": DeployingPage,
    "extending.md": ExtendingPage,
    "README.md": ReadmePage,
    "running.md": RunningPage,
    "sessions.md": SessionsPage,
    "moving.md": MovingPage,
    "other-services.md": OtherServicesPage,
}
FOLLOWED = [path for path in PAGES if read_blocks(path)]


@pytest.mark.parametrize("path", FOLLOWED, ids=lambda path: path.name)
def test_page(path: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        READERS.get(path.name, Page)(path, tmp_path, stack).follow()


def test_blocks_that_are_not_run_have_a_reason() -> None:
    for path in PAGES:
        for block in read_blocks(path):
            if block.reason is not None:
                print(f"Not run: {block.place}: {block.reason}")
