"""Any server that speaks OpenAI's chat completions.

server.py    the engine: what is asked, what a reply says, what is given up
client.py    HTTP to one server, by aiohttp
payload.py   a request's JSON with its images, sent in slices
replies.py   what a body says: a completion in every vendor's habits, the words of an error
spelling.py  the keys of a request: which setting sends each, and how another server spells the same
retries.py   what may go wrong, what is tried again, and how long to wait before
"""

from __future__ import annotations

from .payload import encode
from .retries import Trouble
from .server import Server, earlier_label, revision_of
