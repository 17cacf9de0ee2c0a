"""Shared by the clients: the command line, and a report in JSON.

A client executes its steps one by one and keeps the result of each. The report goes to standard output as one
object: `ok`, `results` (by step), and, if a step failed, `failed` (the step) and `error`. The exit code
is 0 if all steps succeeded and 1 otherwise.
"""

import argparse
import json
import re
import sys
import traceback

LEVELS = {"none": 1, "connect": 2, "packet": 4, "integrity": 5, "privacy": 6}

RFR = "1544f5e0-613c-11d1-93df-00c04fd7bd09"
NSPI = "f5cc5a18-4264-101a-8c59-08002b2f8426"
EMSMDB = "a4f1db00-ca47-1067-b31f-00dd010662da"

INTERFACES = {"rfr": (RFR, "1.0"), "nspi": (NSPI, "56.0"), "emsmdb": (EMSMDB, "0.81")}


class Address:
    """A host and a port, read from `HOST` or `HOST:PORT`."""

    def __init__(self, text, default_port=None):
        host, colon, port = text.partition(":")
        if not colon and default_port is None:
            raise ValueError(f"{text}: a port is missing")
        self.host = host
        self.port = int(port) if colon else default_port

    def __str__(self):
        return f"{self.host}:{self.port}"


def endpoint_mapper(text):
    """An address whose default port is that of the endpoint mapper."""
    return Address(text, 135)


def client_arguments(description, asks_endpoint_mapper=True):
    """A parser with the arguments of every client."""
    parser = argparse.ArgumentParser(description=description)
    if asks_endpoint_mapper:
        parser.add_argument("--epm", type=endpoint_mapper, required=True, metavar="HOST[:PORT]")
    parser.add_argument("--user", default="")
    parser.add_argument("--domain", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--level", choices=LEVELS, default="privacy")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for any one answer")
    return parser


class Unexpected(Exception):
    """A result is not as expected."""


def expect(condition, message):
    """Fails the current step unless `condition` holds."""
    if not condition:
        raise Unexpected(message)


def host_and_port(binding):
    """The host and port of a string binding such as `ncacn_ip_tcp:host[1234]`."""
    match = re.fullmatch(r"(\w+):([^\[]+)\[(\d+)\]", binding)
    expect(match, f"not a string binding: {binding}")
    return match.group(2), int(match.group(3))


def plain(value):
    """`value` in JSON: bytes as `{"hex": …}`, property tags as eight hex digits."""
    if isinstance(value, dict):
        return {f"{k:08x}" if isinstance(k, int) else str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return {"hex": bytes(value).hex()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


class Report:
    """Collects the results of the steps."""

    def __init__(self):
        self.results = {}
        self.failed = None
        self.error = None

    def step(self, name, action):
        """Executes a step, keeps its result, and returns it."""
        try:
            answer = action()
        except BaseException:
            self.failed = name
            raise
        self.results[name] = plain(answer)
        return answer

    def finish(self):
        """Prints the report. Returns the exit code."""
        report = {"ok": self.error is None, "results": self.results}
        if self.error is not None:
            report.update(failed=self.failed, error=self.error)
        json.dump(report, sys.stdout, indent=1)
        print()
        return 0 if self.error is None else 1


def run(conversation, options):
    """Runs `conversation(report, options)`, prints the report, and returns the exit code."""
    report = Report()
    try:
        conversation(report, options)
    except Exception as fault:  # whatever it is, it belongs in the report
        report.error = f"{type(fault).__name__}: {fault}"
        traceback.print_exc(file=sys.stderr)
    return report.finish()
