#!/usr/bin/env python3
"""A recording of OpenSSL on both sides of TLS 1.2 connections, one for each cipher suite and order of its MAC.

Writes a pcap of an exchange of HTTP on each, and the key log that the client wrote of them. The suite
HelloRetryRequest stands for TLS 1.3 with a server that rejects the first key share of the client.
"""

import argparse
import datetime
import os
import socket
import ssl
import struct
import tempfile
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

NO_ENCRYPT_THEN_MAC = 0x80000  # SSL_OP_NO_ENCRYPT_THEN_MAC, which Python has no name for
RETRY = "HelloRetryRequest"
REQUEST = b"GET /oab/%s HTTP/1.1\r\nHost: mail.lab.test\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
BODY = b"Ada Lovelace\n" * 2000


class Pcap:
    """A recording of TCP connections."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        self.time = 0

    def open(self, port, late=False):
        """Where it is late, the recording begins after the handshake of TCP, and the ports do not show which end is the client."""
        self.ends = [(socket.inet_aton("127.0.0.1"), port), (socket.inet_aton("127.0.0.2"), 60443 if late else 443)]
        self.sequence = [1000, 2000]
        if late:
            return
        self.segment(0, b"", 0x02)
        self.segment(1, b"", 0x12)

    def segment(self, side, data, flags):
        (source, source_port), (target, target_port) = self.ends[side], self.ends[1 - side]
        tcp = struct.pack(">HHIIBBHHH", source_port, target_port, self.sequence[side],
                          self.sequence[1 - side], 5 << 4, flags, 65535, 0, 0) + data
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + source + target
        self.time += 1
        self.file.write(struct.pack("<IIII", 1700000000, self.time, len(ip + tcp), len(ip + tcp)) + ip + tcp)
        self.sequence[side] += len(data) + (flags & 0x03 != 0)

    def data(self, side, data):
        for start in range(0, len(data), 1460):
            self.segment(side, data[start:start + 1460], 0x18)

    def close(self):
        self.segment(0, b"", 0x11)
        self.segment(1, b"", 0x11)


def certificate(folder):
    """A file with an RSA key and a certificate for it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.lab.test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    made = builder.sign(key, hashes.SHA256())
    path = os.path.join(folder, "own.pem")
    with open(path, "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
        file.write(made.public_bytes(serialization.Encoding.PEM))
    return path


def contexts(own, keylog, cipher, encrypt_then_mac):
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(own)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.keylog_filename = keylog
    if cipher == RETRY:
        server.set_ecdh_curve("secp521r1")
        server.minimum_version = client.minimum_version = ssl.TLSVersion.TLSv1_3
        return client, server
    for context in (client, server):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(cipher + ":@SECLEVEL=0")
        if not encrypt_then_mac:
            context.options |= NO_ENCRYPT_THEN_MAC
    return client, server


def connection(pcap, client, server, cipher):
    """One connection with an exchange on it."""
    # What an end writes passes the recording before the other end reads it.
    incoming, outgoing = [ssl.MemoryBIO(), ssl.MemoryBIO()], [ssl.MemoryBIO(), ssl.MemoryBIO()]
    ends = [client.wrap_bio(incoming[0], outgoing[0], server_hostname="mail.lab.test"),
            server.wrap_bio(incoming[1], outgoing[1], server_side=True)]

    def pass_on():
        for side in (0, 1):
            sent = outgoing[side].read()
            pcap.data(side, sent)
            incoming[1 - side].write(sent)

    pending = [end.do_handshake for end in ends]
    while pending:
        for act in list(pending):
            try:
                act()
                pending.remove(act)
            except ssl.SSLWantReadError:
                pass
            pass_on()
    assert cipher in (ends[0].cipher()[0], RETRY), ends[0].cipher()
    ends[0].write(REQUEST % cipher.encode())
    pass_on()
    ends[1].read(65536)
    ends[1].write(ANSWER % len(BODY))
    ends[1].write(BODY)
    pass_on()
    pcap.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("keylog")
    parser.add_argument("cipher", nargs="+")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)
    pcap, port = Pcap(arguments.out), 50000
    with tempfile.TemporaryDirectory() as folder:
        own = certificate(folder)
        for cipher in arguments.cipher:
            for encrypt_then_mac in (True, False):
                port += 1
                pcap.open(port, late=cipher == RETRY)
                connection(pcap, *contexts(own, arguments.keylog, cipher, encrypt_then_mac), cipher)
    pcap.file.close()


if __name__ == "__main__":
    main()
