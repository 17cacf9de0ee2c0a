"""scapy as an upstream: an endpoint mapper, and RFR, NSPI and EMSMDB for one account.

Prints `READY` when it listens, then one JSON object a line for every bind, call and refusal, with the operation,
the user and the level. Ends after `--seconds`, or when it is killed.
"""

import argparse
import json
import socket
import sys
import threading
import time
import traceback

from scapy.config import conf

conf.use_pcap = False

from scapy.layers.dcerpc import (  # noqa: E402
    RPC_C_AUTHN_LEVEL,
    DCERPC_Transport,
    DceRpc5,
    DceRpc5AlterContext,
    DceRpc5Auth3,
    DceRpc5Bind,
    DceRpc5Request,
    NDRContextHandle,
    find_dcerpc_interface,
)
from scapy.layers.msrpce.rpcserver import DCERPC_Fault, DCERPC_Server  # noqa: E402
from scapy.layers.ntlm import NTLMSSP, MD4le  # noqa: E402
from scapy.layers.spnego import SPNEGOSSP  # noqa: E402

from msrpcs import ms_oxabref as rfr  # noqa: E402
from msrpcs import ms_oxnspi as nspi  # noqa: E402

import common  # noqa: E402
import emsmdb  # noqa: E402
from directory import (  # noqa: E402
    DISPLAY_NAME,
    NETWORK_ADDRESS,
    OBJECT_TYPE,
    ENTRYID,
    INTEGER32,
    MULTIPLE_UNICODE,
    UNICODE,
    Directory,
    row,
    rows,
    unwrapped,
    tags_of,
    strings_of,
    text_of,
    mids,
    filter_text,
)

NCA_S_FAULT_CONTEXT_MISMATCH = 0x1C00001A
ERRORS_RETURNED = 0x00040380
AUTH_SPNEGO = 9
HEADER = 16
SERVER_VERSION = [0x0008, 0x82B3, 0x0041]

UNRESOLVED, AMBIGUOUS, RESOLVED = 0, 1, 2


_output = threading.Lock()


def log(**fields):
    """One line of the log."""
    with _output:
        print(json.dumps(common.plain(fields)), flush=True)


class WatchedNtlm(NTLMSSP):
    """NTLM that remembers who signed in."""

    user = None

    def _getSessionBaseKey(self, Context, auth_tok):
        self.user = f"{auth_tok.DomainName}\\{auth_tok.UserName}"
        return super()._getSessionBaseKey(Context, auth_tok)


class Framed:
    """A socket that hands out whole PDUs."""

    def __init__(self, inner):
        self.inner = inner

    def recv(self, _size=None):
        header = self._exactly(HEADER)
        if len(header) < HEADER:
            return b""
        order = "little" if header[4] & 0x10 else "big"
        length = int.from_bytes(header[8:10], order)
        return header + self._exactly(length - HEADER)

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.inner.recv(size - len(data))
            if not more:
                break
            data += more
        return data

    def send(self, data):
        self.inner.sendall(data)


class Exchange(DCERPC_Server):
    """RFR, NSPI and EMSMDB."""

    directory = None

    def __init__(self, *args, ntlm=None, sign_header=False, **kwargs):
        self.ntlm = ntlm
        super().__init__(*args, **kwargs)
        # Otherwise decided by the client's PFC_SUPPORT_HEADER_SIGN.
        self.session.header_sign = self.session.header_sign or sign_header
        self.handles = set()

    def recv(self, data):
        """Chooses bare NTLM or SPNEGO by what the client's bind says, and logs binds."""
        packet = DceRpc5(data) if isinstance(data, bytes) else data
        if DceRpc5Request in packet and not packet.pfc_flags.PFC_LAST_FRAG:
            # scapy's session collects fragments, but its server expects every PDU to be a whole request.
            self.session.in_pkt(packet, commit=False)
            return
        verifier = packet.auth_verifier
        if DceRpc5Bind in packet:
            spnego = verifier is not None and verifier.auth_type == AUTH_SPNEGO
            self.session.ssp = SPNEGOSSP([self.ntlm]) if spnego else self.ntlm
        super().recv(packet)
        if DceRpc5Bind in packet or DceRpc5Auth3 in packet or DceRpc5AlterContext in packet:
            log(
                bind=type(packet.payload).__name__,
                auth_type=None if verifier is None else int(verifier.auth_type),
                level=None if verifier is None else int(verifier.auth_level),
                authenticated=self.authenticated,
                user=self.ntlm.user,
            )

    def note(self, request, **fields):
        """Logs one call."""
        level = self.session.auth_level
        log(
            call=type(request).__name__.removesuffix("_Request"),
            user=self.ntlm.user,
            level=None if level is None else int(level),
            **fields,
        )

    def new_handle(self):
        """A context handle that only this connection knows."""
        number = len(self.handles) + 1
        identifier = b"opponent" + id(self).to_bytes(6, "little")[:6] + number.to_bytes(2, "little")
        self.handles.add(identifier)
        return NDRContextHandle(attributes=0, uuid=identifier)

    def known(self, request, name):
        """The handle of a request; a fault if this server did not issue it."""
        handle = unwrapped(request.valueof(name))
        identifier = handle.uuid if isinstance(handle.uuid, bytes) else handle.uuid.bytes_le
        if identifier not in self.handles:
            log(refused=type(request).__name__, handle=identifier)
            raise DCERPC_Fault(NCA_S_FAULT_CONTEXT_MISMATCH)
        return identifier

    # RFR

    @DCERPC_Server.answer(rfr.RfrGetNewDSA_Request)
    def RfrGetNewDSA(self, req):
        request = req[rfr.RfrGetNewDSA_Request]
        self.note(request, user_dn=text_of(request, "pUserDN"))
        return rfr.RfrGetNewDSA_Response(
            ppszUnused=None, ppszServer=self.directory.server.encode(), ndr64=self.ndr64
        )

    @DCERPC_Server.answer(rfr.RfrGetFQDNFromServerDN_Request)
    def RfrGetFQDNFromServerDN(self, req):
        request = req[rfr.RfrGetFQDNFromServerDN_Request]
        self.note(request, server_dn=text_of(request, "szMailboxServerDN"))
        return rfr.RfrGetFQDNFromServerDN_Response(
            ppszServerFQDN=self.directory.server.encode(), ndr64=self.ndr64
        )

    # NSPI

    @DCERPC_Server.answer(nspi.NspiBind_Request)
    def NspiBind(self, req):
        request = req[nspi.NspiBind_Request]
        self.note(request)
        return nspi.NspiBind_Response(
            pServerGuid=nspi.FlatUID_r(ab=b"opponentopponent"),
            contextHandle=self.new_handle(),
            ndr64=self.ndr64,
        )

    @DCERPC_Server.answer(nspi.NspiUnbind_Request)
    def NspiUnbind(self, req):
        request = req[nspi.NspiUnbind_Request]
        self.handles.discard(self.known(request, "contextHandle"))
        self.note(request)
        return nspi.NspiUnbind_Response(
            contextHandle=NDRContextHandle(attributes=0, uuid=bytes(16)), status=1, ndr64=self.ndr64
        )

    @DCERPC_Server.answer(nspi.NspiUpdateStat_Request)
    def NspiUpdateStat(self, req):
        request = req[nspi.NspiUpdateStat_Request]
        self.known(request, "hRpc")
        self.note(request)
        delta = request.pStat.Delta
        stat = self.stat(request, delta)
        return nspi.NspiUpdateStat_Response(pStat=stat, plDelta=delta, ndr64=self.ndr64)

    @DCERPC_Server.answer(nspi.NspiQueryRows_Request)
    def NspiQueryRows(self, req):
        request = req[nspi.NspiQueryRows_Request]
        self.known(request, "hRpc")
        table = unwrapped(request.valueof("lpETable"))
        chosen = [int(mid) for mid in table] if table else self.directory.people()[: request.Count]
        tags = tags_of(request)
        self.note(request, tags=[f"{tag:08x}" for tag in tags], count=request.Count)
        return nspi.NspiQueryRows_Response(
            pStat=self.stat(request, len(chosen)),
            ppRows=rows([self.directory.entry(mid) for mid in chosen], tags),
            ndr64=self.ndr64,
        )

    @DCERPC_Server.answer(nspi.NspiGetMatches_Request)
    def NspiGetMatches(self, req):
        request = req[nspi.NspiGetMatches_Request]
        self.known(request, "hRpc")
        text = filter_text(unwrapped(request.valueof("Filter")))
        found = self.directory.named(text)
        self.note(request, text=text)
        return nspi.NspiGetMatches_Response(
            pStat=self.stat(request, 0),
            ppOutMIds=mids(found),
            ppRows=rows([self.directory.entry(mid) for mid in found], tags_of(request)),
            ndr64=self.ndr64,
        )

    @DCERPC_Server.answer(nspi.NspiDNToMId_Request)
    def NspiDNToMId(self, req):
        request = req[nspi.NspiDNToMId_Request]
        self.known(request, "hRpc")
        names = strings_of(unwrapped(request.valueof("pNames")))
        self.note(request, names=names)
        return nspi.NspiDNToMId_Response(
            ppOutMIds=mids(self.directory.mid_of_dn(name) for name in names), ndr64=self.ndr64
        )

    @DCERPC_Server.answer(nspi.NspiGetPropList_Request)
    def NspiGetPropList(self, req):
        request = req[nspi.NspiGetPropList_Request]
        self.known(request, "hRpc")
        self.note(request)
        kinds = {OBJECT_TYPE: INTEGER32, NETWORK_ADDRESS: MULTIPLE_UNICODE}
        entry = self.directory.entry(request.dwMId) or {}
        return nspi.NspiGetPropList_Response(
            ppPropTags=mids((number << 16) | kinds.get(number, UNICODE) for number in entry), ndr64=self.ndr64
        )

    @DCERPC_Server.answer(nspi.NspiGetProps_Request)
    def NspiGetProps(self, req):
        request = req[nspi.NspiGetProps_Request]
        self.known(request, "hRpc")
        entry, tags = self.directory.entry(request.pStat.CurrentRec), tags_of(request)
        self.note(request, mid=request.pStat.CurrentRec, tags=[f"{tag:08x}" for tag in tags])
        lacking = any((entry or {}).get(tag >> 16) is None for tag in tags)
        return nspi.NspiGetProps_Response(
            ppRows=row(entry, tags), status=ERRORS_RETURNED if lacking else 0, ndr64=self.ndr64
        )

    @DCERPC_Server.answer(nspi.NspiCompareMIds_Request)
    def NspiCompareMIds(self, req):
        request = req[nspi.NspiCompareMIds_Request]
        self.known(request, "hRpc")
        self.note(request)
        return nspi.NspiCompareMIds_Response(plResult=request.MId1 - request.MId2, ndr64=self.ndr64)

    @DCERPC_Server.answer(nspi.NspiGetSpecialTable_Request)
    def NspiGetSpecialTable(self, req):
        request = req[nspi.NspiGetSpecialTable_Request]
        self.known(request, "hRpc")
        self.note(request)
        entry = {ENTRYID: None, DISPLAY_NAME: "Everybody", OBJECT_TYPE: 0}
        tags = [(DISPLAY_NAME << 16) | UNICODE, (OBJECT_TYPE << 16) | INTEGER32]
        return nspi.NspiGetSpecialTable_Response(lpVersion=1, ppRows=rows([entry], tags), ndr64=self.ndr64)

    @DCERPC_Server.answer(nspi.NspiResolveNames_Request)
    def NspiResolveNames(self, req):
        return self.resolve(req[nspi.NspiResolveNames_Request], "paStr", nspi.NspiResolveNames_Response)

    @DCERPC_Server.answer(nspi.NspiResolveNamesW_Request)
    def NspiResolveNamesW(self, req):
        return self.resolve(req[nspi.NspiResolveNamesW_Request], "paWStr", nspi.NspiResolveNamesW_Response)

    def resolve(self, request, field, response):
        """Both kinds of name resolution."""
        self.known(request, "hRpc")
        names = strings_of(unwrapped(request.valueof(field)))
        self.note(request, names=names)
        found = [self.directory.named(name) if name else [] for name in names]
        verdicts = [UNRESOLVED if not hits else RESOLVED if len(hits) == 1 else AMBIGUOUS for hits in found]
        resolved = [self.directory.entry(hits[0]) for hits in found if len(hits) == 1]
        return response(ppMIds=mids(verdicts), ppRows=rows(resolved, tags_of(request)), ndr64=self.ndr64)

    def stat(self, request, position):
        """The request's STAT, moved."""
        stat = request.pStat.copy()
        stat.Delta, stat.NumPos, stat.TotalRecs = 0, max(position, 0), len(self.directory.people())
        return stat

    # EMSMDB

    def connected(self, request, response, **more):
        """Both kinds of connect."""
        self.note(request, user_dn=text_of(request, "szUserDN"))
        return response(
            pcxh=self.new_handle(),
            pcmsPollsMax=60000,
            pcRetry=6,
            pcmsRetryDelay=10000,
            picxr=1,
            szDNPrefix=b"/o=Lab/ou=Site/cn=Recipients/cn=",
            szDisplayName=b"Ada Lovelace",
            **emsmdb.version_fields("rgwServerVersion", SERVER_VERSION),
            **more,
            ndr64=self.ndr64,
        )

    @DCERPC_Server.answer(emsmdb.EcDoConnect_Request)
    def EcDoConnect(self, req):
        request = req[emsmdb.EcDoConnect_Request]
        version = emsmdb.version_fields("rgwClientVersion", emsmdb.version_of(request, "rgwClientVersion"))
        return self.connected(request, emsmdb.EcDoConnect_Response, **version)

    @DCERPC_Server.answer(emsmdb.EcDoConnectEx_Request)
    def EcDoConnectEx(self, req):
        request = req[emsmdb.EcDoConnectEx_Request]
        version = emsmdb.version_fields("rgwBestVersion", emsmdb.version_of(request, "rgwClientVersion"))
        return self.connected(request, emsmdb.EcDoConnectEx_Response, rgbAuxOut=b"", **version)

    @DCERPC_Server.answer(emsmdb.EcDoRpc_Request)
    def EcDoRpc(self, req):
        """Answers with the ROP bytes as they came."""
        request = req[emsmdb.EcDoRpc_Request]
        self.known(request, "pcxh")
        data = emsmdb.value(request, "rgb")
        self.note(request, rops=emsmdb.obfuscated(data))
        return emsmdb.EcDoRpc_Response(pcxh=request.pcxh, rgb=data, ndr64=self.ndr64)

    @DCERPC_Server.answer(emsmdb.EcDoRpcExt2_Request)
    def EcDoRpcExt2(self, req):
        """Answers with the ROP bytes as they came."""
        request = req[emsmdb.EcDoRpcExt2_Request]
        self.known(request, "pcxh")
        data = emsmdb.value(request, "rgbIn")
        self.note(request, rops=data)
        return emsmdb.EcDoRpcExt2_Response(
            pcxh=request.pcxh, pulFlags=0, rgbOut=data, rgbAuxOut=b"", ndr64=self.ndr64
        )

    @DCERPC_Server.answer(emsmdb.EcDoDisconnect_Request)
    def EcDoDisconnect(self, req):
        request = req[emsmdb.EcDoDisconnect_Request]
        self.handles.discard(self.known(request, "pcxh"))
        self.note(request)
        return emsmdb.EcDoDisconnect_Response(
            pcxh=NDRContextHandle(attributes=0, uuid=bytes(16)), ndr64=self.ndr64
        )


def serve(address, make):
    """Listens at `address`; each connection gets a thread and a server of its own."""
    listener = socket.create_server((address.host, address.port))

    def connection(accepted):
        with accepted:
            server = make()
            try:
                server.loop(Framed(accepted))
            except Exception as fault:  # logged, and the connection is closed
                log(error=f"{type(fault).__name__}: {fault}")
                traceback.print_exc(file=sys.stderr)
            if isinstance(server, Exchange):
                log(closed=True, handles=len(server.handles))

    def accept():
        while True:
            accepted, _ = listener.accept()
            threading.Thread(target=connection, args=(accepted,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epm", type=common.endpoint_mapper, required=True, metavar="HOST[:PORT]")
    parser.add_argument("--rpc", type=common.Address, required=True, metavar="HOST:PORT")
    parser.add_argument("--server", default="exch.lab.test", help="the name that the answers are full of")
    parser.add_argument("--user", default="svcproxy")
    parser.add_argument("--domain", default="LAB")
    parser.add_argument("--password", required=True)
    parser.add_argument(
        "--level", choices=common.LEVELS, default="privacy", help="the least that is accepted"
    )
    parser.add_argument(
        "--sign-header",
        action="store_true",
        help="sign headers even unasked, which impacket takes for granted",
    )
    parser.add_argument("--seconds", type=float, default=120.0, help="how long to run at most")
    return parser.parse_args()


def main():
    options = arguments()
    Exchange.directory = Directory(options.server)
    ports = {find_dcerpc_interface(name): options.rpc.port for name in ("rfri", "nspi", "emsmdb")}
    identities = {options.user: MD4le(options.password)}

    def mapper():
        return DCERPC_Server(
            DCERPC_Transport.NCACN_IP_TCP,
            ndr64=False,
            verb=False,
            local_ip=options.rpc.host,
            port=options.epm.port,
            portmap=ports,
        )

    def exchange():
        ntlm = WatchedNtlm(
            IDENTITIES=identities,
            DOMAIN_FQDN=options.server.partition(".")[2] or options.domain,
            DOMAIN_NB_NAME=options.domain,
            COMPUTER_NB_NAME=options.server.partition(".")[0].upper(),
            COMPUTER_FQDN=options.server,
        )
        return Exchange(
            DCERPC_Transport.NCACN_IP_TCP,
            ndr64=False,
            verb=False,
            local_ip=options.rpc.host,
            port=options.rpc.port,
            min_auth_level=RPC_C_AUTHN_LEVEL(common.LEVELS[options.level]),
            ntlm=ntlm,
            sign_header=options.sign_header,
        )

    serve(options.epm, mapper)
    serve(options.rpc, exchange)
    with _output:
        print("READY", flush=True)
    time.sleep(options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
