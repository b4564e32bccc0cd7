"""An HTTP proxy for one machine: every name is this one. Says "METHOD TARGET AUTHORIZATION" to
stderr for each request that it was asked. usage: proxy.py PORT"""
import asyncio
import sys


async def copy(reader, writer):
    try:
        while True:
            data = await reader.read(65536)
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        writer.close()


def here(place):
    return "127.0.0.1", int(place.rpartition(":")[2])


async def serve(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    fields = {name.lower(): value.strip() for name, _, value in
              (line.partition(":") for line in lines[1:] if line)}
    print(method, target, fields.get("proxy-authorization", "-"), file=sys.stderr, flush=True)
    if method == "CONNECT":
        place = target
    else:
        place, _, path = target.removeprefix("http://").partition("/")
        lines[0] = f"{method} /{path} HTTP/1.1"
        lines[1:] = [line for line in lines[1:] if not line.lower().startswith("connection:")]
        lines.insert(1, "Connection: close")
    try:
        far_reader, far_writer = await asyncio.open_connection(*here(place))
    except OSError:
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        return
    if method == "CONNECT":
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    else:
        far_writer.write("\r\n".join(lines).encode("latin-1"))
    await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))
    writer.close()
    far_writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    async with server:
        await server.serve_forever()


asyncio.run(main())
