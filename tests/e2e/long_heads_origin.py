"""An origin whose answer to /NxM has M fields of N bytes, and says how long the request's is: PORT."""
import http.server, sys

class Origin(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"%d\n" % len(self.headers.get("X-Asks", ""))
        size, count = self.path[1:].split("x")
        self.send_response(200)
        for _ in range(int(count)):
            self.send_header("X-Long", "~" * int(size))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Origin).serve_forever()
