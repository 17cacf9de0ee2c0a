"""impacket as a client of the address book that executes commands, for tests with several clients.

Reads one command a line from standard input, and responds to each with one JSON object a line:

open            opens an address book; the response has its context handle
use HANDLE      compares two of its entries
close HANDLE    closes it

Handles are hexadecimal. The response to a call that is faulted is `{"fault": …}`. Ends with its input.
"""

import json
import sys

from impacket.dcerpc.v5 import nspi, rpcrt

import common
import impacket_client

STAT = bytes(24) + (1252).to_bytes(4, "little") + (1033).to_bytes(4, "little") * 2
NSPI_BIND, NSPI_UNBIND, NSPI_COMPARE_MIDS = 0, 1, 10


def say(**fields):
    """Writes a response."""
    print(json.dumps(fields), flush=True)


def call(dce, opnum, stub):
    """The answer's stub."""
    dce.call(opnum, stub)
    return dce.recv()


def handle_of(text):
    """A handle as it stands in a request."""
    return bytes(4) + bytes.fromhex(text)


def obey(dce, command, argument):
    """Does one thing."""
    if command == "open":
        answer = call(dce, NSPI_BIND, bytes(4) + STAT + bytes(4))
        say(open=answer[-20:-4].hex())
    elif command == "use":
        call(dce, NSPI_COMPARE_MIDS, handle_of(argument) + bytes(4) + STAT + (16).to_bytes(4, "little") * 2)
        say(used=argument)
    elif command == "close":
        call(dce, NSPI_UNBIND, handle_of(argument) + bytes(4))
        say(closed=argument)
    else:
        raise ValueError(f"{command} is no command")


def main():
    parser = common.client_arguments(__doc__.splitlines()[0])
    parser.add_argument("--group", type=int, default=0, help="the association group to join")
    parser.set_defaults(transport="ncacn_ip_tcp")
    options = parser.parse_args()
    place = impacket_client.ask_endpoint_mapper(options, "nspi")
    if options.group:
        impacket_client.join(options.group)
    dce = impacket_client.connected(place, options)
    answer = dce.bind(nspi.MSRPC_UUID_NSPI)
    say(bound=True, group=int.from_bytes(answer["pduData"][4:8], "little"))
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        try:
            obey(dce, command, argument)
        except (rpcrt.DCERPCException, OSError) as fault:
            say(fault=str(fault))
    return 0


if __name__ == "__main__":
    sys.exit(main())
