# A small client of the gdb remote protocol, for tests that make more stops than a gdb could.
# SPDX-License-Identifier: GPL-2.0-or-later
import re
import socket
import time


class RspError(Exception):
    """The stub answered out of form, or not at all."""


class Rsp:
    """One connection, without acknowledgements."""

    def __init__(self, port, limit=60):
        self.socket = self._connect(port, limit)
        self.socket.settimeout(limit)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.features = self.ask("qSupported:swbreak+;hwbreak+;vContSupported+", acks=True)
        if self.ask("QStartNoAckMode", acks=True) != "OK":
            raise RspError("no mode without acknowledgements")
        self.socket.sendall(b"+")

    @staticmethod
    def _connect(port, limit):
        """The port may open a moment after the machine's console."""
        deadline = time.monotonic() + limit
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), limit)
            except ConnectionRefusedError as e:
                if time.monotonic() > deadline:
                    raise RspError("nobody listens on the port") from e
                time.sleep(0.02)

    def send(self, text):
        raw = text.encode("latin-1")
        self.socket.sendall(b"$%s#%02x" % (raw, sum(raw) & 255))

    def receive(self):
        """The next packet's text; everything outside packets is skipped."""
        while True:
            m = re.search(rb"\$([^#]*)#([0-9a-fA-F]{2})", self.buffer)
            if m:
                self.buffer = self.buffer[m.end():]
                if sum(m.group(1)) & 255 != int(m.group(2), 16):
                    raise RspError("bad checksum")
                return m.group(1).decode("latin-1")
            try:
                raw = self.socket.recv(65536)
            except socket.timeout as e:
                raise RspError("no answer") from e
            if not raw:
                raise RspError("the connection was closed")
            self.buffer += raw

    def ask(self, text, acks=False):
        self.send(text)
        answer = self.receive()
        if acks:
            self.socket.sendall(b"+")
        return answer

    def resume(self, actions="vCont;c"):
        self.send(actions)

    def interrupt(self):
        self.socket.sendall(b"\x03")

    def wait_stop(self):
        """The stop reply's kind and fields, such as ('05', {'thread': 'p1.1', ...})."""
        text = self.receive()
        if text[:1] in "WX":
            return text, {}
        if text[:1] not in "TS":
            raise RspError(f"no stop reply: {text}")
        return text[1:3], dict(f.split(":", 1) for f in text[3:].split(";") if ":" in f)

    def close(self):
        self.socket.close()
