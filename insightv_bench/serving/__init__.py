"""Any one-by-one engine behind HTTP, for tests and demonstrations; it knows no stage and no run.

server.py   an OpenAI-compatible chat server
faults.py   replies that go wrong as they do in the wild
"""

from __future__ import annotations

from .faults import FAULTS, Faults
from .server import LOCAL, ChatServer, Manners, Refused, as_request
