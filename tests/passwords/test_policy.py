import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from graphql_auth.passwords.hasher import normalize
from graphql_auth.passwords.policy import PasswordPolicy

pytestmark = pytest.mark.anyio

RULES = PasswordPolicy(8)
OWN = ("Ada", "Lovelace", "ada.king@example.com")
COMMON = list(FREQUENCY_LISTS["passwords"])


async def reason(password: str, rules: PasswordPolicy = RULES) -> str | None:
    fault = await rules.check("password", password, OWN)
    return fault.reason if fault else None


@pytest.mark.parametrize("shortest", [8, 15])
async def test_password_below_min_length_is_too_short(shortest: int) -> None:
    rules = PasswordPolicy(shortest)

    for character in ("\u00e9", "e\u0301", "\U0001f64c", " "):
        varied = "x" + character * (shortest - 2)
        assert await reason(varied, rules) == "TOO_SHORT"
        assert await reason(varied + "y", rules) is None


@pytest.mark.parametrize(
    "password",
    [
        "all lower case",
        "28374650192837",
        "            x y",
        "\u043f\u0430\u0440\u043e\u043b\u044c \u043d\u0430 \u0434\u0432\u0430",
        "\U0001f434\U0001f50b\U0001f4ce\u2705 \U0001f434\U0001f50b\U0001f4ce",
        "x" * 256 + "y",
        # Neighbours in the list.
        f"{COMMON[0]}\xa0{COMMON[1]}",
    ],
)
async def test_no_kind_of_character_is_required_or_refused(password: str) -> None:
    assert await reason(password) is None


def test_list_of_common_passwords_is_read_without_its_package() -> None:
    """The package takes 11 MB more, in each process."""
    code = "import sys; from graphql_auth.passwords.policy import PasswordPolicy; PasswordPolicy(8)"
    code += "; import graphql_auth.app; print([name for name in sys.modules if 'zxcvbn' in name])"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout == "[]\n"


async def test_common_passwords_are_refused() -> None:
    assert len(COMMON) >= 10_000
    long_enough = [password for password in COMMON if len(password) >= 8]
    assert len(long_enough) >= 10_000

    let_pass = [password for password in long_enough if await reason(password) is None]

    assert let_pass == []


@pytest.mark.parametrize(
    "password",
    [
        "Password",
        "PASSWORD",
        "password1",
        "pAssword2026",
        "dragon12",
        "\uff50\uff41\uff53\uff53word",
    ],
)
async def test_common_password_in_any_case_with_digits_is_refused(password: str) -> None:
    assert await reason(password) == "TOO_COMMON"


@pytest.mark.parametrize(
    "password",
    [
        "Lovelace",
        "lovelace1815",
        "Ada Lovelace",
        "adalovelace",
        "LovelaceAda",
        "ada.king@example.com",
        "ADA.KING",
        "ada.king1815",
        "graphql-auth",
        "GraphQLAuth1",
    ],
)
async def test_own_name_is_too_personal(password: str) -> None:
    assert await reason(password) == "TOO_PERSONAL"


async def test_password_may_contain_the_own_name() -> None:
    assert await reason("ada likes horses") is None


async def test_pwned_password_is_refused_after_all_other_checks() -> None:
    asked = []

    async def is_breached(password: str) -> bool:
        asked.append(password)
        return password == "battery staple"

    rules = PasswordPolicy(8, is_breached)

    assert await reason("short", rules) == "TOO_SHORT"
    assert await reason("password", rules) == "TOO_COMMON"
    assert await reason("battery staple", rules) == "BREACHED"
    assert await reason("correct horse", rules) is None
    assert asked == ["battery staple", "correct horse"]


@given(st.text(min_size=1, max_size=40))
async def test_check_accepts_any_text(password: str) -> None:
    judged = await reason(password)

    assert (judged == "TOO_SHORT") == (len(normalize(password)) < 8)
