#!/usr/bin/env python3
"""pyspnego against the crate `identity`, which sits behind its example `ntlm_pipe`.

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
    """Our end said no."""


class Pipe:
    """Our end."""

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


def theirs(role, mechanism, password=PASSWORD, req=PRIVACY, bindings=None, store=None):
    """pyspnego's end."""
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
            f"{DOMAIN}\\{USER}", password, hostname="pipe.lab.test", service="host", **common
        )
    os.environ["NTLM_USER_FILE"] = store
    return spnego.server(hostname="pipe.lab.test", service="host", **common)


def shake(pipe, context, we_start):
    """Carries tokens to and fro until both are done."""
    token = pipe.step(b"") if we_start else context.step(None)
    ours = not we_start
    for _ in range(8):
        if pipe.complete and context.complete and not token:
            return
        if ours:
            if pipe.complete:
                raise Refused("a token for an end that is done")
            token = pipe.step(token)
        else:
            token = context.step(token) or b""
        ours = not ours
    raise Refused("the handshake does not end")


def converse_sealed(pipe, context):
    for message in MESSAGES:
        # Theirs to us: header and trailer are signed, the body is sealed.
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
        # Ours to them.
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
        raise AssertionError("a replay was taken")
    sealed = context.wrap(b"twice").data
    broken = sealed[:-1] + bytes([sealed[-1] ^ 1])
    try:
        pipe.do("unseal", b"", broken[16:], b"", broken[:16])
    except Refused:
        return
    raise AssertionError("a changed message was taken")


def check(name, run, refused=False):
    global failures
    try:
        run()
    except (Refused, SpnegoError) as error:
        ok, why = refused, f"{type(error).__name__}: {error}"
    except Exception as error:  # a check that breaks has failed, and the others still run
        ok, why = False, f"{type(error).__name__}: {error}"
    else:
        ok, why = not refused, "was let in" if refused else ""
    failures += not ok
    print(f"{'ok' if ok else 'FAILED'}: {name}" + (f" ({why})" if why and (refused or not ok) else ""), flush=True)


def accepting(mechanism, converse=None, theirs_options=None, environment=None, **options):
    """pyspnego signs in to us."""

    def run():
        os.environ.update(environment or {})
        try:
            with Pipe("acceptor", mechanism, **options) as pipe:
                context = theirs("initiator", mechanism, **(theirs_options or {}))
                shake(pipe, context, we_start=False)
                assert pipe.ask("who") == f"{DOMAIN}\\{USER}", "another principal"
                if converse:
                    converse(pipe, context)
        finally:
            for name in environment or {}:
                del os.environ[name]

    return run


def initiating(mechanism, store, converse=None, theirs_options=None, **options):
    """We sign in to pyspnego."""

    def run():
        with Pipe("initiator", mechanism, **options) as pipe:
            context = theirs("acceptor", mechanism, store=store, **(theirs_options or {}))
            shake(pipe, context, we_start=True)
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
            check(both + "they sign in, sealed", accepting(mechanism, converse_sealed))
            check(both + "they sign in, signed", accepting(mechanism, converse_signed, {"req": INTEGRITY}))
            check(both + "they sign in, nothing", accepting(mechanism, None, {"req": spnego.ContextReq.none}))
            check(both + "they sign in, MIC required", accepting(mechanism, converse_sealed, mic="require"))
            check(both + "they replay and change", accepting(mechanism, replay_fails))
            check(both + "they have a wrong password", accepting(mechanism, None, wrong), refused=True)
            check(
                both + "they have a wrong password, signed",
                accepting(mechanism, None, {**wrong, "req": INTEGRITY}),
                refused=True,
            )
            check(both + "they are unknown", accepting(mechanism, user="somebody"), refused=True)
            for policy in ("ignore", "allow", "require"):
                for sent in (None, BINDINGS, b"another channel"):
                    refused = policy != "ignore" and (sent == b"another channel" or (policy, sent) == ("require", None))
                    name = {None: "none", BINDINGS: "right"}.get(sent, "wrong")
                    check(
                        both + f"they send {name} bindings where the policy is {policy}",
                        accepting(
                            mechanism, converse_sealed, {"bindings": sent}, policy=policy, bindings=BINDINGS.hex()
                        ),
                        refused=refused,
                    )
            for level, kind in (("0", "NTLMv1"), ("2", "NTLMv1 with extensions")):
                environment = {"LM_COMPAT_LEVEL": level}
                check(both + f"they sign in by {kind}", accepting(mechanism, None, None, environment), refused=True)
                check(
                    both + f"they sign in by {kind} where it is allowed",
                    accepting(mechanism, converse_sealed, None, environment, legacy="allow"),
                )
                check(
                    both + f"they have a wrong password by {kind}",
                    accepting(mechanism, None, wrong, environment, legacy="allow"),
                    refused=True,
                )

            check(both + "we sign in, sealed", initiating(mechanism, store, converse_sealed))
            check(both + "we sign in, signed", initiating(mechanism, store, converse_signed, protection="sign"))
            check(both + "we sign in, nothing", initiating(mechanism, store, protection="none"))
            check(both + "we replay and change", initiating(mechanism, store, replay_fails))
            check(both + "we have a wrong password", initiating(mechanism, store, password="wrong"), refused=True)
            check(both + "we are unknown", initiating(mechanism, store, user="somebody"), refused=True)
            bound = {"bindings": BINDINGS}
            check(
                both + "we send right bindings",
                initiating(mechanism, store, converse_sealed, bound, bindings=BINDINGS.hex()),
            )
            check(
                both + "we send wrong bindings",
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
