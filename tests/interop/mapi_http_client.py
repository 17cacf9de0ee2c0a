#!/usr/bin/env python3
"""A client of Autodiscover and MAPI over HTTP, by requests, that composes its requests itself.

Finds the endpoints by Autodiscover, browses the address book, and logs on to a mailbox. Prints a report as the
other clients do.
"""

import base64
import struct
import sys
import urllib.parse
import uuid
import xml.etree.ElementTree

import requests
import requests_ntlm
import spnego
from requests.auth import AuthBase

import common

OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
STAT = struct.pack("<9I", 0, 0, 0, 0, 0, 0, 1252, 1033, 1033)
AUX = bytes(4)
DISPLAY_NAME, SMTP_ADDRESS, EMAIL_ADDRESS = 0x3001001F, 0x39FE001F, 0x3003001F


class Negotiate(AuthBase):
    """Negotiate by pyspnego: requests-ntlm has NTLM only."""

    def __init__(self, user, password, host):
        self.account, self.host = (user, password), host

    def __call__(self, request):
        request.register_hook("response", self.respond)
        return request

    def respond(self, answer, **arguments):
        if answer.status_code != 401:
            return answer
        options = spnego.NegotiateOptions.use_negotiate
        target = {"service": "http", "hostname": self.host}
        context = spnego.client(*self.account, protocol="negotiate", options=options, **target)
        token = context.step()
        for _ in range(2):
            answer.content
            answer.raw.release_conn()
            request = answer.request.copy()
            request.headers["Authorization"] = "Negotiate " + base64.b64encode(token).decode()
            answer = answer.connection.send(request, **arguments)
            scheme, _, more = answer.headers.get("WWW-Authenticate", "").partition(" ")
            if answer.status_code != 401 or scheme != "Negotiate" or not more:
                return answer
            token = context.step(base64.b64decode(more))
        return answer


class Client:
    """A user, and the cookies of one endpoint."""

    def __init__(self, options):
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = options.ca or True
        name = f"{options.domain}\\{options.user}"
        if options.scheme == "basic":
            self.http.auth = name, options.password
        elif options.scheme == "ntlm":
            self.http.auth = requests_ntlm.HttpNtlmAuth(name, options.password)
        else:
            host = urllib.parse.urlsplit(options.url).hostname
            self.http.auth = Negotiate(name, options.password, host)
        self.id, self.count = str(uuid.uuid4()).upper(), 0

    def ask(self, url, kind, body):
        """Sends a request, and returns the payload of the response."""
        self.count += 1
        headers = {
            "Content-Type": "application/mapi-http",
            "X-RequestType": kind,
            "X-RequestId": f"{{{self.id}}}:{self.count}",
            "X-ClientInfo": f"{{{self.id}}}:1",
            "X-ClientApplication": "Outlook/15.00.4420.1017",
        }
        answer = self.http.post(url, body, headers=headers, timeout=60)
        common.expect(answer.status_code == 200, f"{kind}: status {answer.status_code}")
        code = answer.headers["X-ResponseCode"]
        common.expect(code == "0", f"{kind}: X-ResponseCode {code}")
        prefix, _, payload = answer.content.partition(b"\r\n\r\n")
        lines = prefix.split(b"\r\n")
        common.expect(lines[0] == b"PROCESSING" and b"DONE" in lines, f"{kind}: {lines}")
        return payload


def zero_terminated(body, at):
    """A text in UTF-16 at `at`, and where it ends."""
    end = at
    while body[end : end + 2] != b"\0\0":
        end += 2
    return body[at:end].decode("utf-16-le"), end + 2


def autodiscover(client, options):
    request = (
        "<Autodiscover xmlns='http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006'>"
        f"<Request><EMailAddress>{options.mail}</EMailAddress>"
        f"<AcceptableResponseSchema>{OUTLOOK}</AcceptableResponseSchema></Request></Autodiscover>"
    )
    headers = {"Content-Type": "text/xml", "X-MapiHttpCapability": "1"}
    url = f"{options.url}/autodiscover/autodiscover.xml"
    answer = client.http.post(url, request, headers=headers, timeout=60)
    common.expect(answer.status_code == 200, f"status {answer.status_code}")
    document = xml.etree.ElementTree.fromstring(answer.content)
    name = f"{{{OUTLOOK}}}"
    found = {
        "dn": document.findtext(f".//{name}LegacyDN"),
        "mail_store": document.findtext(f".//{name}MailStore/{name}ExternalUrl"),
        "address_book": document.findtext(f".//{name}AddressBook/{name}ExternalUrl"),
    }
    common.expect(all(found.values()), f"incomplete: {answer.text}")
    return found


def browse(client, url):
    """The first rows of the global address list."""
    bound = client.ask(url, "Bind", struct.pack("<I", 0) + b"\xff" + STAT + AUX)
    common.expect(bound[:8] == bytes(8), f"Bind: {bound.hex()}")
    columns = struct.pack("<4I", 3, DISPLAY_NAME, SMTP_ADDRESS, EMAIL_ADDRESS)
    request = struct.pack("<I", 0) + b"\xff" + STAT + struct.pack("<II", 0, 10) + b"\xff" + columns + AUX
    rows = client.ask(url, "QueryRows", request)
    common.expect(rows[:8] == bytes(8) and rows[8] and rows[45], f"QueryRows: {rows[:64].hex()}")
    at, texts = 46 + 16, []
    (count,) = struct.unpack_from("<I", rows, at)
    at += 4
    for _ in range(count):
        flag, row = rows[at], []
        at += 1
        for _ in range(3):
            if flag:
                state, at = rows[at], at + 1
                if state == 0x0A:
                    row.append(None)
                    at += 4
                    continue
            # A text has a byte before it that states whether it is there ([MS-OXCMAPIHTTP] 2.2.1.1).
            common.expect(rows[at] == 0xFF, f"no text at {at}: {rows.hex()}")
            text, at = zero_terminated(rows, at + 1)
            row.append(text)
        texts.append(row)
    unbound = client.ask(url, "Unbind", struct.pack("<I", 0) + AUX)
    return {"rows": texts, "unbind": struct.unpack_from("<I", unbound, 4)[0]}


def log_on(client, url, dn):
    """The return value of a logon to the user's own mailbox, and the user's name."""
    user_dn = dn.encode() + b"\0"
    connected = client.ask(url, "Connect", user_dn + struct.pack("<4I", 0, 1252, 1033, 1033) + AUX)
    status, error = struct.unpack_from("<II", connected)
    common.expect((status, error) == (0, 0), f"Connect: {status:#x} {error:#x}")
    prefix_end = connected.index(b"\0", 20) + 1
    name, _ = zero_terminated(connected, prefix_end)
    logon = struct.pack("<BBBBIIH", 0xFE, 0, 0, 1, 0, 0, len(user_dn)) + user_dn
    rops = struct.pack("<H", len(logon) + 2) + logon + struct.pack("<I", 0xFFFFFFFF)
    # RPC_HEADER_EXT: the last buffer, neither compressed nor obfuscated.
    buffer = struct.pack("<HHHH", 0, 4, len(rops), len(rops)) + rops
    request = struct.pack("<II", 3, len(buffer)) + buffer + struct.pack("<I", 0x8007) + AUX
    executed = client.ask(url, "Execute", request)
    common.expect(executed[:8] == bytes(8), f"Execute: {executed[:16].hex()}")
    rop, _, value = struct.unpack_from("<BBI", executed, 16 + 8 + 2)
    disconnected = client.ask(url, "Disconnect", AUX)
    return {"name": name, "rop": rop, "value": value, "disconnect": disconnected[:8].hex()}


def conversation(report, options):
    client = Client(options)
    found = report.step("autodiscover", lambda: autodiscover(client, options))
    report.step("browse", lambda: browse(client, found["address_book"]))
    report.step("log_on", lambda: log_on(client, found["mail_store"], found["dn"]))


def main():
    parser = common.client_arguments(__doc__, asks_endpoint_mapper=False)
    parser.add_argument("--url", required=True)
    parser.add_argument("--scheme", choices=["basic", "ntlm", "negotiate"], required=True)
    parser.add_argument("--ca", help="a file of trusted certificates")
    parser.add_argument("--mail", default="alice@lab.test")
    return common.run(conversation, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
