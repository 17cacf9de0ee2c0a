"""scapy as a client: EMSMDB in both dialects, with NTLM bare or inside SPNEGO, in either byte order.

On request, also the referral service and a few calls of the address book.
"""

import sys
import uuid

from scapy.config import conf

conf.use_pcap = False

from scapy.layers.dcerpc import (  # noqa: E402
    RPC_C_AUTHN_LEVEL,
    DCERPC_Transport,
    DceRpc5Fault,
    NDRContextHandle,
    find_dcerpc_interface,
)
from scapy.layers.msrpce.rpcclient import DCERPC_Client  # noqa: E402
from scapy.layers.ntlm import NTLMSSP  # noqa: E402
from scapy.layers.spnego import SPNEGOSSP  # noqa: E402

from msrpcs import ms_oxabref, ms_oxnspi  # noqa: E402

import common  # noqa: E402
import emsmdb  # noqa: E402

CLIENT_VERSION = [0x000F, 0x1000, 0x1000]
LARGEST_OUT = 0x7FFF


class Fault(Exception):
    """The server answered with a fault."""

    def __init__(self, status):
        super().__init__(f"fault 0x{status:08x}")
        self.status = status


def security(options):
    """The SSP for these options; none for level none."""
    if options.level == "none":
        return None
    ntlm = NTLMSSP(
        UPN=f"{options.domain}\\{options.user}" if options.domain else options.user,
        PASSWORD=options.password,
        USE_MIC=not options.no_mic,
    )
    return SPNEGOSSP([ntlm]) if options.spnego else ntlm


def byte_order(options):
    """As scapy calls it."""
    return "big" if options.big_endian else "little"


def endpoint(options, interface):
    """Host and port of `interface`, as the endpoint mapper has it."""
    client = DCERPC_Client(
        DCERPC_Transport.NCACN_IP_TCP, ndr64=False, ndrendian=byte_order(options), verb=False
    )
    client.connect(options.epm.host, port=options.epm.port, timeout=options.timeout)
    try:
        common.expect(client.bind(find_dcerpc_interface("ept")), "the endpoint mapper refused the bind")
        places = client.epm_map(interface)
    finally:
        client.close()
    common.expect(places, "the endpoint mapper knows no such interface")
    return places[0]


def bound(options, place, interface):
    """A client bound to `interface` at `place`; a refusal raises."""
    client = DCERPC_Client(
        DCERPC_Transport.NCACN_IP_TCP,
        ssp=security(options),
        auth_level=RPC_C_AUTHN_LEVEL(common.LEVELS[options.level]),
        ndr64=options.offer_ndr64,
        ndrendian=byte_order(options),
        verb=False,
    )
    client.connect(place[0], port=place[1], timeout=options.timeout)
    common.expect(answered(lambda: client.bind(interface)), "the bind was refused")
    return client


def answered(action):
    """`action`'s answer. scapy looks into the answer before it looks whether there is one."""
    try:
        return action()
    except TypeError as fault:
        if "NoneType" in str(fault):
            raise common.Unexpected("the server closed the connection or did not answer") from fault
        raise


def call(client, request):
    """One operation; a fault raises."""
    request.ndrendian = client.ndrendian
    answer = answered(lambda: client.sr1_req(request))
    common.expect(answer is not None, "an answer that is neither a response nor a fault")
    if DceRpc5Fault in answer:
        raise Fault(answer[DceRpc5Fault].status)
    return answer


def handle_of(client, answer, name):
    """The context handle of a little-endian answer, to be sent back in the client's byte order.

    scapy takes its UUID for 16 bytes without an order.
    """
    handle = answer.valueof(name)
    order = {"little": lambda value: value.bytes_le, "big": lambda value: value.bytes}[client.ndrendian]
    return NDRContextHandle(attributes=handle.attributes, uuid=order(uuid.UUID(bytes_le=handle.uuid)))


def context_handle(answer):
    """The context handle of an answer: its attributes and its UUID."""
    handle = answer.valueof("pcxh")
    identifier = handle.uuid
    if isinstance(identifier, bytes):
        identifier = uuid.UUID(bytes_le=identifier)
    return {"attributes": handle.attributes, "uuid": str(identifier)}


def connect_answer(answer, *versions):
    """What EcDoConnect and EcDoConnectEx have in common."""
    fields = {
        "pcxh": context_handle(answer),
        "szDNPrefix": emsmdb.value(answer, "szDNPrefix").decode("latin-1"),
        "szDisplayName": emsmdb.value(answer, "szDisplayName").decode("latin-1"),
        "status": answer.status,
    }
    return fields | {name: emsmdb.version_of(answer, name) for name in versions}


def connect_arguments(options):
    """What both connects ask with."""
    return {
        "szUserDN": options.user_dn,
        "ulCpid": 1252,
        "ulLcidString": 1033,
        "ulLcidSort": 1033,
        "ulIcxrLink": 0xFFFFFFFF,
        "usFCanConvertCodePages": 1,
        **emsmdb.version_fields("rgwClientVersion", CLIENT_VERSION),
    }


def disconnect(report, client, handle, name):
    """EcDoDisconnect; the handle that comes back is all zero."""

    def action():
        answer = call(client, emsmdb.EcDoDisconnect_Request(pcxh=handle))
        return {"pcxh": context_handle(answer), "status": answer.status}

    report.step(name, action)


def rops(options):
    """The ROP buffer to send: a logon, and as much more as was asked for."""
    return emsmdb.rop_logon(options.user_dn) + bytes(options.more)


def old_dialect(report, options, place):
    """EcDoConnect, EcDoRpc, EcDoDisconnect."""
    client = report_bind(report, options, place, "emsmdb.bind.2000")
    kept = {}

    def connect():
        kept["answer"] = call(client, emsmdb.EcDoConnect_Request(**connect_arguments(options)))
        return connect_answer(kept["answer"], "rgwServerVersion", "rgwClientVersion")

    common.expect(report.step("EcDoConnect", connect)["status"] == 0, "EcDoConnect failed")
    handle = handle_of(client, kept["answer"], "pcxh")

    def rpc():
        sent = emsmdb.obfuscated(rops(options))
        answer = call(client, emsmdb.EcDoRpc_Request(pcxh=handle, rgb=sent, cbMax=LARGEST_OUT))
        return {
            "rgb": emsmdb.obfuscated(emsmdb.value(answer, "rgb")),
            "pcb": answer.pcb,
            "status": answer.status,
        }

    report.step("EcDoRpc", rpc)
    disconnect(report, client, handle, "EcDoDisconnect.2000")
    client.close()


def new_dialect(report, options, place):
    """EcDoConnectEx, EcDoRpcExt2, EcDoDisconnect; a fault in place of the first is an answer too."""
    client = report_bind(report, options, place, "emsmdb.bind")
    kept = {}

    def connect():
        request = emsmdb.EcDoConnectEx_Request(rgbAuxIn=b"", pcbAuxOut=0x1008, **connect_arguments(options))
        try:
            kept["answer"] = call(client, request)
        except Fault as fault:
            return {"fault": fault.status}
        answer = kept["answer"]
        more = {"rgbAuxOut": emsmdb.value(answer, "rgbAuxOut")}
        return connect_answer(answer, "rgwServerVersion", "rgwBestVersion") | more

    report.step("EcDoConnectEx", connect)
    if "answer" not in kept:
        client.close()
        return
    handle = handle_of(client, kept["answer"], "pcxh")

    def rpc():
        request = emsmdb.EcDoRpcExt2_Request(
            pcxh=handle,
            pulFlags=3,  # NoCompression, NoXorMagic
            rgbIn=emsmdb.extended(rops(options)),
            pcbOut=LARGEST_OUT,
            rgbAuxIn=b"",
            pcbAuxOut=0x1008,
        )
        answer = call(client, request)
        return {"rgbOut": emsmdb.value(answer, "rgbOut"), "pcbOut": answer.pcbOut, "status": answer.status}

    report.step("EcDoRpcExt2", rpc)
    disconnect(report, client, handle, "EcDoDisconnect")
    client.close()


def directory(report, options):
    """RfrGetNewDSA; NspiBind, NspiUpdateStat, NspiUnbind."""
    interface = find_dcerpc_interface("rfri")
    client = bound(options, endpoint(options, interface), interface)

    def referral():
        request = ms_oxabref.RfrGetNewDSA_Request(pUserDN=options.user_dn, ppszUnused=None, ppszServer=None)
        answer = call(client, request)
        return {"ppszServer": emsmdb.value(answer, "ppszServer").decode("latin-1"), "status": answer.status}

    report.step("RfrGetNewDSA", referral)
    client.close()

    interface = find_dcerpc_interface("nspi")
    client = bound(options, endpoint(options, interface), interface)
    kept = {}

    def stat():
        return ms_oxnspi.STAT(Delta=3, CodePage=1252, TemplateLocale=1033, SortLocale=1033)

    def bind():
        answer = call(client, ms_oxnspi.NspiBind_Request(pStat=stat(), pServerGuid=None))
        kept["handle"] = handle_of(client, answer, "contextHandle")
        return {"status": answer.status}

    def update_stat():
        request = ms_oxnspi.NspiUpdateStat_Request(hRpc=kept["handle"], pStat=stat(), plDelta=None)
        answer = call(client, request)
        return {"NumPos": answer.valueof("pStat").NumPos, "status": answer.status}

    report.step("NspiBind", bind)
    report.step("NspiUpdateStat", update_stat)
    request = ms_oxnspi.NspiUnbind_Request
    report.step("NspiUnbind", lambda: call(client, request(contextHandle=kept["handle"])).status)
    client.close()


def report_bind(report, options, place, name):
    """A bind as a step of its own."""
    kept = {}

    def action():
        kept["client"] = bound(options, place, emsmdb.INTERFACE)

    report.step(name, action)
    return kept["client"]


def conversation(report, options):
    """The endpoint mapper, then the dialects that were asked for."""
    if options.directory:
        directory(report, options)
    place = report.step("ept_map.emsmdb", lambda: endpoint(options, emsmdb.INTERFACE))
    if options.dialect in ("2000", "both"):
        old_dialect(report, options, place)
    if options.dialect in ("2003", "both"):
        new_dialect(report, options, place)


def main():
    parser = common.client_arguments(__doc__.splitlines()[0])
    parser.add_argument("--spnego", action="store_true", help="NTLM inside SPNEGO, not bare")
    parser.add_argument("--user-dn", default="/o=Lab/ou=Site/cn=Recipients/cn=ada")
    parser.add_argument("--dialect", choices=["2000", "2003", "both"], default="both")
    parser.add_argument(
        "--more", type=int, default=0, help="bytes to add to the ROP buffer, so that it fragments"
    )
    parser.add_argument("--no-mic", action="store_true", help="leave the MIC out of AUTHENTICATE")
    parser.add_argument("--directory", action="store_true", help="asks RFR and NSPI first")
    parser.add_argument("--big-endian", action="store_true", help="sends everything in that byte order")
    parser.add_argument("--offer-ndr64", action="store_true", help="offer NDR64 beside NDR")
    options = parser.parse_args()
    if options.more and options.level == "none":
        parser.error("scapy fills unprotected fragments with zeros: --more needs a level")
    return common.run(conversation, options)


if __name__ == "__main__":
    sys.exit(main())
