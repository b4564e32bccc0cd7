"""Both ends of gRPC for the end-to-end tests, with bytes for messages.

grpc_peer.py serve DIRECTORY: a server in clear and one with DIRECTORY/origin.pem and origin.key;
their ports are in DIRECTORY/ports.
grpc_peer.py ask WHAT AUTHORITY PORT [CA]: calls all it has and says what was right."""

import os
import sys
import threading
import time
from concurrent import futures

import grpc

SERVICE = "culvert.Test"
WAIT = 20


class Origin:
    """What the server has."""

    def __init__(self):
        self.lock = threading.Condition()
        self.ended = set()

    def unary(self, request, context):
        sent = dict(context.invocation_metadata())
        context.send_initial_metadata((("x-first", "head"),))
        context.set_trailing_metadata((("x-last", "tail"), ("x-bin-bin", b"\x00\xff")))
        return b"%s/%s" % (request, sent.get("x-asked", "").encode())

    def server_stream(self, request, context):
        for i in range(int(request)):
            yield b"%d" % i
        context.set_trailing_metadata((("x-last", "tail"),))

    def client_stream(self, requests, context):
        count = size = 0
        for request in requests:
            count += 1
            size += len(request)
        return b"%d %d" % (count, size)

    def both(self, requests, context):
        for request in requests:
            yield b"<%s>" % request

    def early(self, requests, context):
        """Answers to the end while the client still speaks."""
        next(requests)
        return b"enough"

    def refuse(self, request, context):
        context.set_trailing_metadata((("x-why", "because"), ("detail-bin", b"\x01\x02")))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not like that: 50 % \u00e4")

    def break_off(self, request, context):
        yield b"one"
        context.abort(grpc.StatusCode.DATA_LOSS, "half of it")

    def note_end(self, request):
        with self.lock:
            self.ended.add(request)
            self.lock.notify_all()

    def hang(self, request, context):
        """Says one word, then nothing until the client is gone."""
        done = threading.Event()
        context.add_callback(done.set)
        # Not behind the wait: a call that is over may not be resumed behind its yield.
        context.add_callback(lambda: self.note_end(request))
        yield b"here"
        done.wait(3 * WAIT)

    def silent(self, request, context):
        for _ in self.hang(request, context):
            pass
        return b""

    def has_ended(self, request, context):
        with self.lock:
            return b"%d" % self.lock.wait_for(lambda: request in self.ended, WAIT / 2)


def handlers(origin):
    one, many = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    table = {
        "Unary": one(origin.unary),
        "ServerStream": many(origin.server_stream),
        "ClientStream": grpc.stream_unary_rpc_method_handler(origin.client_stream),
        "Both": grpc.stream_stream_rpc_method_handler(origin.both),
        "Early": grpc.stream_unary_rpc_method_handler(origin.early),
        "Refuse": one(origin.refuse),
        "BreakOff": many(origin.break_off),
        "Hang": many(origin.hang),
        "Silent": one(origin.silent),
        "HasEnded": one(origin.has_ended),
    }
    return (grpc.method_handlers_generic_handler(SERVICE, table),)


def serve(directory):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64))
    server.add_generic_rpc_handlers(handlers(Origin()))
    with open(os.path.join(directory, "origin.key"), "rb") as key:
        with open(os.path.join(directory, "origin.pem"), "rb") as chain:
            own = grpc.ssl_server_credentials(((key.read(), chain.read()),))
    clear = server.add_insecure_port("127.0.0.1:0")
    secure = server.add_secure_port("127.0.0.1:0", own)
    server.start()
    name = os.path.join(directory, "ports")
    with open(name + ".new", "w", encoding="ascii") as ports:
        ports.write("%d %d\n" % (clear, secure))
    os.rename(name + ".new", name)
    server.wait_for_termination()


class Asker:
    def __init__(self, what, channel):
        self.what = what
        self.channel = channel
        self.wrong = 0

    def path(self, name):
        return "/%s/%s" % (SERVICE, name)

    def same(self, name, got, wanted):
        if got == wanted:
            print("ok - %s: %s" % (self.what, name))
        else:
            self.wrong += 1
            print("not ok - %s: %s: got %r, not %r" % (self.what, name, got, wanted))

    def status_of(self, call):
        call.exception(WAIT)
        return call.code()

    def status_of_stream(self, call):
        try:
            for _ in call:
                pass
        except grpc.RpcError:
            pass
        return call.code()

    def unary(self):
        call = self.channel.unary_unary(self.path("Unary"))
        answer, done = call.with_call(b"hello", timeout=WAIT, metadata=(("x-asked", "yes"),))
        self.same("a unary call", answer, b"hello/yes")
        first = dict(done.initial_metadata())
        last = dict(done.trailing_metadata())
        self.same("its metadata", first.get("x-first"), "head")
        self.same("its trailers", (last.get("x-last"), last.get("x-bin-bin")), ("tail", b"\0\xff"))
        large = os.urandom(3 * 1024 * 1024)
        self.same("a large one", call(large, timeout=WAIT), large + b"/")
        self.same("an empty one", call(b"", timeout=WAIT), b"/")

    def streams(self):
        call = self.channel.unary_stream(self.path("ServerStream"))(b"1000", timeout=WAIT)
        self.same("a stream of the server's", list(call), [b"%d" % i for i in range(1000)])
        self.same("its trailers", dict(call.trailing_metadata()).get("x-last"), "tail")
        none = self.channel.unary_stream(self.path("ServerStream"))(b"0", timeout=WAIT)
        self.same("an empty stream", list(none), [])
        call = self.channel.stream_unary(self.path("ClientStream"))
        sent = (b"x" * 5000 for _ in range(1000))
        self.same("a stream of the client's", call(sent, timeout=WAIT), b"1000 5000000")
        self.same("an empty one of it", call(iter(()), timeout=WAIT), b"0 0")

    def both_ways(self):
        heard = threading.Semaphore(1)

        def speak():
            for i in range(50):
                heard.acquire()  # only behind the answer to the one before
                yield b"%d" % i

        got = []
        for answer in self.channel.stream_stream(self.path("Both"))(speak(), timeout=WAIT):
            got.append(answer)
            heard.release()
        self.same("words and answers in turns", got, [b"<%d>" % i for i in range(50)])
        large = [os.urandom(100000) for _ in range(60)]
        got = list(self.channel.stream_stream(self.path("Both"))(iter(large), timeout=WAIT))
        self.same("much both ways at once", got == [b"<%s>" % m for m in large], True)

    def early_end(self):
        held = threading.Event()

        def speak():
            yield b"1"
            held.wait(WAIT)

        call = self.channel.stream_unary(self.path("Early"))
        self.same("an answer before the client ends", call(speak(), timeout=WAIT), b"enough")
        held.set()

    def errors(self):
        call = self.channel.unary_unary(self.path("Refuse")).future(b"", timeout=WAIT)
        self.same("an answer of trailers only", self.status_of(call), grpc.StatusCode.FAILED_PRECONDITION)
        last = dict(call.trailing_metadata())
        self.same("its words", call.details(), "not like that: 50 % \u00e4")
        self.same("its details", (last.get("x-why"), last.get("detail-bin")), ("because", b"\1\2"))
        call = self.channel.unary_stream(self.path("BreakOff"))(b"", timeout=WAIT)
        self.same("an error within a stream", self.status_of_stream(call), grpc.StatusCode.DATA_LOSS)
        call = self.channel.unary_unary(self.path("Nothing")).future(b"", timeout=WAIT)
        self.same("an unknown method", self.status_of(call), grpc.StatusCode.UNIMPLEMENTED)

    def has_ended(self, name):
        return self.channel.unary_unary(self.path("HasEnded"))(name, timeout=WAIT)

    def ends(self):
        call = self.channel.unary_stream(self.path("Hang"))(b"a" + self.tag, timeout=WAIT)
        self.same("a stream's first word", next(call), b"here")
        call.cancel()
        self.same("what the client leaves ends at the server", self.has_ended(b"a" + self.tag), b"1")
        call = self.channel.unary_unary(self.path("Silent")).future(b"b" + self.tag, timeout=1)
        self.same("a deadline", self.status_of(call), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.same("which the server hears of", self.has_ended(b"b" + self.tag), b"1")

    def many(self):
        call = self.channel.unary_unary(self.path("Unary"))
        calls = [call.future(b"%d" % i, timeout=WAIT) for i in range(300)]
        got = [one.result() for one in calls]
        self.same("300 calls at once", got, [b"%d/" % i for i in range(300)])

    def all(self):
        self.tag = b"%d %f" % (os.getpid(), time.time())
        for part in (self.unary, self.streams, self.both_ways, self.early_end, self.errors,
                     self.ends, self.many):
            try:
                part()
            except grpc.RpcError as error:
                self.wrong += 1
                print("not ok - %s: %s: %s" % (self.what, part.__name__, error))


def ask(what, authority, port, ca=None):
    target = "ipv4:127.0.0.1:%s" % port
    if ca:
        with open(ca, "rb") as roots:
            trusted = grpc.ssl_channel_credentials(roots.read())
        channel = grpc.secure_channel(
            target, trusted, (("grpc.ssl_target_name_override", authority),))
    else:
        channel = grpc.insecure_channel(target, (("grpc.default_authority", authority),))
    with channel:
        asker = Asker(what, channel)
        asker.all()
    sys.exit(1 if asker.wrong else 0)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        ask(*sys.argv[2:])
