import signal
import subprocess
import sys

from tests.process import has_ended


def test_a_child_ends_when_its_parent_is_killed() -> None:
    program = (
        "import os, time; from graphql_auth.runtime.process import die_with_parent\n"
        "parent = os.getpid()\n"
        "if os.fork() == 0:\n"
        "    die_with_parent(parent); print(os.getpid(), flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())

    parent.kill()
    parent.wait()
    parent.stdout.close()

    assert has_ended(child)


def test_child_of_a_dead_parent_ends_at_once() -> None:
    # Its own id is never that of its parent; 1 would be, where the tests run as process 1.
    program = (
        "import os; from graphql_auth.runtime.process import die_with_parent as die;"
        " die(os.getpid())"
    )

    ended = subprocess.run([sys.executable, "-c", program], check=False)

    assert ended.returncode == -signal.SIGKILL


def test_a_child_whose_parent_lives_goes_on() -> None:
    program = (
        "import os; from graphql_auth.runtime.process import die_with_parent\n"
        "die_with_parent(os.getppid()); print('on')"
    )

    assert subprocess.check_output([sys.executable, "-c", program]) == b"on\n"
