#!/usr/bin/env python3
"""Prints the HTML that RTFDE finds in the RTF files of a folder, as a list in JSON, in the order of their names."""

import argparse
import json
import pathlib
import sys

from RTFDE.deencapsulate import DeEncapsulator


def read(rtf):
    reader = DeEncapsulator(rtf)
    reader.deencapsulate()
    content = reader.content
    return content.decode() if isinstance(content, bytes) else content


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    files = sorted(parser.parse_args().folder.glob("*.rtf"))
    json.dump([read(file.read_bytes()) for file in files], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
