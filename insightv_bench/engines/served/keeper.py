"""Keeps one server for one run: `keeper.py FILE LOG COMMAND...`, a script that imports nothing of this package.

The end of standard input is the end of the run, whatever brought it about, a SIGKILL included: the server is asked to
end, and what is left of its process group is killed. FILE tells both processes, so that a later run finds them where
this one was killed too.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

SECONDS_TO_END = 15.0
"""For a server that is asked to; then it is killed."""


def started_at(pid: int) -> str:
    """When a process began, as the system has it; empty where there is none. With it a pid names one process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        if Path("/proc/self/stat").exists():
            return ""
        words = ["ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    return "" if fields[0] in ("Z", "X") else f"{boot()} {fields[19]}"


def boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def main() -> None:
    file, log, command = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    known = {"keeper": os.getpid(), "server": server.pid, "command": command}
    known |= {f"{name}_started": started_at(pid) for name, pid in (("keeper", os.getpid()), ("server", server.pid))}
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(known) + "\n", encoding="utf-8")
    partial.replace(file)
    threading.Thread(target=end_with_the_run, args=(server,), daemon=True).start()
    server.wait()
    os.killpg(os.getpgrp(), signal.SIGKILL)  # with all that the server began, and this process


def end_with_the_run(server: subprocess.Popen[bytes]) -> None:
    while os.read(0, 4096):
        pass
    server.terminate()
    try:
        server.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    main()
