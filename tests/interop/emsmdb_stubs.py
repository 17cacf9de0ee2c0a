"""The calls of EMSMDB and AsyncEMSMDB for impacket, which does not implement these interfaces ([MS-OXCRPC])."""

import struct

from impacket.uuid import uuidtup_to_bin

import common
import impacket_client

ASYNC_EMSMDB = ("5261574a-4572-206e-b268-6b199213b4e4", "0.1")
CONNECT_EX, RPC_EXT2, ASYNC_CONNECT_EX, ASYNC_WAIT_EX = 10, 11, 14, 0
NO_COMPRESSION_NOR_MAGIC = 3


def padded(data):
    """`data`, aligned to four bytes."""
    return data + bytes(-len(data) % 4)


def call(connection, opnum, stub):
    """The stub of the response."""
    connection.call(opnum, stub)
    return connection.recv()


def connections(options):
    """A connection for EMSMDB, and one of the same association group for AsyncEMSMDB."""
    place = impacket_client.ask_endpoint_mapper(options, "emsmdb")
    store = impacket_client.connected(place, options)
    answer = store.bind(uuidtup_to_bin(common.INTERFACES["emsmdb"]))
    leave = impacket_client.join(int.from_bytes(answer["pduData"][4:8], "little"))
    waits = impacket_client.connected(place, options)
    waits.bind(uuidtup_to_bin(ASYNC_EMSMDB))
    leave()
    return store, waits


def connect(store, dn):
    """EcDoConnectEx: the context handle."""
    name = dn.encode() + b"\0"
    stub = padded(struct.pack("<III", len(name), 0, len(name)) + name)
    stub += struct.pack("<7IH3HxxxxI", 0, 0, 0, 1252, 1033, 1033, 0xFFFFFFFF, 1, 15, 4096, 4096, 0)
    stub += struct.pack("<III", 0, 0, 0x1008)  # rgbAuxIn without bytes, cbAuxIn, pcbAuxOut
    answer = call(store, CONNECT_EX, stub)
    common.expect(answer[-4:] == bytes(4), f"EcDoConnectEx: {answer[-4:].hex()}")
    return answer[:20]


def async_connect(store, handle):
    """EcDoAsyncConnectEx: the context handle for waits."""
    answer = call(store, ASYNC_CONNECT_EX, handle)
    common.expect(answer[-4:] == bytes(4), f"EcDoAsyncConnectEx: {answer[-4:].hex()}")
    return answer[:20]


def execute(store, handle, buffer):
    """EcDoRpcExt2: the extended buffers of the response."""
    stub = handle + struct.pack("<II", NO_COMPRESSION_NOR_MAGIC, len(buffer)) + padded(buffer)
    stub += struct.pack("<IIIII", len(buffer), 0x8007, 0, 0, 0)
    answer = call(store, RPC_EXT2, stub)
    common.expect(answer[-4:] == bytes(4), f"EcDoRpcExt2: {answer[-4:].hex()}")
    _, _, size = struct.unpack_from("<III", answer, 24)
    return answer[36 : 36 + size]


def begin_wait(waits, async_handle):
    """Sends EcDoAsyncWaitEx."""
    waits.call(ASYNC_WAIT_EX, async_handle + bytes(4))


def end_wait(waits):
    """Whether notifications are pending, once EcDoAsyncWaitEx has ended."""
    flags, status = struct.unpack("<II", waits.recv())
    common.expect(status == 0, f"EcDoAsyncWaitEx: {status:#x}")
    return flags == 1
