"""What a command says that Ray ends from within.

Where the raylet of its machine is gone, Ray ends the process that had joined it at once and past Python: no exception,
no `finally`, no word. So a small process beside the command holds a pipe to it, and speaks when the pipe ends before
the command has let go of Ray.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

ENDED = (
    "error: Ray has ended this command: a process of the cluster on this machine was killed or has died\n"
    "hint: nothing that was kept is lost; the same command goes on from here"
)
LET_GO = "\0"
LISTEN = f"""
import sys
words = sys.stdin.buffer.read().decode("utf-8", "replace")
if not words.endswith({LET_GO!r}):
    print(words or {ENDED!r}, file=sys.stderr)
"""


@contextmanager
def last_words() -> Iterator[Callable[[str], None]]:
    """Around all that is done with Ray. What is given to the function is said in place of the general words, if Ray
    ends the process before the end."""
    listener = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", LISTEN],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # what ends the command's group does not end it
    )
    pipe = listener.stdin
    assert pipe

    def tell(words: str) -> None:
        with suppress(OSError):  # the listener was killed: there is nobody to tell
            pipe.write(words.encode())
            pipe.flush()

    try:
        yield tell
    finally:
        tell(LET_GO)
        with suppress(OSError):
            pipe.close()
        listener.wait()
