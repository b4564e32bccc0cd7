#!/usr/bin/env python3
"""Bytes over a WebSocket, in binary messages: a stand-in for the client of services of bytes.

  ws_pipe.py URL HOST:PORT [--header N:V]          standard input and output
  ws_pipe.py URL HOST:PORT --listen PORT           each TCP connection to 127.0.0.1:PORT

URL is what the visitor asks for (ws or wss), HOST:PORT where the edge listens. SSL_CERT_FILE names
the roots for wss. The exit status is 0 when the other side ended with a close frame of code 1000."""
import argparse
import asyncio
import ssl
import sys

import websockets

CHUNK = 64 * 1024


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("edge")
    parser.add_argument("--listen", type=int)
    parser.add_argument("--header", action="append", default=[])
    return parser.parse_args()


def connect(options):
    host, port = options.edge.rsplit(":", 1)
    headers = [tuple(h.split(":", 1)) for h in options.header]
    tls = ssl.create_default_context() if options.url.startswith("wss:") else None
    return websockets.connect(options.url, host=host, port=int(port), ssl=tls, max_size=None,
                              extra_headers=headers, close_timeout=5)


async def send_all(reader, socket):
    while True:
        data = await reader.read(CHUNK)
        if not data:
            break
        await socket.send(data)
    await socket.close()


async def pipe(options, reader, write):
    async with connect(options) as socket:
        sending = asyncio.ensure_future(send_all(reader, socket))
        try:
            async for message in socket:
                await write(message)
        except websockets.ConnectionClosedError:
            pass
        sending.cancel()
        return socket.close_code


async def use_stdio(options):
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def write(data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    return await pipe(options, reader, write)


async def serve(options):
    async def accepted(reader, writer):
        async def write(data):
            writer.write(data)
            await writer.drain()

        try:
            await pipe(options, reader, write)
        finally:
            writer.close()

    server = await asyncio.start_server(accepted, "127.0.0.1", options.listen)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    OPTIONS = arguments()
    if OPTIONS.listen:
        asyncio.run(serve(OPTIONS))
    else:
        sys.exit(0 if asyncio.run(use_stdio(OPTIONS)) == 1000 else 1)
