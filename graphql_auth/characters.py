"""Invisible characters, as classes of regular expressions.

The default-ignorable code points include all bidirectional controls. The standard library has no
table of them: https://www.unicode.org/Public/17.0.0/ucd/DerivedCoreProperties.txt
"""

import re
import unicodedata

_DEFAULT_IGNORABLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_NONCHARACTERS = r"\ufdd0-\ufdef" + "".join(
    rf"\U{plane:04x}fffe\U{plane:04x}ffff" for plane in range(17)
)
# C0 and C1 controls, line and paragraph separators, lone surrogates, interlinear annotations.
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufff9-\ufffb"
# Blank in most fonts: Braille pattern blank, object replacement, Khitan filler, null notehead.
_BLANK = r"\u2800\ufffc\U00016fe4\U0001d159"
_INVISIBLE = _CONTROLS + _NONCHARACTERS + _DEFAULT_IGNORABLE + _BLANK
# Allowed in names: zero-width joiners (Persian, Malayalam, emoji), variation selectors (emoji,
# Mongolian, Han) and the blank Braille pattern, which is a space.
_SPELLING = r"\u200c\u200d\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef\u2800"

INVISIBLE = re.compile(f"[{_INVISIBLE}]")
INVISIBLE_IN_NAME = re.compile(f"(?![{_SPELLING}])[{_INVISIBLE}]")


def is_blank(text: str) -> bool:
    """Whether a text has no visible character."""
    return all(
        character.isspace() or INVISIBLE.match(character) or unicodedata.category(character) == "Cf"
        for character in text
    )
