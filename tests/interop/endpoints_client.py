"""impacket reads all entries of the endpoint mapper, and the interfaces of the services' port (mgmt)."""

import sys

from impacket.dcerpc.v5 import epm, mgmt, transport
from impacket.uuid import bin_to_uuidtup

import common


def connected(host, port, options):
    """A connection to one port, not bound yet, without authentication."""
    factory = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{host}[{port}]")
    factory.set_connect_timeout(options.timeout)
    dce = factory.get_dce_rpc()
    dce.connect()
    factory.get_socket().settimeout(options.timeout)
    return dce


def lookup(options):
    """Every entry of the map: interface, version and address."""
    dce = connected(options.epm.host, options.epm.port, options)
    entries = epm.hept_lookup(None, dce=dce)
    dce.disconnect()
    found = []
    for entry in entries:
        floors = entry["tower"]["Floors"]
        found.append([str(floors[0]), epm.PrintStringBinding(floors)])
    return sorted(found)


def interfaces(dce):
    """The interfaces that are served, as `UUID version`."""
    answer = mgmt.hinq_if_ids(dce)
    vector = answer["if_id_vector"]["if_id"]
    found = []
    for entry in vector:
        identifier = entry["Data"]["Uuid"]
        binary = identifier.getData() if hasattr(identifier, "getData") else bytes(identifier)
        name, _ = bin_to_uuidtup(binary[-16:] + bytes(4))
        found.append(f"{name} {entry['Data']['VersMajor']}.{entry['Data']['VersMinor']}".lower())
    return sorted(found)


def conversation(report, options):
    """The map, then mgmt at the TCP port that the map names for the address book."""
    entries = report.step("ept_lookup", lambda: lookup(options))
    places = [binding for name, binding in entries if common.NSPI in name.lower()]
    place = next(binding for binding in places if binding.startswith("ncacn_ip_tcp:"))
    host, port = common.host_and_port(place)
    dce = connected(host, port, options)
    report.step("mgmt.bind", lambda: dce.bind(mgmt.MSRPC_UUID_MGMT) and None)
    report.step("inq_if_ids", lambda: interfaces(dce))
    report.step("is_server_listening", lambda: mgmt.his_server_listening(dce)["status"])
    report.step("inq_princ_name", lambda: mgmt.hinq_princ_name(dce)["princ_name"])
    dce.disconnect()


def main():
    return common.run(conversation, common.client_arguments(__doc__.splitlines()[0]).parse_args())


if __name__ == "__main__":
    sys.exit(main())
