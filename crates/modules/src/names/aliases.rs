//! Aliases: the names that replace those of servers in distinguished names.
//!
//! An alias is a function of the server's name and the configuration, and can be reversed without a table. So it is
//! the same in every session, every process and every proxy of a pool.

/// The digits of an encoded name: letters and digits that survive wherever names are compared without regard to
/// case (RFC 4648 section 6).
const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Computes aliases of servers in distinguished names.
///
/// - The upstream, by its configured name or by the first label of its host name, becomes the proxy's label.
/// - A name of the form `GUID@domain` is unchanged. Exchange 2013 and later and grommunio assign such a name to each
///   mailbox. It is not a host name: clients find its host by Autodiscover or `RfrGetFQDNFromServerDN`
///   ([MS-OXDSCLI] 3.1.5, [MS-OXABREF] 3.1.4.2), whose responses name the proxy. It is also in offline address books,
///   which cannot be changed.
/// - Any other name becomes the proxy's label, a hyphen, and the name in capitals, encoded in base 32.
///
/// Names are compared without regard to the case of ASCII letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Aliases {
    label: String,
    /// The server whose alias is the proxy's label.
    upstream: Option<String>,
}

impl Aliases {
    /// Creates aliases with the proxy's `label`. That alone is the alias of the server `upstream`, if its name is
    /// known.
    pub(super) fn new(label: &str, upstream: Option<&str>) -> Self {
        Self { label: label.to_owned(), upstream: upstream.map(str::to_owned) }
    }

    /// The alias of the server `name`; `None` if the name is unchanged.
    pub(super) fn alias(&self, name: &str) -> Option<String> {
        if self.upstream.as_ref().is_some_and(|upstream| upstream.eq_ignore_ascii_case(name)) {
            return Some(self.label.clone());
        }
        (!is_mailbox(name)).then(|| format!("{}-{}", self.label, encode(&name.to_ascii_uppercase())))
    }

    /// The name of the server with this `alias`; `None` if it is not an alias.
    pub(super) fn original(&self, alias: &str) -> Option<String> {
        let (label, rest) = alias.split_at_checked(self.label.len())?;
        if !label.eq_ignore_ascii_case(&self.label) {
            return None;
        }
        if rest.is_empty() {
            return self.upstream.clone();
        }
        let name = decode(rest.strip_prefix('-')?)?;
        // Only the result of `alias` is accepted, not other encodings.
        self.alias(&name).filter(|own| own.eq_ignore_ascii_case(alias)).map(|_| name)
    }
}

/// Whether a name has the form `GUID@domain`, with or without hyphens in the GUID.
fn is_mailbox(name: &str) -> bool {
    let Some((guid, domain)) = name.split_once('@') else { return false };
    let groups: Vec<usize> = guid.split('-').map(str::len).collect();
    let form = matches!(groups.as_slice(), [32] | [8, 4, 4, 4, 12]);
    let hexadecimal = guid.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'.' | b'-' | b'_');
    form && hexadecimal && !domain.is_empty() && domain.bytes().all(plain)
}

/// `name` in base 32, without padding.
fn encode(name: &str) -> String {
    let mut text = String::with_capacity(name.len().saturating_mul(8).div_ceil(5));
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in name.bytes() {
        bits = bits << 8 | u32::from(byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(digit(bits >> count));
            bits &= (1 << count) - 1;
        }
    }
    if count > 0 {
        text.push(digit(bits << (5 - count)));
    }
    text
}

/// The digit for the five lowest bits.
fn digit(bits: u32) -> char {
    let index = usize::try_from(bits & 31).unwrap_or_default();
    char::from(DIGITS.get(index).copied().unwrap_or(b'A'))
}

/// Decodes `text`, regardless of the case of its letters. `None` if it is not a result of [`encode`].
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0_u32, 0_u32);
    for letter in text.bytes() {
        let value = DIGITS.iter().position(|digit| digit.eq_ignore_ascii_case(&letter))?;
        bits = bits << 5 | u32::try_from(value).ok()?;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    let name = String::from_utf8(bytes).ok()?;
    (bits == 0 && count < 5 && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAILBOX: &str = "616c6963-6540-6c61-622e-746502000000@lab.test";

    #[test]
    fn an_alias_depends_only_on_the_name_and_the_configuration() {
        let aliases = Aliases::new("PROXY", Some("EXCH1"));
        let alias = |name: &str| aliases.alias(name).unwrap();
        assert_eq!((alias("EXCH1"), alias("exch1")), ("PROXY".to_owned(), "PROXY".to_owned()));
        // In the base 32 of RFC 4648.
        assert_eq!(
            (alias("EXCH2"), alias("exch2")),
            ("PROXY-IVMEGSBS".to_owned(), "PROXY-IVMEGSBS".to_owned())
        );
        let other = Aliases::new("PROXY", Some("EXCH1"));
        assert_eq!(other.original("Proxy-ivmegsbs").as_deref(), Some("EXCH2"));
        assert_eq!(other.original("proxy").as_deref(), Some("EXCH1"));
        assert_eq!(Aliases::new("PROXY", None).original("PROXY"), None);
    }

    #[test]
    fn only_names_of_mailboxes_are_unchanged() {
        let aliases = Aliases::new("PROXY", None);
        for mailbox in [MAILBOX, "616C696365406C61622E746502000000@B\u{fc}ro.test"] {
            assert_eq!(aliases.alias(mailbox), None, "{mailbox}");
        }
        for other in ["exch@lab.test", "@", "616c6963-6540-6c61-622e-746502000000@", "616c6963@lab.test"] {
            let alias = aliases.alias(other).unwrap();
            assert_eq!(aliases.original(&alias).unwrap(), other.to_ascii_uppercase());
        }
    }

    #[test]
    fn aliases_are_unique_and_reversible() {
        let aliases = Aliases::new("PROXY", Some("EXCH"));
        let mut seen = std::collections::BTreeSet::new();
        let odd = ["PROXY", "PROXY-2", "PROXY-IVMEGSBS", "A", "\u{fc}\u{df}", " ", "EXCH.LAB.TEST", "X@Y"];
        let many = (0..1103).map(|number| format!("EXCH{number}"));
        for name in odd.into_iter().map(str::to_owned).chain(many) {
            let alias = aliases.alias(&name).unwrap();
            assert_eq!(aliases.original(&alias).as_ref(), Some(&name));
            assert_eq!(aliases.original(&alias.to_ascii_lowercase()).as_ref(), Some(&name));
            assert!(!alias.contains("EXCH") && seen.insert(alias), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_not_an_alias_has_no_original() {
        let aliases = Aliases::new("PROXY", Some("EXCH"));
        let mailbox = format!("PROXY-{}", encode(&MAILBOX.to_ascii_uppercase()));
        let (lower, upstream) = (format!("PROXY-{}", encode("exch2")), format!("PROXY-{}", encode("EXCH")));
        let none = ["PROXY-", "PROXY-0", "PROXY-A", "PROXY-IVMEGSBT2", "PROXYX", "OTHER", "PRO", ""];
        for text in none.into_iter().chain([mailbox.as_str(), &lower, &upstream]) {
            assert_eq!(aliases.original(text), None, "{text}");
        }
    }
}
