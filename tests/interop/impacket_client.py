"""impacket as a client: endpoint mapper, both RFR calls, and a conversation with the address book.

impacket does not implement EMSMDB, so only the endpoint of that interface is looked up. Its SPNEGO is for Kerberos
only, so it authenticates with bare NTLM.
"""

import socket
import sys

from impacket.dcerpc.v5 import epm, nspi, oxabref, rpcrt, transport
from impacket.dcerpc.v5.dtypes import DWORD, NULL, ULONG
from impacket.dcerpc.v5.ndr import NDRCALL, NDRPOINTER, NDRSTRUCT
from impacket.dcerpc.v5.nspi import (
    STAT,
    PPropertyRowSet_r,
    PPropertyTagArray_r,
    PPropertyValue_r,
    PropertyTagArray_r,
    PropertyValue_r,
    handle_t,
)
from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_NONE
from impacket.uuid import uuidtup_to_bin

import common

PID_TAG_DISPLAY_NAME = 0x3001001F
PID_TAG_EMAIL_ADDRESS = 0x3003001F
PID_TAG_SMTP_ADDRESS = 0x39FE001F
PID_TAG_HOME_MDB = 0x8006001F
PID_TAG_HOME_MDB_8 = 0x8006001E
PID_TAG_NETWORK_ADDRESS = 0x8170101F
COLUMNS = [PID_TAG_DISPLAY_NAME, PID_TAG_EMAIL_ADDRESS, PID_TAG_SMTP_ADDRESS, PID_TAG_HOME_MDB]

CODE_PAGE = 1252
FUZZY_PREFIX = 2
RESTRICTION_CONTENT = 3
UNRESOLVED_OR_AMBIGUOUS = (0, 1)


class ContentFilter(NDRSTRUCT):
    """[MS-OXNSPI] 2.2.4.10 Restriction_r with the arm ContentRestriction_r, which impacket leaves out."""

    structure = (
        ("rt", DWORD),
        ("tag", DWORD),
        ("ulFuzzyLevel", DWORD),
        ("ulPropTag", DWORD),
        ("lpProp", PPropertyValue_r),
    )


class PContentFilter(NDRPOINTER):
    """A pointer to it."""

    referent = (("Data", ContentFilter),)


class NspiGetMatches(NDRCALL):
    """[MS-OXNSPI] 3.1.4.1.10, which impacket leaves out."""

    opnum = 5
    structure = (
        ("hRpc", handle_t),
        ("Reserved1", DWORD),
        ("pStat", STAT),
        ("pReserved", PPropertyTagArray_r),
        ("Reserved2", DWORD),
        ("Filter", PContentFilter),
        ("lpPropName", NDRPOINTER),
        ("ulRequested", DWORD),
        ("pPropTags", PPropertyTagArray_r),
    )


class NspiGetMatchesResponse(NDRCALL):
    """The response to it."""

    structure = (
        ("pStat", STAT),
        ("ppOutMIds", PPropertyTagArray_r),
        ("ppRows", PPropertyRowSet_r),
        ("ErrorCode", ULONG),
    )


class NspiGetProps(NDRCALL):
    """[MS-OXNSPI] 3.1.4.1.7. impacket's own puts a referent before pStat, which is a reference pointer."""

    opnum = 9
    structure = (
        ("hRpc", handle_t),
        ("dwFlags", DWORD),
        ("pStat", STAT),
        ("pPropTags", PPropertyTagArray_r),
    )


class NspiGetPropsResponse(nspi.NspiGetPropsResponse):
    """The response to it."""


class NspiGetSpecialTable(NDRCALL):
    """[MS-OXNSPI] 3.1.4.1.3, with reference pointers too."""

    opnum = 12
    structure = (("hRpc", handle_t), ("dwFlags", DWORD), ("pStat", STAT), ("lpVersion", DWORD))


class NspiGetSpecialTableResponse(NDRCALL):
    """The response to it."""

    structure = (("lpVersion", DWORD), ("ppRows", PPropertyRowSet_r), ("ErrorCode", ULONG))


LEGACY_SERVER_RESPONSE = b"ncacn_http/1.0"


def connected(binding, options):
    """A connection to `binding` with the credentials of `options`, not bound yet.

    To an endpoint of `ncacn_http` it connects as a proxy of RPC over HTTP does ([MS-RPCH] 2.1.1.2): over TCP, on
    which the server speaks first.
    """
    over_http = binding.startswith("ncacn_http:")
    factory = transport.DCERPCTransportFactory(binding.replace("ncacn_http:", "ncacn_ip_tcp:"))
    factory.set_connect_timeout(options.timeout)
    dce = factory.get_dce_rpc()
    level = common.LEVELS[options.level]
    if level != RPC_C_AUTHN_LEVEL_NONE:
        dce.set_credentials(options.user, options.password, options.domain)
        dce.set_auth_level(level)
    dce.connect()
    factory.get_socket().settimeout(options.timeout)
    if over_http:
        said = factory.get_socket().recv(len(LEGACY_SERVER_RESPONSE), socket.MSG_WAITALL)
        common.expect(said == LEGACY_SERVER_RESPONSE, f"the server began with {said!r}")
    return dce


def join(group):
    """Lets later binds join the association group `group`, which impacket does not implement.

    Returns what ends that.
    """
    begin = rpcrt.MSRPCBind.__init__

    def begin_in_group(self, data=None, alignment=0):
        begin(self, data, alignment)
        if data is None:
            self["assoc_group"] = group

    def leave():
        rpcrt.MSRPCBind.__init__ = begin

    rpcrt.MSRPCBind.__init__ = begin_in_group
    return leave


def ask_endpoint_mapper(options, interface):
    """The address of `interface` in the endpoint map."""
    factory = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{options.epm.host}[{options.epm.port}]")
    factory.set_connect_timeout(options.timeout)
    dce = factory.get_dce_rpc()
    dce.connect()
    factory.get_socket().settimeout(options.timeout)
    binary = uuidtup_to_bin(common.INTERFACES[interface])
    answer = epm.hept_map(options.epm.host, binary, protocol=options.transport, dce=dce)
    dce.disconnect()
    return answer


def referral(report, options, binding):
    """Both RFR calls."""
    dce = connected(binding, options)
    report.step("rfr.bind", lambda: dce.bind(oxabref.MSRPC_UUID_OXABREF) and None)
    server = report.step(
        "RfrGetNewDSA", lambda: oxabref.hRfrGetNewDSA(dce, options.user_dn or "")["ppszServer"]
    )
    server_dn = options.server_dn or f"/o=Lab/ou=Site/cn=Configuration/cn=Servers/cn={server}"
    report.step(
        "RfrGetFQDNFromServerDN",
        lambda: oxabref.hRfrGetFQDNFromServerDN(dce, server_dn)["ppszServerFQDN"],
    )
    dce.disconnect()


def stat(**fields):
    """A STAT for the global address list, Unicode."""
    made = STAT()
    made["CodePage"] = CODE_PAGE
    made["TemplateLocale"] = made["SortLocale"] = 1033
    for name, value in fields.items():
        made[name] = value
    return made


def stat_out(answer):
    """The fields of a STAT that requests change."""
    names = ("CurrentRec", "Delta", "NumPos", "TotalRecs", "ContainerID", "CodePage")
    return {name: answer[name] for name in names}


def tags_of(pointer, tags):
    """Fills a pointer to a PropertyTagArray_r with `tags`."""
    array = PropertyTagArray_r()
    for tag in tags:
        word = DWORD()
        word["Data"] = tag
        array["aulPropTag"].append(word)
    array["cValues"] = len(tags)
    array.fields["aulPropTag"].fields["MaximumCount"] = len(tags) + 1
    pointer["Data"] = array


def mids_of(answer, field):
    """The MIds of a response, as numbers."""
    return [mid["Data"] for mid in answer[field]["aulPropTag"]]


def get_matches(dce, handle, prefix):
    """The entries whose display name begins with `prefix`."""
    request = NspiGetMatches()
    request["hRpc"] = handle
    request["Reserved1"] = request["Reserved2"] = 0
    request["pStat"] = stat()
    request["pReserved"] = NULL
    target = PropertyValue_r()
    target["ulPropTag"] = PID_TAG_DISPLAY_NAME
    target["ulReserved"] = 0
    target["Value"]["tag"] = PID_TAG_DISPLAY_NAME & 0xFFFF
    target["Value"]["lpszW"] = prefix + "\0"
    condition = request["Filter"]
    condition["rt"] = condition["tag"] = RESTRICTION_CONTENT
    condition["ulFuzzyLevel"] = FUZZY_PREFIX
    condition["ulPropTag"] = PID_TAG_DISPLAY_NAME
    condition["lpProp"] = target
    request["lpPropName"] = NULL
    request["ulRequested"] = 50
    tags_of(request.fields["pPropTags"], COLUMNS)
    answer = dce.request(request)
    return {
        "stat": stat_out(answer["pStat"]),
        "mids": mids_of(answer, "ppOutMIds"),
        "rows": nspi.simplifyPropertyRowSet(answer["ppRows"]),
    }


def get_props(dce, handle, mid, tags):
    """Properties of one entry."""
    request = NspiGetProps()
    request["hRpc"] = handle
    request["dwFlags"] = 0
    request["pStat"] = stat(CurrentRec=mid)
    tags_of(request.fields["pPropTags"], tags)
    answer = dce.request(request, checkError=False)
    return {"ErrorCode": answer["ErrorCode"], "row": nspi.simplifyPropertyRow(answer["ppRows"])}


def resolve(call, dce, handle, names):
    """NspiResolveNames or NspiResolveNamesW: for each name 0 (none), 1 (several) or 2 (one), and the rows."""
    answer = call(dce, handle, pPropTags=COLUMNS, paStr=names)
    return {
        "mids": mids_of(answer, "ppMIds"),
        "rows": nspi.simplifyPropertyRowSet(answer["ppRows"]),
    }


def compare(dce, handle, first, second):
    """The order of two entries at the server."""
    request = nspi.NspiCompareMIds()
    request["hRpc"] = handle
    request["Reserved"] = 0
    request["pStat"] = stat()
    request["MId1"], request["MId2"] = first, second
    return dce.request(request)["plResult"]


def address_book(report, options, binding):
    """The conversation with NSPI."""
    dce = connected(binding, options)
    report.step("nspi.bind", lambda: dce.bind(nspi.MSRPC_UUID_NSPI) and None)
    kept = {}

    def bind():
        kept["bound"] = nspi.hNspiBind(dce, stat())
        handle = kept["bound"]["contextHandle"]
        return {
            "ErrorCode": kept["bound"]["ErrorCode"],
            "contextHandle": handle.getData(),
            "pServerGuid": kept["bound"]["pServerGuid"],
        }

    report.step("NspiBind", bind)
    handle = kept["bound"]["contextHandle"]

    def special_table():
        request = NspiGetSpecialTable()
        request["hRpc"] = handle
        request["dwFlags"] = nspi.NspiUnicodeStrings
        request["pStat"] = stat()
        request["lpVersion"] = 0
        answer = dce.request(request)
        return {"version": answer["lpVersion"], "rows": nspi.simplifyPropertyRowSet(answer["ppRows"])}

    report.step("NspiGetSpecialTable", special_table)

    def query_rows():
        # fEphID is off: what is asked for are the columns, in the order given.
        answer = nspi.hNspiQueryRows(dce, handle, dwFlags=0, pStat=stat(), Count=20, pPropTags=COLUMNS)
        return {
            "stat": stat_out(answer["pStat"]),
            "rows": nspi.simplifyPropertyRowSet(answer["ppRows"]),
        }

    rows = report.step("NspiQueryRows", query_rows)["rows"]
    common.expect(rows, "the address book is empty")
    report.step("NspiGetMatches", lambda: get_matches(dce, handle, options.prefix))
    report.step(
        "NspiResolveNames", lambda: resolve(nspi.hNspiResolveNames, dce, handle, [options.resolve, "zzzz"])
    )
    resolved = report.step(
        "NspiResolveNamesW", lambda: resolve(nspi.hNspiResolveNamesW, dce, handle, [options.resolve, "zzzz"])
    )
    common.expect(resolved["mids"][-1] == 0, "a name of no user was resolved")
    legacy_dn = (resolved["rows"] or rows)[0][PID_TAG_EMAIL_ADDRESS]
    mids = report.step(
        "NspiDNToMId",
        lambda: mids_of(nspi.hNspiDNToMId(dce, handle, [legacy_dn, "/o=None/cn=missing"]), "ppOutMIds"),
    )
    common.expect(mids[0] not in UNRESOLVED_OR_AMBIGUOUS, f"{legacy_dn} has no MId")

    report.step("NspiGetProps", lambda: get_props(dce, handle, mids[0], [*COLUMNS, PID_TAG_HOME_MDB_8]))
    report.step("NspiGetProps.network_address", lambda: network_address(dce, handle, options))
    report.step(
        "NspiGetPropList",
        lambda: sorted(
            tag["Data"]
            for tag in nspi.hNspiGetPropList(dce, handle, dwMId=mids[0], CodePage=CODE_PAGE)["ppOutMIds"][
                "aulPropTag"
            ]
        ),
    )
    report.step("NspiCompareMIds", lambda: compare(dce, handle, mids[0], mids[0]))

    def update_stat():
        answer = nspi.hNspiUpdateStat(dce, handle, stat(Delta=1), plDelta=0)
        return {"stat": stat_out(answer["pStat"]), "plDelta": answer["plDelta"], "error": answer["ErrorCode"]}

    report.step("NspiUpdateStat", update_stat)
    # NspiUnbind's answer is 1 on success ([MS-OXNSPI] 3.1.4.1.2).
    report.step("NspiUnbind", lambda: nspi.hNspiUnbind(dce, handle)["ErrorCode"])
    dce.disconnect()


def network_address(dce, handle, options):
    """The network addresses in the server's own entry, if the directory has one."""
    if not options.server_dn:
        return None
    mids = mids_of(nspi.hNspiDNToMId(dce, handle, [options.server_dn]), "ppOutMIds")
    if not mids[0]:
        return None
    return get_props(dce, handle, mids[0], [PID_TAG_NETWORK_ADDRESS])


def conversation(report, options):
    """All calls, in the order of Outlook."""
    places = {
        name: report.step(f"ept_map.{name}", lambda name=name: ask_endpoint_mapper(options, name))
        for name in ("rfr", "nspi", "emsmdb")
    }
    referral(report, options, places["rfr"])
    address_book(report, options, places["nspi"])


def main():
    parser = common.client_arguments(__doc__.splitlines()[0])
    parser.add_argument("--transport", choices=["ncacn_ip_tcp", "ncacn_http"], default="ncacn_ip_tcp")
    parser.add_argument("--user-dn", help="the DN that RfrGetNewDSA is asked with")
    parser.add_argument("--server-dn", help="the DN that RfrGetFQDNFromServerDN is asked with")
    parser.add_argument("--resolve", default="a", help="the name to resolve")
    parser.add_argument("--prefix", default="A", help="what the display names that are searched begin with")
    options = parser.parse_args()
    return common.run(conversation, options)


if __name__ == "__main__":
    sys.exit(main())
