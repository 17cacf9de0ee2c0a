//! Addresses: of MAPI, which have a type, and of RFC 5322.
//!
//! An address that is not one of SMTP is written in IMCEA form ([MS-OXCMAIL] 2.1.3.1), under a domain that does not
//! exist (RFC 2606), from which it can be read again.

use mail_parser::Addr;
use mapi::data::{EntryId, OneOffEntryId, OneOffFlags, Text};
use mapi::property::PropTag;
use wire::{Decode, Encode, Utf16};

use crate::codepage;
use crate::model::Properties;

/// The domain of addresses that were not resolved.
const UNRESOLVED: &str = "invalid";
/// The type in IMCEA form of an address without a type.
const NO_TYPE: &str = "NONE";
/// The maximum length of an address in a header field, whose lines may have 998 characters (RFC 5322 2.1.1).
const MAX_ADDRESS: usize = 900;

/// A person or group with an address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Party {
    pub(crate) name: String,
    /// The type of the address, such as `SMTP` or `EX`.
    pub(crate) kind: String,
    pub(crate) address: String,
}

/// The tags of the properties of a party.
#[derive(Debug)]
pub(crate) struct PartyTags {
    pub(crate) name: PropTag,
    pub(crate) kind: PropTag,
    pub(crate) address: PropTag,
    pub(crate) smtp: PropTag,
    pub(crate) entry_id: PropTag,
}

/// The user for whom a message was sent.
pub(crate) const REPRESENTED: PartyTags = PartyTags {
    name: PropTag::PidTagSentRepresentingName,
    kind: PropTag::PidTagSentRepresentingAddressType,
    address: PropTag::PidTagSentRepresentingEmailAddress,
    smtp: PropTag::PidTagSentRepresentingSmtpAddress,
    entry_id: PropTag::PidTagSentRepresentingEntryId,
};

/// The user who sent a message.
pub(crate) const SENDER: PartyTags = PartyTags {
    name: PropTag::PidTagSenderName,
    kind: PropTag::PidTagSenderAddressType,
    address: PropTag::PidTagSenderEmailAddress,
    smtp: PropTag::PidTagSenderSmtpAddress,
    entry_id: PropTag::PidTagSenderEntryId,
};

/// A recipient.
pub(crate) const RECIPIENT: PartyTags = PartyTags {
    name: PropTag::PidTagDisplayName,
    kind: PropTag::PidTagAddressType,
    address: PropTag::PidTagEmailAddress,
    smtp: PropTag::PidTagSmtpAddress,
    entry_id: PropTag::PidTagEntryId,
};

impl Party {
    /// The party that `properties` state; `None` if they state none.
    pub(crate) fn of(properties: &Properties<'_>, tags: &PartyTags) -> Option<Self> {
        let text = |tag| properties.text(tag).unwrap_or_default();
        let mut party = Self { name: text(tags.name), kind: text(tags.kind), address: text(tags.address) };
        if party.address.is_empty() {
            let stored = properties.bytes(tags.entry_id).and_then(Self::of_entry_id).unwrap_or_default();
            (party.kind, party.address) = (stored.kind, stored.address);
            if party.name.is_empty() {
                party.name = stored.name;
            }
        }
        if let Some(smtp) = properties.text(tags.smtp).filter(|smtp| is_smtp(smtp)) {
            (party.kind, party.address) = ("SMTP".into(), smtp);
        }
        (!party.name.is_empty() || !party.address.is_empty()).then_some(party)
    }

    /// The party in an entry id.
    pub(crate) fn of_entry_id(bytes: &[u8]) -> Option<Self> {
        match EntryId::parse(bytes) {
            EntryId::OneOff(OneOffEntryId { display_name, address_type, email_address, .. }) => Some(Self {
                name: display_name.to_string_lossy(),
                kind: address_type.to_string_lossy(),
                address: email_address.to_string_lossy(),
            }),
            EntryId::AddressBook(id) => {
                let (dn, _) = codepage::decode(&id.distinguished_name, codepage::WESTERN);
                Some(Self { name: String::new(), kind: "EX".into(), address: dn.into_owned() })
            }
            _ => None,
        }
    }

    /// The parties of a `FlatEntryList`, such as `PidTagReplyRecipientEntries`.
    pub(crate) fn of_entry_list(bytes: &[u8]) -> Vec<Self> {
        let list = mapi::blob::FlatEntryList::from_bytes(bytes).unwrap_or_default();
        list.entries.iter().filter_map(|entry| Self::of_entry_id(entry)).collect()
    }

    /// The party in a header field; its name is the address if it has none.
    pub(crate) fn of_field(field: &Addr<'_>) -> Option<Self> {
        let text = |text: Option<&str>| text.unwrap_or_default().trim().replace('\0', " ");
        let (name, address) = (text(field.name()), text(field.address()));
        let mut party =
            Self::of_imcea(&address).unwrap_or(Self { kind: "SMTP".into(), address, name: String::new() });
        party.name = if name.is_empty() { party.address.clone() } else { name };
        (!party.name.is_empty()).then_some(party)
    }

    /// The party whose address in IMCEA form under the domain `invalid` is `address`.
    fn of_imcea(address: &str) -> Option<Self> {
        let (kind, encoded) =
            address.strip_suffix(UNRESOLVED)?.strip_suffix('@')?.strip_prefix("IMCEA")?.split_once('-')?;
        let mut bytes = Vec::with_capacity(encoded.len());
        let mut rest = encoded.as_bytes();
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                b'_' => bytes.push(b'/'),
                b'+' => {
                    let (digits, after) = rest.split_at_checked(2)?;
                    bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
                    rest = after;
                }
                _ => bytes.push(*byte),
            }
        }
        let kind = if kind == NO_TYPE { "" } else { kind };
        let address = String::from_utf8(bytes).ok().filter(|address| !address.contains('\0'))?;
        Some(Self { name: String::new(), kind: kind.into(), address })
    }

    /// The party as a one-off entry id.
    pub(crate) fn one_off(&self) -> Option<Vec<u8>> {
        let text = |text: &str| Text::Unicode(Utf16::new(text));
        let id = OneOffEntryId {
            flags: 0,
            version: 0,
            one_off_flags: OneOffFlags::UNICODE | OneOffFlags::MIME,
            display_name: text(&self.name),
            address_type: text(&self.kind),
            email_address: text(&self.address),
        };
        id.to_bytes().ok()
    }

    pub(crate) fn is_exchange(&self) -> bool {
        self.kind.eq_ignore_ascii_case("EX")
    }

    /// The address in SMTP; `None` if it has no such address.
    pub(crate) fn smtp(&self) -> Option<&str> {
        let is_smtp_type = self.kind.is_empty() || self.kind.eq_ignore_ascii_case("SMTP");
        (is_smtp_type && is_smtp(&self.address)).then_some(&*self.address)
    }

    /// The address in IMCEA form; `None` if it is too long.
    pub(crate) fn imcea(&self) -> Option<String> {
        let kind: String = self.kind.chars().filter(char::is_ascii_alphanumeric).collect();
        let kind = if kind.is_empty() { NO_TYPE } else { &kind };
        let mut encoded = format!("IMCEA{kind}-");
        for byte in self.address.bytes() {
            match byte {
                b'/' => encoded.push('_'),
                b'-' | b'=' => encoded.push(char::from(byte)),
                _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
                _ => encoded.extend(escape(byte)),
            }
        }
        encoded = format!("{encoded}@{UNRESOLVED}");
        (encoded.len() <= MAX_ADDRESS).then_some(encoded)
    }
}

/// `byte` as a plus sign and two hexadecimal digits.
fn escape(byte: u8) -> [char; 3] {
    let digit = |value: u8| char::from_digit(u32::from(value & 0xF), 16).unwrap_or('0').to_ascii_uppercase();
    ['+', digit(byte >> 4), digit(byte)]
}

/// Whether `address` can be written between angle brackets without quotes (RFC 5322 3.4.1), and so cannot become more
/// than one address.
pub(crate) fn is_smtp(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let is_plain = |c: char| c.is_ascii_graphic() && !"()<>[]:;@\\,\"".contains(c);
    let domain = domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']')).unwrap_or(domain);
    address.len() <= MAX_ADDRESS
        && !local.is_empty()
        && !domain.is_empty()
        && local.chars().all(is_plain)
        && domain.chars().all(|c| is_plain(c) || c == ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_would_become_more_than_one_are_not_smtp() {
        for good in ["a@example.com", "a.b+c@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "x'y@z"] {
            assert!(is_smtp(good), "{good}");
        }
        for bad in [
            "", "a", "@b", "a@", "a@b, c@d", "a@b>", "a\r\nb@c", "a b@c", "\"a\"@b", "ä@b", "a@b@c", "a(b)@c",
        ] {
            assert!(!is_smtp(bad), "{bad}");
        }
    }
}
