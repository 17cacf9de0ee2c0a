#!/usr/bin/env python3
"""A server of MAPI over HTTP, Autodiscover and some virtual directories, for one account, or for several by any scheme.

Its responses were recorded (`tests/captures`), except its cookies: each session has one that identifies it, and one
that changes with each request. pyspnego authenticates clients with the accounts of the file that NTLM_USER_FILE names.

Prints `READY` when it listens, then one JSON object a line for every request that it served and for every one
that it refused. With `--auth any` it serves all accounts of that file, by Negotiate, NTLM, Basic, and Bearer with
`token-of-USER`. `X-Script` in a request chooses the response:

hold   the head and PROCESSING; the rest when standard input has `go`
mute   nothing until standard input has `go`
refuse CODE   with this `X-ResponseCode`, and a page that names it

With `--playback` it plays a recording back: the recorded requests of MAPI over HTTP, in their order, get the recorded
responses, or none. Only requests that were executed need a session. `--spoil` changes bytes of responses. `--renew`
makes it another server with the same mailboxes: identifiers such as GUIDs have other bytes, in responses and in the
requests that it accepts. Both take hexadecimal digits and may be given several times; each is applied to the result of
those before it.

On standard input, `mark WORD` has it print `marked WORD`, `revoke` has it take back all sign-ins on connections,
`drop` has it close the connection after its next challenge, and `heads` has it answer HEAD with a body from then on.
"""

import argparse
import base64
import hashlib
import itertools
import json
import os
import socket
import ssl
import sys
import threading
import urllib.parse
import uuid

import spnego
from spnego._ntlm_raw.messages import Authenticate, AvId, NTClientChallengeV2
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

import common
from recording import Message, Recording

EMSMDB_TYPES = {"Connect", "Execute", "Disconnect", "NotificationWait", "PING"}
NO_SESSION = 10
INVALID_SEQUENCE = 15
AT_WORK, DONE = b"PROCESSING\r\n", b"DONE\r\nX-ElapsedTime: 0\r\n\r\n"

SCHEMES = {"ntlm": "NTLM", "negotiate": "Negotiate"}

_output = threading.Lock()
go = threading.Semaphore(0)
drops = threading.Semaphore(0)
head_bodies = threading.Event()
epoch = itertools.count()
revoked = [next(epoch)]


def log(**fields):
    """Writes a line of the log."""
    with _output:
        print(json.dumps(fields), flush=True)


class Closed(Exception):
    """The client has disconnected."""


class Sessions:
    """The sessions, by their cookies."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sequences = {}

    def open(self):
        with self.lock:
            sid = uuid.uuid4().hex
            self.sequences[sid] = str(uuid.uuid4())
            return sid, self.sequences[sid]

    def next(self, cookies):
        """The session of the cookies, with its next sequence cookie; otherwise an error's code."""
        with self.lock:
            sid = cookies.get("sid")
            if sid not in self.sequences:
                return NO_SESSION
            if cookies.get("sequence") != self.sequences[sid]:
                return INVALID_SEQUENCE
            self.sequences[sid] = str(uuid.uuid4())
            return sid, self.sequences[sid]

    def close(self, sid):
        with self.lock:
            del self.sequences[sid]


def end_point(certificate):
    """The channel binding of TLS with this certificate: `tls-server-end-point` (RFC 5929)."""
    with open(f"{certificate}.crt", encoding="ascii") as file:
        shown = ssl.PEM_cert_to_DER_cert(file.read().partition("-----END CERTIFICATE-----")[0] + ssl.PEM_FOOTER)
    digest = hashlib.sha256(shown).digest()
    return GssChannelBindings(application_data=b"tls-server-end-point:" + digest)


def is_bound(token):
    """Whether the last token of a handshake has channel bindings; pyspnego accepts tokens without."""
    message = Authenticate.unpack(token[token.index(b"NTLMSSP\0\3") :])
    claims = NTClientChallengeV2.unpack(message.nt_challenge_response[16:])
    return claims.av_pairs.get(AvId.channel_bindings, bytes(16)) != bytes(16)


class SignIn:
    """The authentication of a connection's client."""

    def __init__(self, options):
        self.scheme = options.auth
        self.account = f"{options.domain}\\{options.user}"
        self.basic = base64.b64encode(f"{self.account}:{options.password}".encode()).decode()
        self.context, self.user, self.user_stays, self.since = None, None, False, revoked[0]
        self.bindings = end_point(options.certificate) if options.bindings else None
        self.accounts = {}
        with open(os.environ["NTLM_USER_FILE"], encoding="utf-8") as file:
            for line in file:
                domain, user, password = line.strip().split(":")
                self.accounts[f"{domain}\\{user}"] = password

    def challenges(self, given):
        """The challenges for the client, a line each; `None` if the request is authenticated."""
        if self.scheme != "any":
            challenge = self.challenge(given)
            return challenge and [challenge]
        if self.since != revoked[0]:
            self.user, self.since = None, revoked[0]
        offers = ["Negotiate", "NTLM", "Basic realm=\"server\"", "Bearer", "Digest realm=\"server\""]
        if given is None:
            return None if self.user and self.user_stays else offers
        scheme, _, token = given.partition(" ")
        self.user_stays = scheme in SCHEMES.values()
        if self.user_stays:
            challenge = self.shake(scheme, token)
            return offers if challenge == scheme else challenge and [challenge]
        self.user = self.without_handshake(scheme, token)
        return None if self.user else offers

    def without_handshake(self, scheme, token):
        """The user of credentials."""
        if scheme == "Basic":
            user, _, password = base64.b64decode(token).decode().partition(":")
            return user if self.accounts.get(user) == password else None
        if scheme == "Bearer":
            user = "LAB\\" + token.removeprefix("token-of-")
            return user if user in self.accounts else None
        return None

    def challenge(self, given):
        """The challenge for the client; `None` if the request is authenticated as the account."""
        if self.scheme == "basic":
            self.user = self.account if given == f"Basic {self.basic}" else None
            return None if self.user else "Basic realm=\"server\""
        name = SCHEMES[self.scheme]
        if given is None:
            return None if self.user else name
        scheme, _, token = given.partition(" ")
        return name if scheme != name else self.shake(name, token)

    def shake(self, name, token):
        """The next step of a handshake: its challenge, the scheme's name if it failed, `None` if it is complete."""
        if self.context is None or self.context.complete:
            self.user, self.context = None, self.acceptor(name.lower())
        try:
            answer = self.context.step(base64.b64decode(token))
        except SpnegoError as fault:
            log(refused=str(fault))
            self.context = None
            return name
        if self.context.complete and self.bindings and not is_bound(base64.b64decode(token)):
            log(refused="no channel bindings")
            self.context = None
            return name
        if self.context.complete:
            self.user = self.context.client_principal
            return None
        return f"{name} {base64.b64encode(answer).decode()}"

    def acceptor(self, scheme):
        kinds = spnego.NegotiateOptions
        wanted = kinds.use_ntlm if scheme == "ntlm" else kinds.use_negotiate
        names = {"hostname": "mail.lab.test", "service": "http", "protocol": scheme, "options": wanted}
        return spnego.server(channel_bindings=self.bindings, **names)


class Connection:
    """One connection, and the requests on it."""

    def __init__(self, server, stream, number):
        self.server, self.number, self.stream = server, number, stream
        self.input = stream.makefile("rb")
        self.sign_in = SignIn(server.options)
        self.bodiless = False

    def serve(self):
        try:
            while True:
                self.request(*self.read())
        except (Closed, OSError):
            log(closed=self.number)
        finally:
            self.input.close()
            self.stream.close()

    def read(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.input.readline()
            if not line:
                raise Closed
            head += line
        request = Message(head)
        length = int(request.header("Content-Length") or 0)
        content = self.input.read(length)
        if len(content) < length:
            raise Closed
        return request, content

    def request(self, request, content):
        method, target, _ = request.first.split(" ")
        self.bodiless = method == "HEAD" and not head_bodies.is_set()
        challenges = self.sign_in.challenges(request.header("Authorization"))
        if challenges is not None and self.serves_nobody(target):
            challenges = None
        if challenges is not None:
            refusal = [("WWW-Authenticate", challenge) for challenge in challenges]
            self.send("HTTP/1.1 401 Unauthorized", [*refusal, ("Server", self.server.options.server)], b"go away")
            if len(challenges) == 1 and drops.acquire(blocking=False):
                raise Closed
            return None
        log(
            request=method,
            target=target,
            headers=request.headers,
            content=content.hex(),
            user=self.sign_in.user,
            connection=self.number,
        )
        path = urllib.parse.urlsplit(target).path.lower()
        if path.startswith("/mapi/"):
            return self.mapi(path.split("/")[2], request, content)
        if path.startswith("/autodiscover/"):
            number = 13 if "json" in path else 0
            return self.replay(number)
        where = [("Content-Type", "text/plain"), ("X-FEServer", "EXCH")]
        return self.send("HTTP/1.1 200 OK", where, f"{method} {target}".encode() + content)

    def serves_nobody(self, target):
        """Whether the path needs no authentication, as at real servers."""
        return self.sign_in.scheme == "any" and target.lower().startswith("/autodiscover/autodiscover.json")

    def replay(self, number):
        """Sends a recorded response."""
        answer = self.server.recording.answers[number]
        self.write(self.head(answer.first, answer.headers) + (b"" if self.bodiless else answer.rest))

    def mapi(self, endpoint, request, content):
        request_type = request.header("X-RequestType")
        cookies = dict(part.strip().split("=", 1) for part in (request.header("Cookie") or "=").split(";"))
        if self.server.options.playback:
            return self.play(request, request_type, content, cookies)
        if request_type == "PING":
            fields = [("X-RequestType", "PING"), ("Content-Type", "application/mapi-http"), ("X-ResponseCode", "0")]
            return self.send("HTTP/1.1 200 OK", fields, AT_WORK + DONE)
        same = [(name, request.header(name)) for name in ("X-RequestType", "X-RequestId", "X-ClientInfo")]
        script, _, code = (request.header("X-Script") or "").partition(" ")
        if script == "refuse":
            fields = [*same, ("Content-Type", "text/html"), ("X-ResponseCode", code)]
            return self.send("HTTP/1.1 200 OK", fields, f"<p>refused with {code}</p>".encode())
        opens = request_type in ("Connect", "Bind")
        session = self.server.sessions.open() if opens else self.server.sessions.next(cookies)
        if isinstance(session, int):
            log(refused=session)
            fields = [*same, ("Content-Type", "text/html"), ("X-ResponseCode", str(session))]
            return self.send("HTTP/1.1 200 OK", fields, b"no such session")
        if request_type in ("Disconnect", "Unbind"):
            self.server.sessions.close(session[0])
            done = AT_WORK + DONE + bytes(12)
            fields = [*same, ("Content-Type", "application/mapi-http"), ("X-ResponseCode", "0")]
            return self.send("HTTP/1.1 200 OK", fields, done)
        number = self.server.recording.answer(endpoint, request_type, content)
        if number is None:
            return self.send("HTTP/1.1 500 Internal Server Error", same, b"this was never asked")
        answer = self.server.recording.answers[number]
        ours = dict(same) | {"Set-Cookie": None}
        headers = [
            (name, ours.get(name, value)) for name, value in answer.headers if ours.get(name, value) is not None
        ]
        headers += [("Set-Cookie", f"sid={session[0]}"), ("Set-Cookie", f"sequence={session[1]}")]
        head = self.head(answer.first, headers)
        if script == "mute":
            log(waits=self.number)
            go.acquire()
        if script != "hold":
            return self.write(head + answer.rest)
        rest = answer.content.removeprefix(AT_WORK)
        self.write(head + chunk(AT_WORK))
        log(waits=self.number)
        go.acquire()
        return self.write(chunk(rest) + chunk(b""))

    def play(self, request, request_type, content, cookies):
        """The next recorded response to this request."""
        recording, sessions, options = self.server.recording, self.server.sessions, self.server.options
        stale = [old.hex() for old, _ in options.renew if old in content]
        if stale:
            log(refused="ids of another server", ids=stale, type=request_type, content=content.hex())
            return self.send("HTTP/1.1 500 Internal Server Error", [], b"these ids are not mine")
        for old, new in reversed(options.renew):
            content = content.replace(new, old)
        number = recording.next(request.first.split(" ")[1], request_type, content)
        if number is None:
            log(refused="never asked", type=request_type, content=content.hex())
            return self.send("HTTP/1.1 500 Internal Server Error", [], b"this was never asked")
        answer = recording.answers[number]
        headers = [(name, value) for name, value in answer.headers if name.lower() != "set-cookie"]
        rest = answer.rest
        if answer.header("X-ResponseCode") == "0" and request_type != "PING":
            opens = request_type in ("Connect", "Bind")
            session = sessions.open() if opens else sessions.next(cookies)
            if isinstance(session, int):
                log(refused=session, type=request_type, number=number)
                return self.send("HTTP/1.1 200 OK", [("X-ResponseCode", str(session))], b"no such session")
            if request_type in ("Disconnect", "Unbind"):
                sessions.close(session[0])
            else:
                headers += [("Set-Cookie", f"sid={session[0]}"), ("Set-Cookie", f"sequence={session[1]}")]
        content = answer.content
        for old, new in options.renew + options.spoil:
            content = content.replace(old, new)
        if content != answer.content:
            rest = chunk(content) + chunk(b"") if answer.header("Transfer-Encoding") else content
        return self.write(self.head(answer.first, headers) + rest)

    def head(self, first, headers):
        return "".join([f"{first}\r\n", *(f"{name}: {value}\r\n" for name, value in headers), "\r\n"]).encode()

    def send(self, first, headers, content):
        head = self.head(first, [*headers, ("Content-Length", len(content))])
        self.write(head + (b"" if self.bodiless else content))

    def write(self, data):
        self.stream.sendall(data)


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Server:
    """The server."""

    def __init__(self, options):
        self.options = options
        self.recording = Recording(options.playback or "mapihttp")
        self.sessions = Sessions()

    def run(self):
        listener = socket.create_server((self.options.http.host, self.options.http.port), backlog=64)
        tls = None
        if self.options.certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(f"{self.options.certificate}.crt", f"{self.options.certificate}.key")
        print("READY", flush=True)
        for number in itertools.count():
            stream, _ = listener.accept()
            threading.Thread(target=self.take, args=(stream, tls, number), daemon=True).start()

    def take(self, stream, tls, number):
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            stream = tls.wrap_socket(stream, server_side=True) if tls else stream
        except OSError as fault:
            log(refused=str(fault))
            return
        Connection(self, stream, number).serve()


def listen_to_orders():
    for line in sys.stdin:
        order, _, argument = line.strip().partition(" ")
        if order == "go":
            go.release()
        elif order == "drop":
            drops.release()
        elif order == "heads":
            head_bodies.set()
        elif order == "revoke":
            revoked[0] = next(epoch)
        elif order == "mark":
            with _output:
                print(f"marked {argument}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--http", type=common.Address, required=True, metavar="HOST:PORT")
    parser.add_argument("--server", required=True, help="its own name")
    parser.add_argument("--certificate", metavar="PATH", help="speak TLS with PATH.crt and PATH.key")
    parser.add_argument("--bindings", action="store_true", help="have handshakes bound to TLS")
    parser.add_argument("--auth", choices=["basic", "ntlm", "negotiate", "any"], default="ntlm")
    parser.add_argument("--user", required=True)
    parser.add_argument("--domain", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--playback", metavar="PACK", help="play this recording back")
    for name, what in (("--spoil", "say NEW for OLD"), ("--renew", "have NEW where it was OLD, in requests, too")):
        words = {"nargs": 2, "action": "append", "default": [], "type": bytes.fromhex, "metavar": ("OLD", "NEW")}
        parser.add_argument(name, help=what, **words)
    options = parser.parse_args()
    threading.Thread(target=listen_to_orders, daemon=True).start()
    Server(options).run()


if __name__ == "__main__":
    sys.exit(main())
