"""The two parties of websocket_test.sh, over python3-websockets.

    websocket.py origin PORT REPORT   an echo server with a page; what the page tells goes to REPORT
    websocket.py visit URL PORT CA    a visitor of URL over 127.0.0.1:PORT; prints "ok" or why not
    websocket.py hold URL PORT        opens one, says "open", and how it was closed in the end
    websocket.py break PORT           an origin that says a word and breaks off with bytes unread
    websocket.py word HOST PORT       its visitor; prints what it heard, and how that ended
"""

import asyncio
import http
import socket
import ssl
import sys
import threading
import time
import urllib.parse

import websockets

PAGE = """<!doctype html><title>WebSocket</title><script>
const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const ws = new WebSocket(scheme + "//" + location.host + "/ws", "chat");
const big = new Uint8Array(300000).map((_, i) => i % 251);
const echoes = [];
ws.binaryType = "arraybuffer";
ws.onopen = () => { ws.send("hello"); ws.send(big); ws.send("close 4003 goodbye"); };
ws.onmessage = (event) => {
    const same = typeof event.data === "string" ? event.data === "hello"
        : new Uint8Array(event.data).every((byte, i) => byte === big[i]);
    echoes.push(typeof event.data === "string" ? "text" : "bytes " + event.data.byteLength,
                same ? "same" : "other");
};
ws.onclose = (event) => fetch("/report?" + encodeURIComponent([location.protocol, ws.protocol,
    ...echoes, event.code, event.reason, event.wasClean ? "clean" : "broken"].join(" ")));
</script>"""


async def serve(port, report):
    async def talk(ws):
        async for message in ws:
            if isinstance(message, str) and message.startswith("close "):
                _, code, reason = message.split(" ", 2)
                await ws.close(int(code), reason)
            elif message == "ping me":
                await (await ws.ping(b"are you there"))
                await ws.send("you answered")
            else:
                await ws.send(message)

    async def echo(ws, path):
        try:
            await talk(ws)
        except websockets.ConnectionClosed:
            pass
        with open(report, "a", encoding="utf-8") as file:
            file.write(f"closed {ws.close_code} {ws.close_reason}\n")

    async def page(path, headers):
        if path == "/refuse":
            return http.HTTPStatus.FORBIDDEN, [("Content-Type", "text/plain")], b"not you\n"
        if path.startswith("/report?"):
            with open(report, "a", encoding="utf-8") as file:
                file.write(urllib.parse.unquote(path.split("?", 1)[1]) + "\n")
            return http.HTTPStatus.NO_CONTENT, [], b""
        if path.startswith("/ws"):
            return None
        return http.HTTPStatus.OK, [("Content-Type", "text/html")], PAGE.encode()

    async with websockets.serve(echo, "127.0.0.1", port, subprotocols=["chat"],
                                process_request=page, max_size=None):
        await asyncio.Future()


def tls(url, ca):
    return ssl.create_default_context(cafile=ca) if url.startswith("wss:") else None


async def visit(url, port, ca):
    where = {"host": "127.0.0.1", "port": port, "max_size": None, "ssl": tls(url, ca)}
    if where["ssl"]:
        where["server_hostname"] = urllib.parse.urlsplit(url).hostname
    async with websockets.connect(url + "/ws", subprotocols=["other", "chat"], **where) as ws:
        assert ws.subprotocol == "chat", ws.subprotocol
        assert [e.name for e in ws.extensions] == ["permessage-deflate"], ws.extensions
        for size in (0, 1, 125, 126, 65535, 65536, 3_000_000):
            data = bytes(i * 7 % 251 for i in range(size))
            await ws.send(data)
            assert await ws.recv() == data, size
        await ws.send(["in ", "three ", "pieces"])
        assert await ws.recv() == "in three pieces"
        await ws.send("ping me")
        assert await ws.recv() == "you answered"
        await asyncio.wait_for(await ws.ping(b"payload"), 10)
        await ws.send("close 4001 because")
        try:
            await ws.recv()
        except websockets.ConnectionClosed as end:
            assert (end.rcvd.code, end.rcvd.reason) == (4001, "because"), end
    async with websockets.connect(url + "/ws", compression=None, **where) as ws:
        await ws.close(4002, "enough")
    try:
        await websockets.connect(url + "/refuse", **where)
        raise AssertionError("it was not refused")
    except websockets.InvalidStatusCode as refusal:
        assert refusal.status_code == 403, refusal
    print("ok")


async def hold(url, port):
    async with websockets.connect(url + "/ws", host="127.0.0.1", port=port) as ws:
        print("open", flush=True)
        try:
            await ws.recv()
        except websockets.ConnectionClosed as end:
            print("closed", "by a frame" if end.rcvd else "without a frame", flush=True)


def break_off(port):
    def answer(visitor):
        visitor.recv(4096)
        visitor.sendall(b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        time.sleep(0.3)  # until enough lies unread
        visitor.sendall(b"because")
        visitor.close()

    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            threading.Thread(target=answer, args=listener.accept()[:1], daemon=True).start()


def hear_word(host, port):
    visitor = socket.create_connection(("127.0.0.1", port), timeout=20)
    visitor.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n"
                    "Upgrade: websocket\r\n\r\n".encode())
    got = b""
    while b"\r\n\r\n" not in got:
        got += visitor.recv(4096)

    def talk():
        try:
            visitor.sendall(bytes(300000))
        except OSError:
            pass

    threading.Thread(target=talk, daemon=True).start()
    end = "an end"
    try:
        while data := visitor.recv(4096):
            got += data
    except ConnectionResetError:
        end = "a reset"
    print(got.split(b"\r\n\r\n", 1)[1].decode(), "and", end)


def main():
    what, *rest = sys.argv[1:]
    if what == "origin":
        asyncio.run(serve(int(rest[0]), rest[1]))
    elif what == "visit":
        asyncio.run(visit(rest[0], int(rest[1]), rest[2]))
    elif what == "break":
        break_off(int(rest[0]))
    elif what == "word":
        hear_word(rest[0], int(rest[1]))
    else:
        asyncio.run(hold(rest[0], int(rest[1])))


main()
