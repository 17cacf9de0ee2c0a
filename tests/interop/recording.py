"""Reads the packs of the recordings in `tests/captures`."""

import pathlib
import tarfile

PACKS = pathlib.Path(__file__).parent.parent / "captures"


class Message:
    """A request or a response: its first line, its headers in order, and its body as it was sent."""

    def __init__(self, data):
        head, _, self.rest = data.partition(b"\r\n\r\n")
        self.first, *lines = head.decode("latin-1").split("\r\n")
        self.headers = [tuple(line.split(": ", 1)) for line in lines]

    def header(self, name):
        """The value of the first header of this name, or `None`."""
        found = (value for known, value in self.headers if known.lower() == name.lower())
        return next(found, None)

    @property
    def content(self):
        """The body without the framing of chunks."""
        if (self.header("Transfer-Encoding") or "").lower() != "chunked":
            return self.rest
        content, rest = b"", self.rest
        while True:
            size, _, rest = rest.partition(b"\r\n")
            if not int(size, 16):
                return content
            content += rest[: int(size, 16)]
            rest = rest[int(size, 16) + 2 :]


class Recording:
    """All exchanges, by their numbers: requests and answers."""

    def __init__(self, pack="mapihttp"):
        self.requests, self.answers, self.used = {}, {}, set()
        with tarfile.open(PACKS / f"{pack}.tar.gz") as pack:
            for member in pack:
                name = pathlib.PurePath(member.name).name
                for ending, messages in ((".req.http", self.requests), (".resp.http", self.answers)):
                    number = name.split("-")[0]
                    if name.endswith(ending) and number.isdigit():
                        data = pack.extractfile(member).read()
                        if data:
                            messages[int(number)] = Message(data)

    def answer(self, endpoint, request_type, content):
        """The number of the first good answer to this request of MAPI over HTTP; none where it was not asked."""
        for number, request in self.requests.items():
            if (
                request.first.lower().startswith(f"post /mapi/{endpoint}")
                and request.header("X-RequestType") == request_type
                and request.content == content
                and number in self.answers
                and self.answers[number].header("X-ResponseCode") == "0"
            ):
                return number
        return None

    def next(self, target, request_type, content):
        """The number of the next answer to this request, good or not: one that was not given yet, or else the
        last; none where it was not asked. What belongs to a sign-in is no answer."""
        same = [
            number
            for number, request in self.requests.items()
            if number in self.answers
            and self.answers[number].first.split(" ")[1] != "401"
            and request.first.split(" ")[1] == target
            and request.header("X-RequestType") == request_type
            and request.content == content
        ]
        number = next((number for number in same if number not in self.used), same[-1] if same else None)
        self.used.add(number)
        return number
