"""A client that is notified of changes of a mailbox, over RPC by impacket or over MAPI over HTTP by requests.

It has two sessions, of which one is notified, and the other one changes the mailbox. Reads one command a line from
standard input, and responds to each with one JSON object a line:

share NAME USER RIGHTS  creates a folder in the inbox, in which the user has these rights
subscribe               subscribes to the creation of folders in the whole mailbox
begin                   begins a wait for notifications
end                     waits for its end; whether notifications are pending
fetch                   the ids of the folders of the notifications
create PARENT NAME      creates a folder; its id

Ids are hexadecimal. Ends with its input.
"""

import json
import struct
import sys
import threading

import common
import emsmdb_stubs
import mapi_http_client

PREFIX = "/o=Lab Organisation/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn="
ADDRESS_BOOK = bytes.fromhex("dca740c8c042101ab4b908002b2fe182")
INBOX = bytes([1, 0, 0, 0, 0, 0, 0, 5])
NO_OBJECT = 0xFFFFFFFF
OBJECT_CREATED = 0x0004
AUX = bytes(4)


def say(**fields):
    """Writes a response."""
    print(json.dumps(fields), flush=True)


class HttpSession:
    """A session over HTTP."""

    def __init__(self, options):
        self.options, self.client = options, mapi_http_client.Client(options)
        self.url = mapi_http_client.autodiscover(self.client, options)["mail_store"]
        body = f"{PREFIX}{options.user}\0".encode() + struct.pack("<4I", 0, 1252, 1033, 1033) + AUX
        common.expect(self.client.ask(self.url, "Connect", body)[:8] == bytes(8), "Connect failed")

    def execute(self, buffer):
        request = struct.pack("<II", 3, len(buffer)) + buffer + struct.pack("<I", 0x8007) + AUX
        answer = self.client.ask(self.url, "Execute", request)
        common.expect(answer[:8] == bytes(8), f"Execute: {answer[:16].hex()}")
        return answer[16:]

    def begin(self):
        # Another connection, since this one waits for the response.
        waiting = mapi_http_client.Client(self.options)
        waiting.http.cookies = self.client.http.cookies.copy()

        def wait():
            answer = waiting.ask(self.url, "NotificationWait", bytes(4) + AUX)
            self.is_pending = struct.unpack_from("<III", answer) == (0, 0, 1)

        self.thread = threading.Thread(target=wait)
        self.thread.start()

    def end(self):
        self.thread.join()
        return self.is_pending


class RpcSession:
    """A session over RPC."""

    def __init__(self, options):
        self.store, self.waits = emsmdb_stubs.connections(options)
        self.handle = emsmdb_stubs.connect(self.store, PREFIX + options.user)
        self.async_handle = emsmdb_stubs.async_connect(self.store, self.handle)

    def execute(self, buffer):
        return emsmdb_stubs.execute(self.store, self.handle, buffer)

    def begin(self):
        emsmdb_stubs.begin_wait(self.waits, self.async_handle)

    def end(self):
        return emsmdb_stubs.end_wait(self.waits)


class Mailbox:
    """A session, and its logon to a mailbox."""

    def __init__(self, session, owner):
        self.session = session
        dn = f"{PREFIX}{owner}\0".encode()
        logon = struct.pack("<BBBBIIH", 0xFE, 0, 0, 1, 0, 0, len(dn)) + dn
        _, (self.logon,) = self.rops(logon, [NO_OBJECT])

    def rops(self, rops, handles):
        """The responses to ROPs, and the handles."""
        payload = struct.pack("<H", len(rops) + 2) + rops + struct.pack(f"<{len(handles)}I", *handles)
        # RPC_HEADER_EXT: the last buffer, neither compressed nor obfuscated.
        header = struct.pack("<HHHH", 0, 4, len(payload), len(payload))
        answer = self.session.execute(header + payload)
        (size,) = struct.unpack_from("<H", answer, 8)
        count = (struct.unpack_from("<H", answer, 4)[0] - size) // 4
        return answer[10 : 8 + size], struct.unpack_from(f"<{count}I", answer, 8 + size)

    def create(self, parent, name):
        """Creates a folder, and returns its handle and its id."""
        rops = struct.pack("<BBBB", 0x02, 0, 0, 1) + parent + b"\0"
        rops += struct.pack("<BBBBBBBB", 0x1C, 0, 1, 2, 1, 0, 0, 0) + name.encode() + b"\0\0"
        responses, handles = self.rops(rops, [self.logon, NO_OBJECT, NO_OBJECT])
        common.expect(responses[8:14] == bytes([0x1C, 2, 0, 0, 0, 0]), f"RopCreateFolder: {responses.hex()}")
        return handles[2], responses[14:22]

    def share(self, name, user, rights):
        handle, folder = self.create(INBOX, name)
        entry_id = bytes(4) + ADDRESS_BOOK + struct.pack("<II", 1, 0) + f"{PREFIX}{user}\0".encode()
        permission = struct.pack("<BHIH", 1, 2, 0x0FFF0102, len(entry_id)) + entry_id
        permission += struct.pack("<II", 0x66730003, rights)
        responses, _ = self.rops(struct.pack("<BBBBH", 0x40, 0, 0, 0, 1) + permission, [handle])
        common.expect(responses == bytes([0x40, 0, 0, 0, 0, 0]), f"RopModifyPermissions: {responses.hex()}")
        return folder

    def subscribe(self):
        rops = struct.pack("<BBBBHB", 0x29, 0, 0, 1, OBJECT_CREATED, 1)
        responses, handles = self.rops(rops, [self.logon, NO_OBJECT])
        common.expect(responses == bytes([0x29, 1, 0, 0, 0, 0]), f"RopRegisterNotification: {responses.hex()}")
        self.subscription = handles[1]

    def fetch(self):
        """The folders of the notifications, each of which is of a folder that was created."""
        rest, folders = self.rops(b"", [])[0], []
        while rest:
            rop, handle, logon, flags = struct.unpack_from("<BIBH", rest)
            common.expect((rop, logon, flags) == (0x2A, 0, OBJECT_CREATED), f"not RopNotify: {rest.hex()}")
            common.expect(handle == self.subscription, f"a notification for the object {handle}")
            folders.append(rest[8:16].hex())
            rest = rest[26:]
        return folders


def obey(notified, changing, command, arguments):
    """Does one thing."""
    if command == "share":
        name, user, rights = arguments
        say(folder=changing.share(name, user, int(rights, 16)).hex())
    elif command == "subscribe":
        notified.subscribe()
        say(subscribed=True)
    elif command == "begin":
        notified.session.begin()
        say(begun=True)
    elif command == "end":
        say(pending=notified.session.end())
    elif command == "fetch":
        say(folders=notified.fetch())
    elif command == "create":
        parent, name = arguments
        say(folder=changing.create(bytes.fromhex(parent), name)[1].hex())
    else:
        raise ValueError(f"{command} is no command")


def mailbox_options(description):
    """The arguments of a client of a mailbox, by RPC or HTTP."""
    parser = common.client_arguments(description, asks_endpoint_mapper=False)
    parser.add_argument("--epm", type=common.endpoint_mapper, help="RPC at the server of this endpoint mapper")
    parser.add_argument("--url", help="HTTP at this URL")
    parser.add_argument("--ca", help="a file of trusted certificates")
    parser.add_argument("--mail", help="the address for Autodiscover")
    parser.add_argument("--owner", required=True, help="whose mailbox it is")
    parser.set_defaults(transport="ncacn_ip_tcp", scheme="basic")
    return parser.parse_args()


def main():
    options = mailbox_options(__doc__.splitlines()[0])
    session = HttpSession if options.url else RpcSession
    notified, changing = (Mailbox(session(options), options.owner) for _ in range(2))
    say(ready=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        obey(notified, changing, command, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
