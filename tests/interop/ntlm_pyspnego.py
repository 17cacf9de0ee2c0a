#!/usr/bin/env python3
"""pyspnego against the crate `identity`, which runs in its example `ntlm_pipe`.

Usage: ntlm_pyspnego.py PATH-TO-ntlm_pipe

One line for each check; the exit code is the number of checks that failed, 100 at most.
"""

import os
import subprocess
import sys
import tempfile

import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError
from spnego.iov import BufferType

USER, DOMAIN, PASSWORD = "alice", "LAB", "Pässword 1"
BINDINGS = b"tls-server-end-point:" + bytes(range(32))
HEADER, TRAILER = b"\x05\x00\x00\x03 a PDU's header", b"a security trailer"
MESSAGES = [b"", b"x", b"a stub of some length " * 40, bytes(range(256)) * 16]
INTEGRITY = (
    spnego.ContextReq.integrity | spnego.ContextReq.replay_detect | spnego.ContextReq.sequence_detect
)
PRIVACY = INTEGRITY | spnego.ContextReq.confidentiality
PYTHON_ONLY = spnego.NegotiateOptions.use_ntlm
failures = 0


class Refused(Exception):
    """The crate refused a token or a message."""


class Pipe:
    """The end that the crate `identity` implements."""

    def __init__(self, role, mechanism, **options):
        options = {"user": USER, "domain": DOMAIN, "password": PASSWORD, **options}
        words = [f"{name}={value}" for name, value in options.items()]
        self.process = subprocess.Popen(
            [PIPE, role, mechanism, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.complete = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=10)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().rstrip("\n")
        if not answer:
            raise Refused("the pipe broke")
        if answer.startswith("refused"):
            raise Refused(answer[8:])
        return answer

    def step(self, token):
        state, answer = self.ask(token.hex() if token else "-").split(" ")
        self.complete = state == "done"
        return unhex(answer)

    def do(self, what, *parts):
        return [unhex(part) for part in self.ask(" ".join([what, *map(dash, parts)])).split(" ")]


def dash(data):
    return data.hex() or "-"


def unhex(text):
    return b"" if text == "-" else bytes.fromhex(text)


def pyspnego_end(role, mechanism, password=PASSWORD, req=PRIVACY, bindings=None, store=None):
    """The end that pyspnego implements."""
    protocol = "negotiate" if mechanism == "spnego" else "ntlm"
    bound = GssChannelBindings(application_data=bindings) if bindings else None
    common = {
        "protocol": protocol,
        "options": PYTHON_ONLY if protocol == "ntlm" else spnego.NegotiateOptions.use_negotiate,
        "context_req": req,
        "channel_bindings": bound,
    }
    if role == "initiator":
        return spnego.client(
            f"{DOMAIN}\\{USER}", password, hostname="pipe.lab.test", service="HTTP", **common
        )
    os.environ["NTLM_USER_FILE"] = store
    return spnego.server(hostname="pipe.lab.test", service="HTTP", **common)


def shake(pipe, context, crate_starts):
    """Exchanges tokens until both ends are done."""
    token = pipe.step(b"") if crate_starts else context.step(None)
    crate_next = not crate_starts
    for _ in range(8):
        if pipe.complete and context.complete and not token:
            return
        if crate_next:
            if pipe.complete:
                raise Refused("a token for an end that is done")
            token = pipe.step(token)
        else:
            token = context.step(token) or b""
        crate_next = not crate_next
    raise Refused("the handshake does not end")


def converse_sealed(pipe, context):
    for message in MESSAGES:
        # From pyspnego to the crate: header and trailer are signed, the body is sealed.
        sealed = context.wrap_iov(
            [
                BufferType.header,
                (BufferType.sign_only, HEADER),
                (BufferType.data, message),
                (BufferType.sign_only, TRAILER),
            ]
        )
        signature, body = sealed.buffers[0].data, sealed.buffers[2].data
        assert len(message) < 8 or body != message, "not sealed"
        assert pipe.do("unseal", HEADER, body, TRAILER, signature) == [message]
        # From the crate to pyspnego.
        body, signature = pipe.do("seal", HEADER, message, TRAILER)
        plain = context.unwrap_iov(
            [
                (BufferType.header, signature),
                (BufferType.sign_only, HEADER),
                (BufferType.data, body),
                (BufferType.sign_only, TRAILER),
            ]
        )
        assert plain.buffers[2].data == message, "came out differently"
        # Stream wrapping is the same without header and trailer.
        wrapped = context.wrap(message).data
        assert pipe.do("unseal", b"", wrapped[16:], b"", wrapped[:16]) == [message]
        body, signature = pipe.do("seal", b"", message, b"")
        assert context.unwrap(signature + body).data == message


def converse_signed(pipe, context):
    for message in MESSAGES:
        whole = HEADER + message + TRAILER
        signature = context.sign(whole)
        assert pipe.ask(" ".join(["verify", *map(dash, (HEADER, message, TRAILER, signature))])) == "ok"
        (signature,) = pipe.do("sign", HEADER, message, TRAILER)
        context.verify(whole, signature)


def replay_fails(pipe, context):
    sealed = context.wrap(b"once").data
    assert pipe.do("unseal", b"", sealed[16:], b"", sealed[:16]) == [b"once"]
    try:
        pipe.do("unseal", b"", sealed[16:], b"", sealed[:16])
    except Refused:
        pass
    else:
        raise AssertionError("a replay was accepted")
    sealed = context.wrap(b"twice").data
    broken = sealed[:-1] + bytes([sealed[-1] ^ 1])
    try:
        pipe.do("unseal", b"", broken[16:], b"", broken[:16])
    except Refused:
        return
    raise AssertionError("a changed message was accepted")


def check(name, run, refused=False):
    global failures
    try:
        run()
    except (Refused, SpnegoError) as error:
        ok, why = refused, f"{type(error).__name__}: {error}"
    except Exception as error:  # a check that breaks has failed, and the others still run
        ok, why = False, f"{type(error).__name__}: {error}"
    else:
        ok, why = not refused, "was accepted" if refused else ""
    failures += not ok
    print(f"{'ok' if ok else 'FAILED'}: {name}" + (f" ({why})" if why and (refused or not ok) else ""), flush=True)


def accepting(mechanism, converse=None, pyspnego_options=None, environment=None, **options):
    """pyspnego authenticates to the crate."""

    def run():
        os.environ.update(environment or {})
        try:
            with Pipe("acceptor", mechanism, **options) as pipe:
                context = pyspnego_end("initiator", mechanism, **(pyspnego_options or {}))
                shake(pipe, context, crate_starts=False)
                assert pipe.ask("who") == f"{DOMAIN}\\{USER}", "another principal"
                if converse:
                    converse(pipe, context)
        finally:
            for name in environment or {}:
                del os.environ[name]

    return run


def initiating(mechanism, store, converse=None, pyspnego_options=None, **options):
    """The crate authenticates to pyspnego."""

    def run():
        with Pipe("initiator", mechanism, **options) as pipe:
            context = pyspnego_end("acceptor", mechanism, store=store, **(pyspnego_options or {}))
            shake(pipe, context, crate_starts=True)
            assert context.client_principal in (f"{DOMAIN}\\{USER}", None), context.client_principal
            if converse:
                converse(pipe, context)

    return run


def main():
    with tempfile.NamedTemporaryFile("w", suffix=".users", encoding="utf-8") as file:
        file.write(f"{DOMAIN}:{USER}:{PASSWORD}\n")
        file.flush()
        store = file.name
        for mechanism in ("ntlm", "spnego"):
            both = f"{mechanism}, "
            wrong = {"password": "wrong"}
            check(both + "pyspnego authenticates, sealed", accepting(mechanism, converse_sealed))
            signing = {"req": INTEGRITY}
            check(both + "pyspnego authenticates, signed", accepting(mechanism, converse_signed, signing))
            check(both + "pyspnego authenticates, nothing", accepting(mechanism, None, {"req": spnego.ContextReq.none}))
            check(both + "pyspnego authenticates, MIC required", accepting(mechanism, converse_sealed, mic="require"))
            check(both + "pyspnego's replays and changes are rejected", accepting(mechanism, replay_fails))
            check(both + "pyspnego has a wrong password", accepting(mechanism, None, wrong), refused=True)
            check(
                both + "pyspnego has a wrong password, signed",
                accepting(mechanism, None, {**wrong, "req": INTEGRITY}),
                refused=True,
            )
            check(both + "pyspnego's user is unknown", accepting(mechanism, user="somebody"), refused=True)
            for policy in ("ignore", "allow", "require"):
                for sent in (None, BINDINGS, b"another channel"):
                    refused = policy != "ignore" and (sent == b"another channel" or (policy, sent) == ("require", None))
                    name = {None: "none", BINDINGS: "right"}.get(sent, "wrong")
                    check(
                        both + f"pyspnego sends {name} bindings where the policy is {policy}",
                        accepting(
                            mechanism, converse_sealed, {"bindings": sent}, policy=policy, bindings=BINDINGS.hex()
                        ),
                        refused=refused,
                    )
            for level, kind in (("0", "NTLMv1"), ("2", "NTLMv1 with extensions")):
                environment = {"LM_COMPAT_LEVEL": level}
                check(both + f"pyspnego authenticates by {kind}", accepting(mechanism, None, None, environment), refused=True)
                check(
                    both + f"pyspnego authenticates by {kind} where it is allowed",
                    accepting(mechanism, converse_sealed, None, environment, legacy="allow"),
                )
                check(
                    both + f"pyspnego has a wrong password by {kind}",
                    accepting(mechanism, None, wrong, environment, legacy="allow"),
                    refused=True,
                )

            check(both + "the crate authenticates, sealed", initiating(mechanism, store, converse_sealed))
            check(both + "the crate authenticates, signed", initiating(mechanism, store, converse_signed, protection="sign"))
            check(both + "the crate authenticates, nothing", initiating(mechanism, store, protection="none"))
            check(both + "the crate rejects replays and changes", initiating(mechanism, store, replay_fails))
            check(both + "the crate has a wrong password", initiating(mechanism, store, password="wrong"), refused=True)
            check(both + "the crate's user is unknown", initiating(mechanism, store, user="somebody"), refused=True)
            bound = {"bindings": BINDINGS}
            check(
                both + "the crate sends right bindings",
                initiating(mechanism, store, converse_sealed, bound, bindings=BINDINGS.hex()),
            )
            check(
                both + "the crate sends wrong bindings",
                initiating(mechanism, store, None, bound, bindings=b"another".hex()),
                refused=True,
            )
    print(f"{failures} failed" if failures else "all passed")
    return min(failures, 100)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    PIPE = sys.argv[1]
    sys.exit(main())
