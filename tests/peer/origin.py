"""A small origin for the scripts in here: python3 origin.py PORT

GET  /            "hello"            /head        the request as it came
     /bytes/N     N bytes, with a length           /chunked/N  the same, chunked
     /sleep/S     an answer after S seconds        /events     three events, a second apart
     /status/N    an empty answer with that status
POST, PUT         the length and the SHA-256 of the body
"""
import hashlib
import http.server
import sys
import time

BLOCK = bytes(range(256)) * 256


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, body, status=200, **fields):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def send_bytes(self, count, chunked):
        self.send_response(200)
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked
                           else ("Content-Length", str(count))))
        self.end_headers()
        if self.command == "HEAD":
            return
        while count > 0:
            data = BLOCK[:count]
            if chunked:
                self.chunk(data)
            else:
                self.wfile.write(data)
            count -= len(data)
        if chunked:
            self.chunk(b"")

    def send_events(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(3):
            self.chunk(b"data: %d\n\n" % number)
            time.sleep(1)
        self.chunk(b"")

    def do_GET(self):
        kind, _, value = self.path.lstrip("/").partition("/")
        if kind in ("bytes", "chunked"):
            self.send_bytes(int(value), kind == "chunked")
        elif kind == "events":
            self.send_events()
        elif kind == "head":
            self.answer(f"{self.requestline}\n{self.headers}".encode())
        elif kind == "status":
            self.answer(b"", int(value), X_Origin="yes")
        else:
            if kind == "sleep":
                time.sleep(float(value))
            self.answer(b"hello\n", Set_Cookie="a=1")

    do_HEAD = do_DELETE = do_GET

    def read_body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            left = int(self.headers.get("Content-Length", 0))
            while left > 0:
                data = self.rfile.read(min(left, 65536))
                left -= len(data)
                yield data
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def do_POST(self):
        digest = hashlib.sha256()
        length = 0
        for data in self.read_body():
            digest.update(data)
            length += len(data)
        self.answer(f"{length} {digest.hexdigest()}\n".encode())

    do_PUT = do_POST


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256


Server(("127.0.0.1", int(sys.argv[1])), Origin).serve_forever()
