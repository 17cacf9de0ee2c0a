#!/usr/bin/env python3
"""Makes a key and a certificate chain: the certificate, then that of its authority.

Usage: certificate.py CERTIFICATE KEY [--expired] [--authority] [--for-clients] NAME-OR-ADDRESS...
"""

import datetime
import ipaddress
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def general_name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def made(subject, issuer, key, issuer_key, extensions, days=30):
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - 9 * day).not_valid_after(now + days * day)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())


def named(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def main(certificate, key_file, *names):
    options = [name for name in names if name.startswith("--")]
    names = [name for name in names if not name.startswith("--")]
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = named(f"authority of {names[0]}")
    basic = x509.BasicConstraints(ca=True, path_length=0)
    own = made(authority, authority, authority_key, authority_key, [(basic, True)])
    alternative = x509.SubjectAlternativeName([general_name(name) for name in names])
    basic = x509.BasicConstraints(ca="--authority" in options, path_length=None)
    days = -2 if "--expired" in options else 30
    extensions = [(alternative, False), (basic, True)]
    if "--for-clients" in options:
        extensions.append((x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), False))
    leaf = made(named(names[0]), authority, key, authority_key, extensions, days)
    with open(certificate, "wb") as file:
        for one in (leaf, own):
            file.write(one.public_bytes(serialization.Encoding.PEM))
    with open(os.open(key_file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        file.write(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))


main(*sys.argv[1:])
