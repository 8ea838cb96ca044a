"""Whoever answers at the database's address: asks for the password in the form it likes, and keeps what it is told.

    with Impostor("clear", certificates=Certificates(tmp_path)) as impostor:
        ...connect to impostor.conninfo()...
    assert impostor.told == []
"""

import socket
import ssl
import struct
import threading

from parts.process import free_port, read_exactly, stop_accepting

# What comes after the startup packet; the password, if any, comes back as a message of type 'p'.
QUESTIONS = {
    "clear": b"R" + struct.pack("!II", 8, 3),
    "md5": b"R" + struct.pack("!II", 12, 5) + b"salt",
    "none": b"R" + struct.pack("!II", 8, 0) + b"Z" + struct.pack("!I", 5) + b"I",
    "scram without binding": b"R" + struct.pack("!II", 23, 10) + b"SCRAM-SHA-256\0\0",
}


class Impostor:
    def __init__(self, question, certificates=None):
        self.question = QUESTIONS[question]
        self.port = free_port()
        self.told = []    # messages of type 'p': passwords, proofs
        self.answers = 0  # connections that came as far as the question
        self.tls = None
        if certificates:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificates.cert, certificates.key)
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def conninfo(self, host="0x7f000001"):
        """The loopback address as nobody writes it: for the agent a host like any other."""
        return f"host={host} port={self.port} dbname=postgres user=postgres"

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(client,), daemon=True).start()

    def _one(self, client):
        try:
            while True:
                size, code = struct.unpack("!II", read_exactly(client, 8))
                if code == 80877103 and self.tls:
                    client.sendall(b"S")
                    client = self.tls.wrap_socket(client, server_side=True)
                elif code in (80877103, 80877104):
                    client.sendall(b"N")
                else:
                    read_exactly(client, size - 8)
                    break
            self.answers += 1
            client.sendall(self.question)
            while True:
                kind, size = struct.unpack("!cI", read_exactly(client, 5))
                body = read_exactly(client, size - 4)
                if kind == b"p":
                    self.told.append(body)
        except OSError:
            client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop_accepting(self.listener, self.thread)
