#!/usr/bin/env python3
"""Third-party HTTP clients: requests, requests-ntlm, impacket's NTLM.

Usage: http_client.py URL USER DOMAIN PASSWORD [CA-FILE]. One line for each check; the exit code is the number
of checks that failed, 100 at most.
"""

import base64
import http.client
import sys
import urllib.parse

import requests
from impacket import ntlm
from requests_ntlm import HttpNtlmAuth

failures = 0


def check(what, found, wanted):
    global failures
    failures += found != wanted
    print(f"ok: {what}" if found == wanted else f"FAILED: {what}: {found!r}, not {wanted!r}", flush=True)


def mapi(session, url, kind, auth=None, endpoint="emsmdb", body=bytes(40)):
    headers = {"X-RequestType": kind, "X-RequestId": "{1}:1", "Content-Type": "application/mapi-http"}
    answer = session.post(f"{url}/mapi/{endpoint}/?MailboxId=1@lab.test", body, headers=headers, auth=auth)
    return answer.status_code, answer.headers.get("X-ResponseCode"), answer.content


def impacket(url, user, domain, password):
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port)
    first = ntlm.getNTLMSSPType1("", domain)
    statuses = []
    for step in range(3):
        headers = {}
        if step == 0:
            headers["Authorization"] = "NTLM " + base64.b64encode(first.getData()).decode()
        if step == 1:
            token = base64.b64decode(answer.getheader("WWW-Authenticate").split(" ")[1])
            third, _ = ntlm.getNTLMSSPType3(first, token, user, password, domain, service="HTTP")
            headers["Authorization"] = "NTLM " + base64.b64encode(third.getData()).decode()
        connection.request("GET", "/ews/exchange.asmx", headers=headers)
        answer = connection.getresponse()
        statuses.append((answer.status, answer.read()))
    return [statuses[0][0], *statuses[1:]]


def main(url, user, domain, password, ca_file=None):
    good = (200, "0", b"PROCESSING\r\nDONE\r\nX-ElapsedTime: 1\r\n\r\n" + bytes(40))
    name = f"{domain}\\{user}"
    ways = {"basic": (name, password), "ntlm": HttpNtlmAuth(name, password)}
    for way, auth in ways.items():
        session = requests.Session()
        session.verify, session.trust_env = ca_file, False
        check(f"{way}: Connect", mapi(session, url, "Connect", auth), good)
        for kind in ("Execute", "NotificationWait", "Execute", "Disconnect"):
            check(f"{way}: {kind}", mapi(session, url, kind, auth), good)
        check(f"{way}: after Disconnect", mapi(session, url, "Execute", auth)[:2], (200, "10"))
        session.cookies.clear()
        check(f"{way}: Bind", mapi(session, url, "Bind", auth, "nspi"), good)
        bad = (name, "wrong") if way == "basic" else HttpNtlmAuth(name, "wrong")
        other = requests.Session()
        other.verify, other.trust_env = ca_file, False
        check(f"{way}: a wrong password", mapi(other, url, "PING", bad)[0], 401)
    anonymous = requests.get(f"{url}/ews/exchange.asmx", verify=ca_file)
    check("anonymous", (anonymous.status_code, "NTLM" in anonymous.headers["WWW-Authenticate"]), (401, True))
    if url.startswith("http://"):
        served = (200, b"served")
        check("impacket", impacket(url, user, domain, password), [401, served, served])
        wrong = impacket(url, user, domain, "wrong")
        check("impacket with a wrong password", [status for status, *_ in wrong[1:]], [401, 401])


main(*sys.argv[1:])
sys.exit(min(failures, 100))
