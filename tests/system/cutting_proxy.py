"""A proxy between the daemon and the stand-in for the provider that ends connections: at which byte
of a POST or of its answer and how is planned. It ends TLS on both sides, so that it knows what it
cuts; bytes of TLS itself are cut in tests/bytes. What a POST is for stands in its first line, so a
cut within that line comes right behind it."""

import collections
import socket
import ssl
import struct
import threading

ENDINGS = ("close_notify", "fin", "reset", "stall")
BOUND = 120.0  # seconds, for a peer that says nothing

# side: "request" or "answer"; applied: whether the provider gets the request whose answer is cut.
Cut = collections.namedtuple("Cut", "side offset ending applied")


def length_of(head):
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


class Gone(Exception):
    """The peer has ended."""


class Reader:
    """Messages of one connection."""

    def __init__(self, link):
        self.link = link
        self.buffer = b""

    def more(self, size=65536):
        try:
            part = self.link.recv(size)
        except (OSError, ValueError):
            part = b""
        if not part:
            raise Gone
        self.buffer += part

    def start(self, size):
        """The first bytes of what comes, without taking them."""
        while len(self.buffer) < size:
            self.more()
        return self.buffer[:size]

    def message(self):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        end = self.buffer.index(b"\r\n\r\n") + 4
        if b"\r\ntransfer-encoding: chunked\r\n" in self.buffer[:end].lower():
            while not self.buffer.endswith(b"\r\n0\r\n\r\n"):
                self.more()
            size = len(self.buffer)  # the stand-in never sends two answers at once
        else:
            size = end + length_of(self.buffer[:end])
        while len(self.buffer) < size:
            self.more()
        whole, self.buffer = self.buffer[:size], self.buffer[size:]
        return whole


class CuttingProxy:
    def __init__(self, certificate, key, authority, upstream_port):
        self.upstream_port = upstream_port
        self.server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server_tls.load_cert_chain(certificate, key)
        self.client_tls = ssl.create_default_context(cafile=authority)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.plan = collections.deque()  # of Cut or None, one for each POST of a case
        self.played = 0
        self.sizes = {}  # "request", "answer": of the last POST that passed
        self.last_answer = b""
        self.open = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()
        with self.lock:
            for link in self.open:
                try:
                    link.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            link.settimeout(BOUND)
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def next_cut(self):
        with self.lock:
            return self.plan.popleft() if self.plan else None

    def serve(self, raw):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.open.add(raw)
        upstream = None
        link = raw
        try:
            link = self.server_tls.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False)
            with self.lock:
                self.open.discard(raw)
                self.open.add(link)
            reader = Reader(link)
            upstream = Reader(self.client_tls.wrap_socket(
                socket.create_connection(("127.0.0.1", self.upstream_port), timeout=BOUND),
                server_hostname="localhost"))
            while self.pass_one(link, reader, upstream):
                pass
        except (Gone, OSError):
            pass
        finally:
            with self.lock:
                self.open.discard(raw)
                self.open.discard(link)
            link.close()
            if upstream:
                upstream.link.close()

    def pass_one(self, link, reader, upstream):
        while b"\r\n" not in reader.buffer:
            reader.more()
        verb, target, _ = reader.buffer.split(b" ", 2)
        if verb == b"POST" and target.endswith(b"/cdd/cases"):
            return self.pass_post(self.next_cut(), link, reader, upstream)
        upstream.link.sendall(reader.message())
        link.sendall(upstream.message())
        return True

    def pass_post(self, cut, link, reader, upstream):
        if cut and cut.side == "request":
            reader.start(cut.offset)
            return self.end(cut, link)
        request = reader.message()
        if cut and not cut.applied:
            answer = self.last_answer
        else:
            upstream.link.sendall(request)
            answer = upstream.message()
        if cut:
            link.sendall(answer[:min(cut.offset, len(answer) - 1)])
            return self.end(cut, link)
        with self.lock:
            self.sizes = {"request": len(request), "answer": len(answer)}
            self.last_answer = answer
        link.sendall(answer)
        return True

    def end(self, cut, link):
        with self.lock:
            self.played += 1
        if cut.ending == "stall":
            while link.recv(65536):
                pass
            return False
        if cut.ending == "close_notify":
            link.settimeout(0)
            try:
                link.unwrap()  # says goodbye; the peer's answer is not waited for
            except (OSError, ValueError):
                pass
        raw = socket.socket(fileno=link.detach())
        raw.settimeout(BOUND)
        if cut.ending == "reset":
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(65536):  # unread bytes would turn the FIN into a RST
                pass
        raw.close()
        return False
