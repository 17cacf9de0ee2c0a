#!/usr/bin/env python3
"""The HTTP part of a server of MAPI over HTTP: NTLM, Negotiate and Basic by pyspnego.

Prints `READY` and its port when it listens, then one JSON object for each request that it served. The body of a
response describes the request.
"""

import argparse
import base64
import http.server
import json
import os
import ssl
import tempfile
import time

import spnego

AUTODISCOVER = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response \
xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"><Account>\
<AccountType>email</AccountType><Action>settings</Action>
<Protocol Type="mapiHttp" Version="1"><MailStore><InternalUrl>https://exch.lab.test/mapi/emsmdb/?MailboxId=1@lab.test\
</InternalUrl><ExternalUrl>https://exch.lab.test/mapi/emsmdb/?MailboxId=1@lab.test</ExternalUrl></MailStore>
</Protocol><Protocol><Type>EXPR</Type><Server>exch.lab.test</Server><EwsUrl>https://exch.lab.test/EWS/Exchange.asmx\
</EwsUrl></Protocol></Account></Response></Autodiscover>"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    handshake = None
    user = None

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string((timestamp or time.time()) + self.server.options.ahead)

    def refuse(self, token=None):
        self.send_response(401)
        for scheme in [] if token else self.server.schemes:
            self.send_header("WWW-Authenticate", scheme)
        if token:
            self.send_header("WWW-Authenticate", token)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def signed_in(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic" and "Basic" in self.server.schemes:
            given = base64.b64decode(token).decode()
            options = self.server.options
            if given == f"{options.domain}\\{options.user}:{options.password}":
                return given.split(":")[0]
        if scheme in ("NTLM", "Negotiate") and scheme in self.server.schemes:
            if self.handshake is None:
                self.handshake = spnego.server(protocol=scheme.lower())
            answer = self.handshake.step(base64.b64decode(token))
            if self.handshake.complete:
                self.user = self.handshake.client_principal
                return self.user
            self.refuse(f"{scheme} {base64.b64encode(answer).decode()}")
            return None
        if self.user and not scheme:
            return self.user
        self.refuse()
        return None

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            user = self.signed_in()
        except spnego.exceptions.SpnegoError:
            self.handshake = None
            self.refuse()
            return
        if not user:
            return
        logged = {"user": user, "method": self.command, "path": self.path, "body": len(body)}
        logged["headers"] = [list(item) for item in self.headers.items()]
        logged["from"] = self.client_address[1]
        if isinstance(self.connection, ssl.SSLSocket):
            logged["tls"] = [self.connection.version(), getattr(self.connection, "asked_for", None)]
        print(json.dumps(logged), flush=True)
        self.send_response(200)
        if self.path.lower().startswith("/mapi/"):
            kind = self.headers["X-RequestType"]
            self.send_header("Content-Type", "application/mapi-http")
            self.send_header("X-RequestType", kind)
            self.send_header("X-ResponseCode", "0")
            if kind in ("Connect", "Bind"):
                self.send_header("Set-Cookie", f"sid={os.urandom(8).hex()}; path=/mapi")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in (b"PROCESSING\r\n", b"DONE\r\nX-ElapsedTime: 1\r\n\r\n", bytes(40)):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n")
            return
        data = AUTODISCOVER.encode() if "autodiscover" in self.path.lower() else b"served"
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = answer


def note_name(connection, name, _context):
    connection.asked_for = name


def main():
    parser = argparse.ArgumentParser()
    for name in ("listen", "user", "domain", "password"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--schemes", default="Negotiate,NTLM,Basic")
    parser.add_argument("--ahead", type=float, default=0, help="by how many seconds its clock is ahead")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--newest-tls", choices=["1.2", "1.3"], default="1.3")
    options = parser.parse_args()
    host, _, port = options.listen.partition(":")
    with tempfile.NamedTemporaryFile("w", suffix=".ntlm") as users:
        users.write(f"{options.domain}:{options.user}:{options.password}\n")
        users.flush()
        os.environ["NTLM_USER_FILE"] = users.name
        server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
        server.options, server.schemes = options, options.schemes.split(",")
        if options.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(options.certificate, options.key)
            context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[options.newest_tls]
            context.sni_callback = note_name
            server.socket = context.wrap_socket(server.socket, server_side=True)
        print("READY", server.server_port, flush=True)
        server.serve_forever()


main()
