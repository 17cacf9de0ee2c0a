#!/usr/bin/env python3
"""Prints what Python's `email` reads of the messages in a folder, as a list in JSON, in the order of their names."""

import argparse
import json
import pathlib
import sys
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses


def addresses(message, name):
    # The parser of the default policy adds spaces between the encoded words of a display name (RFC 2047 6.2).
    raw = [value.replace("\n", "") for field, value in message.raw_items() if field == name]
    parsed = getaddresses([value.replace("\r", "") for value in raw])
    return [[str(make_header(decode_header(text))), address] for text, address in parsed]


def leaves(entity):
    if entity.get_content_type() == "message/rfc822":
        yield ["message/rfc822", entity.get_filename(), read(entity.get_payload(0))]
    elif entity.is_multipart():
        for part in entity.iter_parts():
            yield from leaves(part)
    else:
        content = entity.get_payload(decode=True)
        yield [entity.get_content_type(), entity.get_filename(), content.hex()]


def read(message):
    return {
        "subject": str(message["Subject"]),
        "from": addresses(message, "From"),
        "to": addresses(message, "To"),
        "cc": addresses(message, "Cc"),
        "parts": list(leaves(message)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    files = sorted(folder.glob("*.eml"))
    messages = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    json.dump([read(message) for message in messages], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
