"""QEMU's own Python client, to compare with. Each run prints one figure.

qemu_qmp.py commands SOCKET COUNT WINDOW   commands a second, WINDOW of them in flight
qemu_qmp.py events SOCKET COUNT            events a second, from events_producer
"""

import asyncio
import sys
import time

from qemu.qmp import QMPClient


async def commands(client, count, window):
    async def worker(times):
        for _ in range(times):
            await client.execute("query-status")

    start = time.monotonic()
    await asyncio.gather(*(worker(count // window) for _ in range(window)))
    return count // window * window / (time.monotonic() - start)


async def events(client, count):
    with client.listener() as listener:
        start = time.monotonic()
        await client.execute("query-status")
        for _ in range(count):
            await listener.get()
        return count / (time.monotonic() - start)


async def main(mode, socket, *numbers):
    client = QMPClient("bench")
    await client.connect(socket)
    run = {"commands": commands, "events": events}[mode]
    print("%.3f" % await run(client, *map(int, numbers)))
    await client.disconnect()


asyncio.run(main(*sys.argv[1:]))
