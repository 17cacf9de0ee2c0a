"""impacket authenticates to the address book many times, several at once, and opens it each time.

Reports the outcome of each session: `response`, `fault …`, `closed`, or `nothing` within the timeout. Calls may be
sent in fragments, or two at a time without waiting for the first response.
"""

import concurrent.futures
import sys

from impacket.dcerpc.v5 import nspi, rpcrt

import common
import impacket_client
import scripted_client


def outcome(action):
    """What comes of `action`, in a word."""
    try:
        action()
    except TimeoutError:
        return "nothing"
    except rpcrt.DCERPCException as fault:
        return f"fault {fault}"
    except Exception:  # impacket unpacks what a closed connection does not give
        return "closed"
    return "response"


def session(options):
    """Opens the address book, and where that went well asks something there."""
    kept = {}

    def open_book():
        binding = f"ncacn_ip_tcp:{options.target.host}[{options.target.port}]"
        kept["dce"] = dce = impacket_client.connected(binding, options)
        if options.fragment:
            dce.set_max_fragment_size(options.fragment)
        dce.bind(nspi.MSRPC_UUID_NSPI)
        answer = scripted_client.call(dce, scripted_client.NSPI_BIND, bytes(4) + scripted_client.STAT + bytes(4))
        kept["handle"] = bytes(4) + answer[-20:-4]

    def ask():
        stub = kept["handle"] + bytes(4) + scripted_client.STAT + (16).to_bytes(4, "little") * 2
        if options.two:
            kept["dce"].call(scripted_client.NSPI_COMPARE_MIDS, stub)
        scripted_client.call(kept["dce"], scripted_client.NSPI_COMPARE_MIDS, stub)
        if options.two:
            kept["dce"].recv()

    outcomes = [outcome(open_book)]
    if outcomes[0] == "response":
        outcomes.append(outcome(ask))
    return outcomes


def sessions(options):
    """All sessions, in no order."""
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        return list(pool.map(lambda _: session(options), range(options.count)))


def main():
    parser = common.client_arguments(__doc__.splitlines()[0], asks_endpoint_mapper=False)
    parser.add_argument("--target", type=common.Address, required=True, metavar="HOST:PORT")
    parser.add_argument("--count", type=int, default=1, help="sessions")
    parser.add_argument("--at-once", type=int, default=8, help="how many of them at a time")
    parser.add_argument("--fragment", type=int, default=0, help="bytes of a stub in a fragment")
    parser.add_argument("--two", action="store_true", help="makes two calls before waiting for an answer")
    return common.run(lambda report, o: report.step("sessions", lambda: sessions(o)), parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
