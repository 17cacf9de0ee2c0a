#!/usr/bin/env python3
"""A client of MAPI over HTTP that executes commands, by requests, or by http.client with its own handshake.

Reads one command a line from standard input, and responds to each with one JSON object a line:

connect         opens a session, as it was recorded
execute N       sends the recorded request N within it
disconnect      closes it
script WORD     sends `X-Script: WORD` with all further requests, a command for the server
ask PATH        requests another path
cookies         returns its cookies
take COOKIES    replaces its cookies by these, a JSON object

The response to a command that fails is `{"fault": …}`. Ends with its input.
"""

import argparse
import base64
import http.client
import http.cookies
import json
import socket
import ssl
import sys
import urllib.parse
import uuid

import requests
import requests_ntlm
import spnego
from impacket import ntlm

import common
from recording import Recording

CONNECT, DISCONNECT = 64, bytes(4)


def say(**fields):
    """Writes a response."""
    print(json.dumps(fields), flush=True)


class Requests:
    """requests, with Basic, or with NTLM of requests-ntlm."""

    def __init__(self, options):
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = options.ca
        if options.auth == "basic":
            self.session.auth = (f"{options.domain}\\{options.user}".encode(), options.password.encode())
        elif options.auth == "ntlm":
            name = f"{options.domain}\\{options.user}"
            self.session.auth = requests_ntlm.HttpNtlmAuth(name, options.password)

    def ask(self, method, url, headers, content):
        answer = self.session.request(method, url, headers=headers, data=content, timeout=60)
        return answer.status_code, list(answer.raw.headers.items()), answer.content

    @property
    def cookies(self):
        return self.session.cookies.get_dict()

    @cookies.setter
    def cookies(self, cookies):
        self.session.cookies.clear()
        for name, value in cookies.items():
            # As if the server had set them.
            self.session.cookies.set(name, value, domain="proxy.lab.test", path="/mapi/emsmdb")


class Impacket:
    """impacket's NTLM."""

    scheme = "NTLM"

    def __init__(self, options):
        self.options = options

    def step(self, token):
        if token is None:
            self.first = ntlm.getNTLMSSPType1("", self.options.domain, use_ntlmv2=True)
            return self.first.getData()
        options = self.options
        account = options.user, options.password, options.domain
        last, _ = ntlm.getNTLMSSPType3(self.first, token, *account, use_ntlmv2=True, service="HTTP")
        return last.getData()


class Spnego:
    """pyspnego's NTLM within SPNEGO."""

    scheme = "Negotiate"

    def __init__(self, options):
        kinds = spnego.NegotiateOptions
        self.context = spnego.client(
            f"{options.domain}\\{options.user}",
            options.password,
            hostname=options.meant,
            service="http",
            protocol="negotiate",
            options=kinds.use_negotiate,
        )

    def step(self, token):
        return self.context.step(token)


class ByHand:
    """http.client, with the handshake of another library."""

    def __init__(self, options, handshake):
        url = urllib.parse.urlsplit(options.url)
        if url.scheme == "https":
            tls = ssl.create_default_context(cafile=options.ca)
            self.connection = http.client.HTTPSConnection(url.hostname, url.port, timeout=60, context=tls)
        else:
            self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        self.handshake = handshake
        self.signed_in = False
        self.cookies = {}

    def ask(self, method, url, headers, content):
        parts = urllib.parse.urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = dict(headers)
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if not self.signed_in:
            self.connection.request(method, target, b"", headers | self.credentials(None))
            answer = self.connection.getresponse()
            answer.read()
            scheme, _, token = (answer.headers["WWW-Authenticate"] or "").partition(" ")
            common.expect(answer.status == 401, f"status {answer.status} in the middle of a handshake")
            common.expect(scheme == self.handshake.scheme and token, f"no challenge but {scheme}")
            headers |= self.credentials(base64.b64decode(token))
        self.connection.request(method, target, content, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        self.signed_in = answer.status != 401
        for header in answer.headers.get_all("Set-Cookie") or []:
            parsed = http.cookies.SimpleCookie(header)
            self.cookies |= {name: morsel.value for name, morsel in parsed.items()}
        return answer.status, answer.getheaders(), content

    def credentials(self, token):
        token = self.handshake.step(token)
        return {"Authorization": f"{self.handshake.scheme} {base64.b64encode(token).decode()}"}


class Client:
    """A client of MAPI over HTTP."""

    def __init__(self, options):
        by_hand = {"impacket": Impacket, "spnego": Spnego}.get(options.auth)
        self.transport = ByHand(options, by_hand(options)) if by_hand else Requests(options)
        self.url, self.counter, self.id = options.url, 0, str(uuid.uuid4()).upper()
        self.recording = Recording()
        self.script = None

    def post(self, request_type, content):
        self.counter += 1
        headers = {
            "Content-Type": "application/mapi-http",
            "X-RequestType": request_type,
            "X-RequestId": f"{{{self.id}}}:{self.counter}",
            "X-ClientInfo": f"{{{self.id}}}:1",
            "X-ClientApplication": "Outlook/16.0.17328.20162",
        }
        if self.script:
            headers["X-Script"] = self.script
        url = f"{self.url}/mapi/emsmdb/?MailboxId=616c6963-6540-6c61-622e-746502000000@lab.test"
        self.tell(*self.transport.ask("POST", url, headers, content))

    def tell(self, status, headers, content):
        say(status=status, headers=headers, content=content.hex())

    def obey(self, command, argument):
        """Executes one command."""
        if command == "connect":
            self.post("Connect", self.recording.requests[CONNECT].content)
        elif command == "execute":
            self.post("Execute", self.recording.requests[int(argument)].content)
        elif command == "disconnect":
            self.post("Disconnect", DISCONNECT)
        elif command == "script":
            self.script = argument
            say(script=argument)
        elif command == "ask":
            self.tell(*self.transport.ask("GET", self.url + argument, {}, b""))
        elif command == "cookies":
            say(cookies=self.transport.cookies)
        elif command == "take":
            self.transport.cookies = json.loads(argument)
            say(cookies=self.transport.cookies)
        else:
            raise ValueError(f"{command} is no command")


def resolve_to(address):
    """Resolves every name to `address`."""
    resolve = socket.getaddrinfo
    socket.getaddrinfo = lambda host, *rest, **more: resolve(address, *rest, **more)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True, help="the server, as http(s)://NAME:PORT")
    parser.add_argument("--address", required=True, help="where the server is")
    parser.add_argument("--ca", help="the authority of its certificate")
    parser.add_argument("--auth", choices=["none", "basic", "ntlm", "impacket", "spnego"], required=True)
    parser.add_argument("--meant", default="proxy.lab.test", help="the host that spnego signs in for")
    parser.add_argument("--user", default="")
    parser.add_argument("--domain", default="LAB")
    parser.add_argument("--password", default="")
    options = parser.parse_args()
    resolve_to(options.address)
    client = Client(options)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        try:
            client.obey(command, argument)
        except (requests.RequestException, http.client.HTTPException, OSError, common.Unexpected) as fault:
            say(fault=f"{type(fault).__name__}: {fault}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
