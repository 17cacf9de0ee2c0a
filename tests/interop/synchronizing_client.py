"""A client that downloads folders as FastTransfer streams, over RPC by impacket or over MAPI over HTTP by requests.

Reads one command a line from standard input, and responds to each with one JSON object a line:

share NAME USER RIGHTS  creates a folder in the inbox, in which the user has these rights
message FOLDER SUBJECT  saves a message in a folder
download FOLDER         downloads the messages of a folder: the size and the digest of the stream, and the subjects

Ids are hexadecimal. Ends with its input.
"""

import hashlib
import struct
import sys

import common
import notified_client
from notified_client import NO_OBJECT, say

SUBJECT = 0x0037001F
PARTIAL, DONE = 1, 3


class Synchronized(notified_client.Mailbox):
    """A session, its logon to a mailbox, and downloads from that ([MS-OXCFXICS] 3.2.5.9)."""

    def message(self, folder, subject):
        """Saves a message."""
        rops = struct.pack("<BBBBH", 0x06, 0, 0, 1, 0x0FFF) + folder + b"\0"
        value = struct.pack("<HI", 1, SUBJECT) + subject.encode("utf-16-le") + b"\0\0"
        rops += struct.pack("<BBBH", 0x0A, 0, 1, len(value)) + value
        rops += struct.pack("<BBBBB", 0x0C, 0, 1, 1, 0x0C)
        responses, _ = self.rops(rops, [self.logon, NO_OBJECT])
        saved = responses[-15:-9]
        common.expect(saved == bytes([0x0C, 1, 0, 0, 0, 0]), f"RopSaveChangesMessage: {responses.hex()}")

    def download(self, folder):
        """The stream of a folder's messages, or the code with which the folder is refused."""
        rops = struct.pack("<BBBB", 0x02, 0, 0, 1) + folder + b"\0"
        # Unicode, ReadState, FAI, Normal; with identifiers and change numbers.
        rops += struct.pack("<BBBBBBHHIH", 0x70, 0, 1, 2, 1, 1, 0x0039, 0, 5, 0)
        responses, handles = self.rops(rops, [self.logon, NO_OBJECT, NO_OBJECT])
        (code,) = struct.unpack_from("<I", responses, 2)
        if code:
            return code, b""
        common.expect(responses[8:14] == bytes([0x70, 2, 0, 0, 0, 0]), f"configured: {responses.hex()}")
        stream, status = b"", PARTIAL
        while status == PARTIAL:
            responses, _ = self.rops(struct.pack("<BBBHH", 0x4E, 0, 0, 0xBABE, 0x4000), [handles[2]])
            rop, _, code, status, _, _, _, size = struct.unpack_from("<BBIHHHBH", responses)
            common.expect((rop, code) == (0x4E, 0), f"RopFastTransferSourceGetBuffer: {responses[:16].hex()}")
            stream += responses[15 : 15 + size]
        common.expect(status == DONE, f"the status {status}")
        return 0, stream


def subjects(stream):
    """The subjects of the messages in a stream."""
    parts = stream.split(struct.pack("<I", SUBJECT))[1:]
    sizes = [struct.unpack_from("<I", part)[0] for part in parts]
    return [part[4 : 2 + size].decode("utf-16-le") for part, size in zip(parts, sizes)]


def obey(mailbox, command, arguments):
    """Does one thing."""
    if command == "share":
        name, user, rights = arguments
        say(folder=mailbox.share(name, user, int(rights, 16)).hex())
    elif command == "message":
        folder, subject = arguments
        mailbox.message(bytes.fromhex(folder), subject)
        say(saved=True)
    elif command == "download":
        code, stream = mailbox.download(bytes.fromhex(arguments[0]))
        digest = hashlib.sha256(stream).hexdigest()
        say(code=code, size=len(stream), digest=digest, subjects=subjects(stream))
    else:
        raise ValueError(f"{command} is no command")


def main():
    options = notified_client.mailbox_options(__doc__.splitlines()[0])
    session = notified_client.HttpSession if options.url else notified_client.RpcSession
    mailbox = Synchronized(session(options), options.owner)
    say(ready=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        obey(mailbox, command, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
