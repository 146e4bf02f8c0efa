"""Run a command where the kernel refuses some calls, as systemd, gVisor or Cloud Run can have it.

    python -m tests.seccomp setpriority,prctl COMMAND …

It ends with status 77 where the kernel takes no filter.
"""

import ctypes
import os
import platform
import struct
import sys
from typing import NamedTuple

NO_FILTERS = 77
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, REFUSE_WITH_EPERM = 0x7FFF0000, 0x00050000 | 1
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06


class Call(NamedTuple):
    """A system call: its number on x86-64 and on ARM64, and what one argument is or is not."""

    x86_64: int
    aarch64: int
    argument: int = 0
    value: int | None = None
    is_equal: bool = True


CALLS = {
    "setpriority": Call(141, 140),
    "sched_setscheduler": Call(144, 119),
    "prctl": Call(157, 167),
    "sched_getaffinity": Call(204, 123),
    # TCP_USER_TIMEOUT and no other option.
    "tcp_user_timeout": Call(54, 208, argument=2, value=18),
    # To change a limit, not to read it.
    "setrlimit": Call(302, 261, argument=2, value=0, is_equal=False),
}


def program(names: list[str]) -> bytes:
    """The filter in the language of BPF."""
    lines: list[tuple[int, int, int, int]] = []
    for name in names:
        call = CALLS[name]
        number = call.x86_64 if platform.machine() == "x86_64" else call.aarch64
        test: list[tuple[int, int, int, int]] = []
        if call.value is not None:
            skipped = (0, 1) if call.is_equal else (1, 0)
            test = [(LOAD, 0, 0, 16 + 8 * call.argument), (IF_EQUAL, *skipped, call.value)]
        lines += [
            (LOAD, 0, 0, 0),
            (IF_EQUAL, 0, len(test) + 1, number),
            *test,
            (RETURN, 0, 0, REFUSE_WITH_EPERM),
        ]
    lines.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def install(code: bytes) -> bool:
    """Whether the kernel takes the filter, for this process and all that it starts."""
    libc = ctypes.CDLL(None)
    buffer = ctypes.create_string_buffer(code)
    head = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    return bool(
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        and libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0) == 0
    )


if __name__ == "__main__":
    if not install(program(sys.argv[1].split(","))):
        sys.exit(NO_FILTERS)
    os.execvp(sys.argv[2], sys.argv[2:])
