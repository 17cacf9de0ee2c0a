"""The address book of the scapy server: its entries, the encoding of rows, and the decoding of requests.

Import this after scapy's configuration is set.
"""

import unicodedata

from scapy.layers.dcerpc import NDRConformantArray, NDRUnion, NDRVaryingArray

from msrpcs import ms_oxnspi as nspi

import emsmdb

MAPI_E_NOT_FOUND = 0x8004010F
FIRST_MID = 0x10
DISPLAY_NAME, EMAIL_ADDRESS, SMTP_ADDRESS = 0x3001, 0x3003, 0x39FE
HOME_MDB, NETWORK_ADDRESS, OBJECT_TYPE, ENTRYID = 0x8006, 0x8170, 0x0FFE, 0x0FFF
STRING8, UNICODE, INTEGER32, BINARY, ERROR = 0x1E, 0x1F, 0x03, 0x102, 0x0A
MULTIPLE_STRING8, MULTIPLE_UNICODE = 0x101E, 0x101F


class Directory:
    """A few people, and their server."""

    def __init__(self, server):
        self.server = server
        self.server_dn = f"/o=Lab/ou=Site/cn=Configuration/cn=Servers/cn={server.split('.')[0].upper()}"
        self.entries = [self._person(*name.split()) for name in PEOPLE]
        self.entries.append(
            {
                DISPLAY_NAME: f"Server {server}",
                EMAIL_ADDRESS: self.server_dn,
                NETWORK_ADDRESS: [f"ncacn_ip_tcp:{server}", f"netbios:{server.split('.')[0].upper()}"],
                OBJECT_TYPE: 6,
            }
        )

    def _person(self, first, last):
        alias = unicodedata.normalize("NFKD", first.lower()).encode("ascii", "ignore").decode()
        return {
            DISPLAY_NAME: f"{first} {last}",
            EMAIL_ADDRESS: f"/o=Lab/ou=Site/cn=Recipients/cn={alias}",
            SMTP_ADDRESS: f"{alias}@lab.test",
            HOME_MDB: f"{self.server_dn}/cn=Microsoft Private MDB",
            OBJECT_TYPE: 6,
        }

    def people(self):
        """The MIds of the entries of the address list."""
        return [FIRST_MID + index for index, entry in enumerate(self.entries) if SMTP_ADDRESS in entry]

    def entry(self, mid):
        index = mid - FIRST_MID
        return self.entries[index] if 0 <= index < len(self.entries) else None

    def mid_of_dn(self, dn):
        """The MId of a DN, or 0 for an unknown DN."""
        for index, entry in enumerate(self.entries):
            if entry[EMAIL_ADDRESS].lower() == dn.lower():
                return FIRST_MID + index
        return 0

    def named(self, text):
        """MIds of the people whose name or address begins with `text`."""
        wanted = text.lower()

        def fits(entry):
            return entry[DISPLAY_NAME].lower().startswith(wanted) or entry[SMTP_ADDRESS].lower().startswith(
                wanted
            )

        return [mid for mid in self.people() if fits(self.entry(mid))]


PEOPLE = ["Ada Lovelace", "Alan Turing", "Barbara Liskov", "Edsger Dijkstra", "Grace Hopper", "Zoë Ångström"]


def wide(text):
    """A Unicode string whose counts are in UTF-16 units; scapy's own count is of UTF-8 bytes."""
    units = len(text.encode("utf-16le")) // 2 + 1
    return NDRConformantArray(max_count=units, value=NDRVaryingArray(actual_count=units, value=text))


def property_value(tag, value):
    """One PropertyValue_r; `None` becomes the error that the property is not there."""
    kind = tag & 0xFFFF
    if value is None:
        tag, kind, value = (tag & 0xFFFF0000) | ERROR, ERROR, MAPI_E_NOT_FOUND - (1 << 32)
    elif kind == UNICODE:
        value = wide(value)
    elif kind == STRING8:
        value = value.encode("cp1252", "replace")
    elif kind == MULTIPLE_STRING8:
        value = nspi.StringArray_r(lppszA=[item.encode("cp1252", "replace") for item in value])
    elif kind == MULTIPLE_UNICODE:
        value = nspi.WStringArray_r(lppszW=[wide(item) for item in value])
    return nspi._PropertyValue_r(ulPropTag=tag, Value=NDRUnion(tag=kind, value=value))


def row(entry, tags):
    """One PropertyRow_r with `tags` of `entry`."""
    values = [property_value(tag, (entry or {}).get(tag >> 16)) for tag in tags]
    return nspi.PropertyRow_r(lpProps=values)


def rows(found, tags):
    return nspi.PropertyRowSet_r(aRow=[row(entry, tags) for entry in found])


DEFAULT_TAGS = [
    (EMAIL_ADDRESS << 16) | UNICODE,
    (DISPLAY_NAME << 16) | UNICODE,
    (OBJECT_TYPE << 16) | INTEGER32,
]


def unwrapped(value):
    """`value` without the pointers and arrays that NDR wraps it in."""
    while hasattr(value, "fields_desc") and "value" in value.fields:
        value = value.fields["value"]
    return value


def tags_of(request, name="pPropTags"):
    """The property tags of a request, or the usual ones."""
    array = unwrapped(request.valueof(name))
    if not array:
        return DEFAULT_TAGS
    return [int(tag) for tag in unwrapped(array.valueof("aulPropTag"))] or DEFAULT_TAGS


def strings_of(array):
    """The strings of a StringsArray_r or WStringsArray_r."""

    def text(item):
        item = unwrapped(item)
        return item if isinstance(item, str) else item.decode("cp1252")

    return [text(item).rstrip("\0") for item in unwrapped(array.valueof("Strings"))]


def text_of(request, name):
    """An 8-bit string of a request."""
    return emsmdb.value(request, name).rstrip(b"\0").decode("cp1252")


def mids(numbers):
    """A PropertyTagArray_r."""
    numbers = list(numbers)
    array = NDRVaryingArray(actual_count=len(numbers), value=numbers)
    # Otherwise scapy takes the list for alternatives, and would build a packet for each.
    array.explicit = 1
    return nspi.PropertyTagArray_r(cValues=len(numbers), aulPropTag=array, max_count=len(numbers) + 1)


def filter_text(condition):
    """The text that a content or property restriction compares with."""
    res = unwrapped(condition.valueof("res"))
    target = unwrapped(res.valueof("lpProp"))
    value = unwrapped(target.valueof("Value"))
    return (value if isinstance(value, str) else value.decode("cp1252")).rstrip("\0")
