#!/usr/bin/env python3
"""Makes a certificate authority and certificates that it signs.

Usage: certificates.py FOLDER NAME...

Writes `ca.crt` into the folder, and for each host name or address `NAME.crt` and `NAME.key`.
"""

import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def other_name(text):
    """The subject alternative name for a host name or an address."""
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def begun(subject, issuer, key):
    """A certificate that is valid from a day ago until a day from now."""
    now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(named(subject)).issuer_name(named(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - day).not_valid_after(now + day)


def main(folder, *names):
    folder = pathlib.Path(folder)
    authority, called = ec.generate_private_key(ec.SECP256R1()), "Test Authority"
    own = begun(called, called, authority)
    own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    own = own.add_extension(usage, critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    own = own.add_extension(identifier, critical=False).sign(authority, hashes.SHA256())
    (folder / "ca.crt").write_bytes(own.public_bytes(PEM))
    for name in names:
        key = ec.generate_private_key(ec.SECP256R1())
        other = begun(name, called, key)
        other = other.add_extension(x509.SubjectAlternativeName([other_name(name)]), critical=False)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        other = other.add_extension(usage, critical=False)
        by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
        other = other.add_extension(by, critical=False).sign(authority, hashes.SHA256())
        (folder / f"{name}.crt").write_bytes(other.public_bytes(PEM))
        plain = serialization.NoEncryption()
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, plain)
        path = folder / f"{name}.key"
        path.touch(mode=0o600)
        path.write_bytes(private)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
