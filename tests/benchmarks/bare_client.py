"""A bare asyncio client, and no more: `python bare_client.py URL PARQUET [TIMES]`. The floor a harness is held against.

It reads the rows before it starts, and makes each body as it is sent: base64, JSON, one POST over 64 connections; of
each row so often, once if left out.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from typing import Any

import aiohttp
import pyarrow.parquet as pq

CONNECTIONS = 64


def body(row: dict[str, Any]) -> bytes:
    content: list[dict[str, Any]] = [{"type": "text", "text": row["question"]}]
    if row.get("image"):
        url = f"data:image/png;base64,{base64.b64encode(row['image']).decode()}"
        content.insert(0, {"type": "image_url", "image_url": {"url": url}})
    message = {"role": "user", "content": content}
    return json.dumps({"model": "m", "messages": [message], "max_tokens": 256, "temperature": 0.0}).encode()


async def ask_all(url: str, rows: list[dict[str, Any]]) -> list[str]:
    slots = asyncio.Semaphore(CONNECTIONS)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def ask(row: dict[str, Any]) -> str:
            async with slots, session.post(f"{url}/v1/chat/completions", data=body(row)) as reply:
                return (await reply.json())["choices"][0]["message"]["content"]

        return await asyncio.gather(*map(ask, rows))


if __name__ == "__main__":
    columns = pq.read_schema(sys.argv[2]).names
    found = pq.read_table(sys.argv[2], columns=[name for name in ("question", "image") if name in columns]).to_pylist()
    times = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    print(len(asyncio.run(ask_all(sys.argv[1], [row for row in found for _ in range(times)]))))
