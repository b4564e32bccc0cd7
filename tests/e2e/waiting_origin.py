"""An origin that ends its answer to /waits when a file is there: PORT FILE."""
import http.server, os, sys, time

class Origin(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.flush()
        while self.path == "/waits" and not os.path.exists(sys.argv[2]):
            time.sleep(0.02)
        self.wfile.write(b"whole")

    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Origin).serve_forever()
