"""EMSMDB for scapy: the operations of the 2000 dialect, and corrected structures of the later ones.

scapy-rpc has the interface of [MS-OXCRPC], in which opnums 0 and 2 are reserved; here they are EcDoConnect and
EcDoRpc, as in the 2000 dialect. Three faults of the generated classes are corrected: a conformant array whose size is
in a later field takes the rest of the stub, versions are text, and they are not aligned after a string.
"""

from scapy.fields import Field
from scapy.layers.dcerpc import (
    DceRpc5Request,
    DceRpcOp,
    NDRAlign,
    NDRConformantString,
    NDRConfStrLenField,
    NDRConfVarStrLenField,
    NDRConfVarStrNullField,
    NDRContextHandle,
    NDRFullPointerField,
    NDRIntField,
    NDRPacket,
    NDRPacketField,
    NDRShortField,
    find_dcerpc_interface,
)
from scapy.packet import bind_top_down

from msrpcs import ms_oxcrpc

XOR_MAGIC = 0xA5
LAST_EXTENDED = 0x0004


class CountedBytes(NDRConfStrLenField):
    """A conformant byte array with a count of its own."""

    def __init__(self, name):
        super().__init__(name, "", size_is=lambda pkt: None)

    def getfield(self, pkt, s):
        order = "<" if pkt.ndrendian == "little" else ">"
        count_field = Field("", 0, fmt=order + ("Q" if pkt.ndr64 else "I"))
        rest, count = NDRAlign(count_field, align=(4, 8)).getfield(pkt, s)
        value = NDRConformantString(
            ndr64=pkt.ndr64, ndrendian=pkt.ndrendian, max_count=count, value=rest[:count]
        )
        return rest[count:], value


def handle():
    return NDRPacketField("pcxh", NDRContextHandle(), NDRContextHandle)


def version(name):
    """Three 16-bit numbers."""
    return [NDRShortField(f"{name}{index}", 0) for index in range(3)]


def version_of(packet, name):
    """The three numbers of a version field."""
    return [getattr(packet, f"{name}{index}") for index in range(3)]


def version_fields(name, numbers):
    """Keyword arguments that set a version field."""
    return {f"{name}{index}": number for index, number in enumerate(numbers)}


def text(name):
    return NDRFullPointerField(NDRConfVarStrNullField(name, ""))


CONNECT_INPUT = [
    NDRConfVarStrNullField("szUserDN", ""),
    NDRIntField("ulFlags", 0),
    NDRIntField("ulConMod", 0),
    NDRIntField("cbLimit", 0),
    NDRIntField("ulCpid", 0),
    NDRIntField("ulLcidString", 0),
    NDRIntField("ulLcidSort", 0),
    NDRIntField("ulIcxrLink", 0),
    NDRShortField("usFCanConvertCodePages", 0),
]


def connect_output():
    return [
        handle(),
        NDRIntField("pcmsPollsMax", 0),
        NDRIntField("pcRetry", 0),
        NDRIntField("pcmsRetryDelay", 0),
        NDRShortField("picxr", 0),
        text("szDNPrefix"),
        text("szDisplayName"),
        *version("rgwServerVersion"),
    ]


class EcDoConnect_Request(NDRPacket):
    fields_desc = [*CONNECT_INPUT, *version("rgwClientVersion"), NDRIntField("pulTimeStamp", 0)]


class EcDoConnect_Response(NDRPacket):
    fields_desc = [
        *connect_output(),
        *version("rgwClientVersion"),
        NDRIntField("pulTimeStamp", 0),
        NDRIntField("status", 0),
    ]


class EcDoRpc_Request(NDRPacket):
    fields_desc = [
        handle(),
        NDRConfVarStrLenField("rgb", "", size_is=lambda pkt: pkt.cbMax, length_is=lambda pkt: pkt.pcb),
        NDRShortField("pcb", None, size_of="rgb"),
        NDRShortField("cbMax", 0),
    ]


class EcDoRpc_Response(NDRPacket):
    fields_desc = [
        handle(),
        NDRConfVarStrLenField("rgb", "", size_is=lambda pkt: pkt.pcb, length_is=lambda pkt: pkt.pcb),
        NDRShortField("pcb", None, size_of="rgb"),
        NDRIntField("status", 0),
    ]


class EcDoConnectEx_Request(NDRPacket):
    fields_desc = [
        *CONNECT_INPUT,
        *version("rgwClientVersion"),
        NDRIntField("pulTimeStamp", 0),
        CountedBytes("rgbAuxIn"),
        NDRIntField("cbAuxIn", None, size_of="rgbAuxIn"),
        NDRIntField("pcbAuxOut", 0),
    ]


class EcDoConnectEx_Response(NDRPacket):
    fields_desc = [
        *connect_output(),
        *version("rgwBestVersion"),
        NDRIntField("pulTimeStamp", 0),
        NDRConfVarStrLenField("rgbAuxOut", "", size_is=lambda pkt: None, length_is=lambda pkt: pkt.pcbAuxOut),
        NDRIntField("pcbAuxOut", None, size_of="rgbAuxOut"),
        NDRIntField("status", 0),
    ]


class EcDoRpcExt2_Request(NDRPacket):
    fields_desc = [
        handle(),
        NDRIntField("pulFlags", 0),
        CountedBytes("rgbIn"),
        NDRIntField("cbIn", None, size_of="rgbIn"),
        NDRIntField("pcbOut", 0),
        CountedBytes("rgbAuxIn"),
        NDRIntField("cbAuxIn", None, size_of="rgbAuxIn"),
        NDRIntField("pcbAuxOut", 0),
    ]


EcDoRpcExt2_Response = ms_oxcrpc.EcDoRpcExt2_Response
EcDoDisconnect_Request = ms_oxcrpc.EcDoDisconnect_Request
EcDoDisconnect_Response = ms_oxcrpc.EcDoDisconnect_Response

INTERFACE = find_dcerpc_interface("emsmdb")
for _opnum, _request, _response in (
    (0, EcDoConnect_Request, EcDoConnect_Response),
    (2, EcDoRpc_Request, EcDoRpc_Response),
    (10, EcDoConnectEx_Request, EcDoConnectEx_Response),
    (11, EcDoRpcExt2_Request, EcDoRpcExt2_Response),
):
    INTERFACE.opnums[_opnum] = DceRpcOp(_request, _response)
    bind_top_down(DceRpc5Request, _request, opnum=_opnum)
    _request.opnum, _request.intf = _opnum, INTERFACE.uuid


def value(packet, name):
    """A field's value without NDR's pointers and arrays."""
    inner = packet.valueof(name)
    while hasattr(inner, "fields_desc") and "value" in inner.fields:
        inner = inner.fields["value"]
    return b"" if inner is None else inner


def obfuscated(data):
    """`data` with every byte XORed with 0xA5, which is also how to undo it ([MS-OXCRPC] 3.1.4.11.1.1.1)."""
    return bytes(byte ^ XOR_MAGIC for byte in data)


def extended(payload):
    """`payload` after the header of an extended buffer, plain and last ([MS-OXCRPC] 2.2.2.1)."""
    size = len(payload).to_bytes(2, "little")
    return bytes(2) + LAST_EXTENDED.to_bytes(2, "little") + size + size + payload


def rop_logon(essdn):
    """A ROP buffer with one RopLogon to the private mailbox of `essdn` ([MS-OXCROPS] 2.2.3.1)."""
    name = essdn.encode("ascii") + b"\0"
    rop = (
        bytes([0xFE, 0, 0, 0x01])
        + bytes.fromhex("0c040001")
        + bytes(4)
        + len(name).to_bytes(2, "little")
        + name
    )
    return (len(rop) + 2).to_bytes(2, "little") + rop + b"\xff\xff\xff\xff"
