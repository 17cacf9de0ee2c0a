"""Clients that misbehave, each for a bounded time. The report says how the server ended them.

drip    a bind, one byte after another, with a pause between them
stall   binds, then sends requests and never reads a response
bind-flood  many connections at once, each with a bind, kept open
silent  connects and sends nothing
"""

import argparse
import select
import socket
import struct
import sys
import time
import uuid

import common

BIND, BIND_ACK, BIND_NAK, REQUEST, RESPONSE, FAULT = 11, 12, 13, 0, 2, 3
NAMES = {BIND_ACK: "bind_ack", BIND_NAK: "bind_nak", RESPONSE: "response", FAULT: "fault"}
FIRST_AND_LAST = 0x03
NDR = ("8a885d04-1ceb-11c9-9fe8-08002b104860", 2)
EPM = ("e1af8308-5d1f-11c9-91a4-08002b14a0fa", 3)
HEADER = 16


def pdu(kind, body, call_id=1):
    """A connection-oriented PDU ([C706] 12.6.3.1), little-endian, unauthenticated."""
    header = struct.pack(
        "<BBBB4sHHI", 5, 0, kind, FIRST_AND_LAST, b"\x10\0\0\0", HEADER + len(body), 0, call_id
    )
    return header + body


def bind(interface, call_id=1):
    """A bind to `interface` (UUID and version), with NDR alone."""

    def syntax(identifier, version):
        return uuid.UUID(identifier).bytes_le + struct.pack("<I", version)

    context = struct.pack("<HBB", 0, 1, 0) + syntax(*interface) + syntax(*NDR)
    return pdu(BIND, struct.pack("<HHIB3x", 5840, 5840, 0, 1) + context, call_id)


def ept_lookup(call_id):
    """An ept_lookup for everything: a short question with a long answer."""
    stub = struct.pack("<IIIII", 0, 0, 0, 1, 0) + bytes(16) + struct.pack("<I", 500)
    return pdu(REQUEST, struct.pack("<IHH", len(stub), 0, 2) + stub, call_id)


def interface_of(options):
    if options.interface == "epm":
        return EPM
    identifier, version = common.INTERFACES[options.interface]
    major, minor = (int(part) for part in version.split("."))
    return identifier, major | minor << 16


def connect(options):
    return socket.create_connection((options.target.host, options.target.port), timeout=options.timeout)


def receive(connection):
    """What the server says next: a PDU's name, `closed`, `reset`, or `nothing` within the timeout."""
    try:
        header = connection.recv(HEADER, socket.MSG_WAITALL)
    except TimeoutError:
        return "nothing"
    except OSError:
        return "reset"
    if len(header) < HEADER:
        return "closed"
    return NAMES.get(header[2], f"type {header[2]}")


def drip(options):
    """How many bytes of a bind were taken before the server had enough, and how it said so."""
    data = bind(interface_of(options))
    begin = time.monotonic()
    with connect(options) as connection:
        for sent, byte in enumerate(data):
            if time.monotonic() - begin > options.seconds:
                return {"sent": sent, "of": len(data), "end": "timeout"}
            readable, _, _ = select.select([connection], [], [], 0)
            if readable:
                break
            try:
                connection.send(bytes([byte]))
            except OSError:
                return {"sent": sent, "of": len(data), "end": "reset", "seconds": time.monotonic() - begin}
            time.sleep(options.pause)
        else:
            sent = len(data)
        end = receive(connection)
    return {"sent": sent, "of": len(data), "end": end, "seconds": time.monotonic() - begin}


def stall(options):
    """How many bytes of requests were taken while nothing was read."""
    begin = time.monotonic()
    sent, end = 0, "timeout"
    with connect(options) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(bind(interface_of(options)))
        connection.settimeout(0.5)
        call_id = 1
        while time.monotonic() - begin < options.seconds:
            call_id += 1
            try:
                sent += connection.send(ept_lookup(call_id))
            except TimeoutError:
                end = "blocked"
            except OSError:
                end = "reset"
                break
    return {"sent": sent, "calls": call_id - 1, "end": end, "seconds": time.monotonic() - begin}


def bind_flood(options):
    """What became of many binds: answers by kind, and how many connections were refused."""
    begin = time.monotonic()
    open_ones, outcome = [], {}

    def count(what):
        outcome[what] = outcome.get(what, 0) + 1

    for _ in range(options.count):
        try:
            connection = connect(options)
            connection.sendall(bind(interface_of(options)))
            open_ones.append(connection)
        except OSError as fault:
            count(type(fault).__name__)
    for connection in open_ones:
        count(receive(connection))
    took = time.monotonic() - begin
    time.sleep(max(0.0, options.seconds - took))
    for connection in open_ones:
        connection.close()
    return {"connections": options.count, "outcome": outcome, "seconds": took}


def silent(options):
    """How long a connection that says nothing is kept."""
    begin = time.monotonic()
    with connect(options) as connection:
        connection.settimeout(options.seconds)
        end = receive(connection)
    return {"end": end, "seconds": time.monotonic() - begin}


MODES = {"drip": drip, "stall": stall, "bind-flood": bind_flood, "silent": silent}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--target", type=common.Address, required=True, metavar="HOST:PORT")
    parser.add_argument("--interface", choices=["epm", *common.INTERFACES], default="epm")
    parser.add_argument("--count", type=int, default=200, help="connections of a bind flood")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between the bytes of a drip")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to go on at most")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for any one answer")
    options = parser.parse_args()
    return common.run(lambda report, o: report.step(o.mode, lambda: MODES[o.mode](o)), options)


if __name__ == "__main__":
    sys.exit(main())
