#!/usr/bin/env python3
"""Writes a certificate and its key, own.crt and own.key of FOLDER, in all common file formats.

Usage: certificate_forms.py FOLDER
"""

import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12


def main(folder):
    def read(name):
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()

    def write(name, data):
        with open(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(data)

    chain = x509.load_pem_x509_certificates(read("own.crt"))
    key = serialization.load_pem_private_key(read("own.key"), None)
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    pkcs8, traditional = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
    plain, secret = serialization.NoEncryption(), serialization.BestAvailableEncryption(b"Drink Me")
    request = x509.CertificateSigningRequestBuilder(chain[0].subject).sign(key, hashes.SHA256())
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    write("certificate.der", chain[0].public_bytes(der))
    write("key.der", key.private_bytes(der, pkcs8, plain))
    write("traditional.der", key.private_bytes(der, traditional, plain))
    write("encrypted.der", key.private_bytes(der, pkcs8, secret))
    write("encrypted.pem", key.private_bytes(pem, pkcs8, secret))
    write("encrypted-traditional.pem", key.private_bytes(pem, traditional, secret))
    write("openssh.pem", key.private_bytes(pem, serialization.PrivateFormat.OpenSSH, plain))
    write("public.pem", key.public_key().public_bytes(pem, public))
    write("request.pem", request.public_bytes(pem))
    write("both.p12", pkcs12.serialize_key_and_certificates(b"own", key, chain[0], chain[1:], secret))
    write("chain.p7b", pkcs7.serialize_certificates(chain, pem))
    write("chain.p7c", pkcs7.serialize_certificates(chain, der))
    write("utf16.crt", read("own.crt").decode().encode("utf-16"))
    write("utf16.key", read("own.key").decode().encode("utf-16"))
    write("marked.crt", b"\xef\xbb\xbf" + read("own.crt"))
    write("indented.crt", b"".join(b"  " + line for line in read("own.crt").splitlines(True)))
    write("cut-off.crt", read("own.crt")[:300])
    write("reversed.crt", b"".join(one.public_bytes(pem) for one in reversed(chain)))
    write("shuffled.crt", b"".join(one.public_bytes(pem) for one in (chain[0], chain[0], chain[1])))


main(*sys.argv[1:])
