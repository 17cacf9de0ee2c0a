//! Finds and replaces names in what operations hold.

use engine::OperationKey;
use mapi::Interface;
use mapi::autodiscover::{self, OurName};
use mapi::ndr::{CharString, Ptr, SizedPtr, WcharString};
use mapi::nspi::{Place, PropertyValue, Text, Value};
use mapi::property::{self, PropTag};
use wire::{Bytes, Utf16};

use super::aux_out;

/// What stands in front of a server's name in a distinguished name.
const SERVERS: &[u8] = b"/cn=servers/cn=";

/// Whether a request of this kind can hold a server's name.
pub(super) fn concerns_request(key: OperationKey) -> bool {
    let Some((interface, opnum)) = key.call() else { return false };
    match interface {
        Interface::Rfr => true,
        // All that hold texts: SeekEntries, GetMatches, DNToMId, ModProps, GetTemplateInfo, ModLinkAtt and both
        // ResolveNames.
        Interface::Nspi => matches!(opnum, 4 | 5 | 7 | 11 | 13 | 14 | 19 | 20),
        Interface::Emsmdb => matches!(opnum, 0 | 10),
        Interface::AsyncEmsmdb => false,
    }
}

/// Whether a response of this kind can hold a server's name.
pub(super) fn concerns_response(key: OperationKey, stub: &[u8]) -> bool {
    let (interface, opnum) = match (key, key.call()) {
        // Every answer over HTTP may say in its auxiliary buffer which server it is.
        (OperationKey::Http(..), _) => return true,
        (OperationKey::Call(..), Some(call)) => call,
        (OperationKey::Call(..), None) => return false,
    };
    match interface {
        Interface::Rfr => true,
        // All that return rows: QueryRows, SeekEntries, GetMatches, GetProps, GetSpecialTable, GetTemplateInfo
        // and both ResolveNames.
        Interface::Nspi => matches!(opnum, 3 | 4 | 5 | 9 | 12 | 13 | 19 | 20),
        Interface::Emsmdb => opnum == 10 || (opnum == 11 && aux_out::is_there(stub)),
        Interface::AsyncEmsmdb => false,
    }
}

/// Replaces the servers' names in every text that `walk` visits by what `name` makes of them; true if any was.
pub(super) fn texts(
    walk: impl FnOnce(&mut dyn FnMut(Place, Text<'_>)),
    mut name: impl FnMut(&str) -> Option<String>,
) -> bool {
    let mut changed = false;
    walk(&mut |_, text| {
        changed |= match text {
            Text::Char(bytes) => replace_in(bytes, &mut name),
            Text::Wide(text) => replace_wide(text, &mut name),
        };
    });
    changed
}

/// Replaces the servers' names in `string`; true if there were any.
pub(super) fn char_string(string: &mut CharString, mut name: impl FnMut(&str) -> Option<String>) -> bool {
    let mut text = string.text.clone();
    let changed = replace_in(&mut text, &mut name);
    if changed {
        string.set(text);
    }
    changed
}

/// Replaces the servers' names in a text of bytes; true if there were any.
pub(super) fn bytes(text: &mut Vec<u8>, mut name: impl FnMut(&str) -> Option<String>) -> bool {
    replace_in(text, &mut name)
}

/// The same where the bytes may be a part of a buffer that others hold.
pub(super) fn shared(text: &mut Bytes, name: &mut impl FnMut(&str) -> Option<String>) -> bool {
    let mut own = text.to_vec();
    let changed = replace_in(&mut own, name);
    if changed {
        *text = own.into();
    }
    changed
}

/// The same in a text of UTF-16.
fn replace_wide(text: &mut Utf16, name: &mut impl FnMut(&str) -> Option<String>) -> bool {
    if find(text.as_pairs(), 0).is_none() {
        return false;
    }
    let mut own = text.as_pairs().to_vec();
    let changed = replace_in(&mut own, name);
    if changed {
        *text = Utf16::from_units(own.into_iter().map(u16::from_le_bytes));
    }
    changed
}

/// Puts us in place of the server in a URL; true if it was another.
pub(super) fn url(url: &mut Utf16, host: &str, origin: &str) -> bool {
    let mut naming =
        OurName { origin: origin.to_owned(), host: host.to_owned(), label: None, upstream: Vec::new() };
    match autodiscover::rewrite_url(&url.to_string_lossy(), autodiscover::Place::Service, &mut naming) {
        Some(new) => {
            *url = Utf16::from(new.as_str());
            true
        }
        None => false,
    }
}

/// Puts our only binding in place of the network addresses of a mailbox's server, in an answer over HTTP.
pub(super) fn http_network_addresses(tag: PropTag, value: &mut property::PropertyValue, host: &str) -> bool {
    use property::PropertyValue as V;
    if !tag.is_same_property(PropTag::PidTagAddressBookNetworkAddress) {
        return false;
    }
    let binding = format!("ncacn_ip_tcp:{host}");
    match value {
        V::MultipleString8(list) => *list = vec![binding.into_bytes()],
        V::MultipleUnicode(list) => *list = vec![Utf16::from(binding.as_str())],
        V::String8(text) => *text = binding.into_bytes(),
        V::Unicode(text) => *text = Utf16::from(binding.as_str()),
        V::Typed(typed) => return http_network_addresses(tag, &mut typed.value, host),
        V::Sparse { values, .. } => {
            // Our binding is there, so that none is absent any more.
            let mut values = (**values).clone();
            if !http_network_addresses(tag, &mut values, host) {
                return false;
            }
            *value = values;
        }
        _ => return false,
    }
    true
}

/// Puts `host` in place of a server's host name; true if there was one.
pub(super) fn server_name(server: Option<&mut CharString>, host: &str) -> bool {
    let Some(string) = server else { return false };
    if string.text.eq_ignore_ascii_case(host.as_bytes()) {
        return false;
    }
    string.set(host.as_bytes().to_vec());
    true
}

/// Puts our only binding in place of the network addresses of a mailbox's server.
pub(super) fn network_addresses(value: &mut PropertyValue, host: &str) -> bool {
    if !value.tag.is_same_property(PropTag::PidTagAddressBookNetworkAddress) {
        return false;
    }
    let binding = format!("ncacn_ip_tcp:{host}");
    match &mut value.value {
        Value::MultipleString8(list) => *list = SizedPtr::new(vec![Ptr::new(CharString::new(&binding))]),
        Value::MultipleUnicode(list) => *list = SizedPtr::new(vec![Ptr::new(WcharString::new(&binding))]),
        Value::String8(text) => *text = Ptr::new(CharString::new(&binding)),
        Value::Unicode(text) => *text = Ptr::new(WcharString::new(&binding)),
        _ => return false,
    }
    true
}

/// A unit of a text whose first 128 values are ASCII.
pub(super) trait Unit: Copy {
    fn ascii(self) -> Option<u8>;
    fn text(units: &[Self]) -> String;
    fn units(text: &str) -> Vec<Self>;
}

impl Unit for u8 {
    fn ascii(self) -> Option<u8> {
        self.is_ascii().then_some(self)
    }

    /// Each byte as the character of that number, so that every byte survives.
    fn text(units: &[Self]) -> String {
        units.iter().copied().map(char::from).collect()
    }

    fn units(text: &str) -> Vec<Self> {
        text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
    }
}

/// A code unit of UTF-16, the less significant byte first.
impl Unit for [u8; 2] {
    fn ascii(self) -> Option<u8> {
        let [low, high] = self;
        (high == 0 && low.is_ascii()).then_some(low)
    }

    fn text(units: &[Self]) -> String {
        Utf16::from_units(units.iter().copied().map(u16::from_le_bytes)).to_string_lossy()
    }

    fn units(text: &str) -> Vec<Self> {
        text.encode_utf16().map(u16::to_le_bytes).collect()
    }
}

/// Replaces the servers' names in `text` by what `name` makes of them; true if there were any.
pub(super) fn replace_in<U: Unit>(text: &mut Vec<U>, name: &mut impl FnMut(&str) -> Option<String>) -> bool {
    let mut changed = false;
    let mut from = 0;
    while let Some(start) = find(text, from) {
        let rest = text.get(start..).unwrap_or_default();
        let length =
            rest.iter().position(|unit| matches!(unit.ascii(), Some(b'/' | 0))).unwrap_or(rest.len());
        let old = U::text(rest.get(..length).unwrap_or_default());
        let new = if old.is_empty() { None } else { name(&old) };
        from = match new {
            Some(new) if new != old => {
                let units = U::units(&new);
                let end = start + units.len();
                text.splice(start..start + length, units);
                changed = true;
                end
            }
            _ => start + length,
        };
    }
    changed
}

/// Where the next server's name begins.
fn find<U: Unit>(text: &[U], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let at = rest.windows(SERVERS.len()).position(|window| {
        window
            .iter()
            .zip(SERVERS)
            .all(|(unit, wanted)| unit.ascii().is_some_and(|byte| byte.eq_ignore_ascii_case(wanted)))
    })?;
    Some(from + at + SERVERS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str) -> (String, bool) {
        let mut bytes = text.as_bytes().to_vec();
        let changed = replace_in(&mut bytes, &mut |name: &str| Some(format!("<{name}>")));
        let mut wide = Utf16::new(text);
        assert_eq!(replace_wide(&mut wide, &mut |name: &str| Some(format!("<{name}>"))), changed);
        assert_eq!(wide.to_string_lossy().as_bytes(), bytes);
        (String::from_utf8(bytes).unwrap(), changed)
    }

    #[test]
    fn finds_servers_wherever_they_stand() {
        let mdb = "/o=O/cn=Configuration/cn=Servers/cn=EXCH1/cn=Microsoft Private MDB";
        assert_eq!(replaced(mdb).0, mdb.replace("EXCH1", "<EXCH1>"));
        assert_eq!(replaced("EX:/O=O/CN=SERVERS/CN=e").0, "EX:/O=O/CN=SERVERS/CN=<e>");
        let two = "/cn=Servers/cn=A/x/cn=Servers/cn=B";
        assert_eq!(replaced(two).0, "/cn=Servers/cn=<A>/x/cn=Servers/cn=<B>");
        for none in ["/o=O/cn=Recipients/cn=alice", "/cn=Servers", "/cn=Servers/cn=", "", "/cn=servers/cn"] {
            assert_eq!(replaced(none), (none.to_owned(), false));
        }
    }

    #[test]
    fn other_bytes_survive() {
        let mut bytes = b"\xe9/cn=Servers/cn=\xfc\xff/cn=x\x80".to_vec();
        assert!(replace_in(&mut bytes, &mut |name: &str| Some(format!("{name}!"))));
        assert_eq!(bytes, b"\xe9/cn=Servers/cn=\xfc\xff!/cn=x\x80");
    }
}
