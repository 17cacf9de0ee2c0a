//! Finds and replaces names of servers in texts.

use engine::OperationKind;
use mapi::autodiscover::{self, ProxyName};
use mapi::nspi::Text;
use wire::{Bytes, Utf16};

/// The part of a distinguished name before the name of a server.
const SERVERS: &[u8] = b"/cn=servers/cn=";

/// Whether a request of this kind can contain a server's name.
pub(super) const fn concerns_request(kind: OperationKind) -> bool {
    use OperationKind as K;
    matches!(
        kind,
        K::GetNewDSA
            | K::GetFQDNFromServerDN
            | K::GetAddressBookUrl
            | K::GetMailboxUrl
            | K::SeekEntries
            | K::GetMatches
            | K::DNToMId
            | K::ModProps
            | K::GetTemplateInfo
            | K::ModLinkAtt
            | K::ResolveNames8
            | K::ResolveNames
            | K::EcDoConnect
            | K::Connect
    )
}

/// Whether a response of this kind can contain a server's name outside of its auxiliary buffer.
pub(super) const fn concerns_response(kind: OperationKind) -> bool {
    use OperationKind as K;
    matches!(
        kind,
        K::GetNewDSA
            | K::GetFQDNFromServerDN
            | K::GetAddressBookUrl
            | K::GetMailboxUrl
            | K::QueryRows
            | K::SeekEntries
            | K::GetMatches
            | K::GetProps
            | K::GetSpecialTable
            | K::GetTemplateInfo
            | K::ResolveNames8
            | K::ResolveNames
            | K::Connect
    )
}

/// Replaces the servers' names in `text` by the results of `name`. Returns whether any was replaced.
pub(super) fn text(text: Text<'_>, name: &mut impl FnMut(&str) -> Option<String>) -> bool {
    match text {
        Text::Char(bytes) => replace_in(bytes, name),
        Text::Wide(text) => replace_wide(text, name),
    }
}

/// As [`text`], in bytes that may be part of a shared buffer.
pub(super) fn shared(text: &mut Bytes, name: &mut impl FnMut(&str) -> Option<String>) -> bool {
    let new = replaced(text, name);
    let changed = new.is_some();
    if let Some(new) = new {
        *text = new.into();
    }
    changed
}

/// As [`text`], in UTF-16.
fn replace_wide(text: &mut Utf16, name: &mut impl FnMut(&str) -> Option<String>) -> bool {
    let new = replaced(text.as_pairs(), name);
    let changed = new.is_some();
    if let Some(new) = new {
        *text = Utf16::from_units(new.into_iter().map(u16::from_le_bytes));
    }
    changed
}

/// Replaces the server's origin in a URL by the proxy's, and servers' names in it by the results of `name`. Returns
/// whether any was replaced.
pub(super) fn url(
    text: Text<'_>,
    host: &str,
    origin: &str,
    name: &mut impl FnMut(&str) -> Option<String>,
) -> bool {
    let Text::Wide(url) = text else { return false };
    let mut naming =
        ProxyName { origin: origin.to_owned(), host: host.to_owned(), label: None, upstream: Vec::new() };
    let new = autodiscover::rewrite_url(&url.to_string_lossy(), autodiscover::NameUse::Service, &mut naming);
    let changed = new.is_some();
    if let Some(new) = new {
        *url = Utf16::from(new.as_str());
    }
    replace_wide(url, name) | changed
}

/// Replaces the host name of a server by `host`. Returns whether it was another one.
pub(super) fn host_name(text: Text<'_>, host: &str) -> bool {
    let Text::Char(name) = text else { return false };
    if name.eq_ignore_ascii_case(host.as_bytes()) {
        return false;
    }
    *name = host.as_bytes().to_vec();
    true
}

/// A code unit of a text whose first 128 values are ASCII.
pub(super) trait Unit: Copy {
    fn ascii(self) -> Option<u8>;
    fn text(units: &[Self]) -> String;
    fn units(text: &str) -> Vec<Self>;
}

impl Unit for u8 {
    fn ascii(self) -> Option<u8> {
        self.is_ascii().then_some(self)
    }

    /// Maps each byte to the character of that number, so that every byte is preserved.
    fn text(units: &[Self]) -> String {
        units.iter().copied().map(char::from).collect()
    }

    fn units(text: &str) -> Vec<Self> {
        text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
    }
}

/// A little-endian code unit of UTF-16.
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

/// As [`text`], in a text of any code units.
pub(super) fn replace_in<U: Unit>(text: &mut Vec<U>, name: &mut impl FnMut(&str) -> Option<String>) -> bool {
    let new = replaced(text, name);
    let changed = new.is_some();
    if let Some(new) = new {
        *text = new;
    }
    changed
}

/// The text with the servers' names in it replaced by the results of `name`; `None` if none is replaced. The text is
/// copied once, however many names it has.
fn replaced<U: Unit>(text: &[U], name: &mut impl FnMut(&str) -> Option<String>) -> Option<Vec<U>> {
    let mut new = Vec::new();
    // The part of `text` before `copied` is in `new`, and the part before `from` is searched.
    let (mut copied, mut from) = (0, 0);
    while let Some(start) = find(text, from) {
        let rest = text.get(start..).unwrap_or_default();
        let length =
            rest.iter().position(|unit| matches!(unit.ascii(), Some(b'/' | 0))).unwrap_or(rest.len());
        let old = U::text(rest.get(..length).unwrap_or_default());
        let other = if old.is_empty() { None } else { name(&old) };
        from = start + length;
        if let Some(other) = other.filter(|other| *other != old) {
            new.extend_from_slice(text.get(copied..start).unwrap_or_default());
            new.extend(U::units(&other));
            copied = from;
        }
    }
    // A name is never at the start of a text.
    (copied > 0).then(|| {
        new.extend_from_slice(text.get(copied..).unwrap_or_default());
        new
    })
}

/// The index at which the next server's name begins.
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

    fn result(text: &str) -> (String, bool) {
        let mut bytes = text.as_bytes().to_vec();
        let changed = replace_in(&mut bytes, &mut |name: &str| Some(format!("<{name}>")));
        let mut wide = Utf16::new(text);
        assert_eq!(replace_wide(&mut wide, &mut |name: &str| Some(format!("<{name}>"))), changed);
        assert_eq!(wide.to_string_lossy().as_bytes(), bytes);
        (String::from_utf8(bytes).unwrap(), changed)
    }

    #[test]
    fn servers_are_found_at_any_position() {
        let mdb = "/o=O/cn=Configuration/cn=Servers/cn=EXCH1/cn=Microsoft Private MDB";
        assert_eq!(result(mdb).0, mdb.replace("EXCH1", "<EXCH1>"));
        assert_eq!(result("EX:/O=O/CN=SERVERS/CN=e").0, "EX:/O=O/CN=SERVERS/CN=<e>");
        let two = "/cn=Servers/cn=A/x/cn=Servers/cn=B";
        assert_eq!(result(two).0, "/cn=Servers/cn=<A>/x/cn=Servers/cn=<B>");
        for none in ["/o=O/cn=Recipients/cn=alice", "/cn=Servers", "/cn=Servers/cn=", "", "/cn=servers/cn"] {
            assert_eq!(result(none), (none.to_owned(), false));
        }
    }

    #[test]
    fn other_bytes_are_preserved() {
        let mut bytes = b"\xe9/cn=Servers/cn=\xfc\xff/cn=x\x80".to_vec();
        assert!(replace_in(&mut bytes, &mut |name: &str| Some(format!("{name}!"))));
        assert_eq!(bytes, b"\xe9/cn=Servers/cn=\xfc\xff!/cn=x\x80");
    }

    /// Quadratic work takes 256 times as long for a text that is sixteen times as long.
    #[test]
    fn the_time_to_replace_names_grows_with_the_length_of_the_text_only() {
        let fastest = |names: usize| {
            let text = b"/cn=servers/cn=PROXY-IE".repeat(names);
            let run = |_| {
                let (mut text, begin) = (text.clone(), std::time::Instant::now());
                assert!(replace_in(&mut text, &mut |_: &str| Some("EX".to_owned())));
                let taken = begin.elapsed();
                assert_eq!(text, b"/cn=servers/cn=EX".repeat(names));
                taken
            };
            (0..3).map(run).min().unwrap()
        };
        let (short, long) = (fastest(4096), fastest(16 * 4096));
        assert!(long < short * 64, "{short:?}, and for sixteen times as many names {long:?}");
    }
}
