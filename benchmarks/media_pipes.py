"""How a server under measurement talks to the benchmark: its port first, then its count for every line it reads.

It ends when its input does, so none outlives the benchmark.
"""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any


def answer_questions(server: Any, counted: Mapping[str, int]) -> None:
    """Run a uvicorn server until the input ends."""
    import uvloop

    async def run() -> None:
        serving = asyncio.ensure_future(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        await talk(server.servers[0].sockets[0].getsockname()[1], counted)
        server.should_exit = server.force_exit = True
        await serving

    uvloop.run(run())


async def talk(port: int, counted: Mapping[str, int]) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(port, flush=True)
    while await reader.readline():
        print(counted["messages"], flush=True)
