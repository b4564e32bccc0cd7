#!/usr/bin/env python3
"""Stands between connectors and an edge, at a few ports, and cuts connections when it is told.

  cutter.py EDGE COUNT ORDERS      prints its ports, then reads words from the FIFO:
    mark       bytes are counted from here
    busiest    prints the port that carried most bytes since
    spare P    from now on cuts the connections of all other ports, again and again
    rest       cuts nothing any more
    cut P      cuts that port's connections
    count      prints how many connections were cut"""
import asyncio
import sys

PERIOD = 0.25


class Cutter:
    def __init__(self, edge):
        self.edge = edge.rsplit(":", 1)
        self.open = {}  # port -> pairs of writers; a connector may dial one port twice
        self.bytes = {}
        self.spared = None
        self.cuts = 0

    async def copy(self, port, reader, writer):
        try:
            while data := await reader.read(65536):
                self.bytes[port] = self.bytes.get(port, 0) + len(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def accept(self, port, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(self.edge[0],
                                                                   int(self.edge[1]))
        except OSError:
            writer.close()
            return
        pair = (writer, far_writer)
        self.open.setdefault(port, set()).add(pair)
        await asyncio.gather(self.copy(port, reader, far_writer),
                             self.copy(port, far_reader, writer))
        self.open[port].discard(pair)

    def cut(self, port):
        for pair in list(self.open[port]):
            for writer in pair:
                writer.transport.abort()
            self.open[port].discard(pair)
            self.cuts += 1

    async def go_on_cutting(self):
        while True:
            await asyncio.sleep(PERIOD)
            if self.spared is not None:
                for port in list(self.open):
                    if port != self.spared:
                        self.cut(port)

    def obey(self, words):
        if words[0] == "mark":
            self.bytes = {}
        elif words[0] == "busiest":
            print(max(self.bytes, key=self.bytes.get), flush=True)
        elif words[0] == "spare":
            self.spared = int(words[1])
        elif words[0] == "rest":
            self.spared = None
        elif words[0] == "cut":
            self.cut(int(words[1]))
        elif words[0] == "count":
            print(self.cuts, flush=True)

    async def run(self, count, orders):
        ports = []
        for _ in range(count):
            server = await asyncio.start_server(None, "127.0.0.1", 0)
            ports.append(server.sockets[0].getsockname()[1])
            server.close()
            await server.wait_closed()
        for port in ports:
            await asyncio.start_server(lambda r, w, p=port: self.accept(p, r, w), "127.0.0.1",
                                       port)
        print(*ports, flush=True)
        asyncio.ensure_future(self.go_on_cutting())
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), orders)
        while line := await reader.readline():
            if line.split():
                self.obey(line.decode().split())


if __name__ == "__main__":
    with open(sys.argv[3], "rb", buffering=0) as fifo:
        asyncio.run(Cutter(sys.argv[1]).run(int(sys.argv[2]), fifo))
