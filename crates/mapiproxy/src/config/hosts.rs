//! Names and addresses of hosts in the configuration.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Why a text is not a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostFault {
    /// It is empty.
    #[error("the name is empty")]
    Empty,
    /// A letter that has to be encoded (RFC 5890).
    #[error("{0:?} is not ASCII: write the encoded name (xn--...)")]
    NotAscii(char),
    /// A character that host names do not have.
    #[error("{0:?} is not allowed in a host name")]
    Character(char),
    /// A part between two dots (RFC 1035 2.3.4).
    #[error("a label between dots has 1 to 63 characters, and neither begins nor ends with a hyphen")]
    Label,
    /// The whole is too long (RFC 1035 2.3.4).
    #[error("it is longer than 253 characters")]
    Length,
    /// Digits and dots.
    #[error("it looks like an IPv4 address, but is not valid")]
    NoAddress,
    /// Colons that are not in brackets, or something else that is in them (RFC 3986 3.2.2).
    #[error("an IPv6 address must be in brackets, for example [2001:db8::1]")]
    Brackets,
}

/// The host in `text`: a name, an IPv4 address, or an IPv6 address in brackets (RFC 3986 3.2.2). The result is in
/// lower case, without brackets and without the dot that may end a name.
///
/// # Errors
/// If it is not one of these.
pub(super) fn host(text: &str) -> Result<String, HostFault> {
    if let Some(inner) = text.strip_prefix('[') {
        let address = inner.strip_suffix(']').and_then(|inner| inner.parse::<Ipv6Addr>().ok());
        return address.map(|address| address.to_string()).ok_or(HostFault::Brackets);
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(HostFault::Brackets);
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    // Names of servers in Windows networks may contain underscores.
    check_name(name, true)?;
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    if name.rsplit('.').next().is_some_and(is_number) && name.parse::<Ipv4Addr>().is_err() {
        return Err(HostFault::NoAddress);
    }
    Ok(name.to_ascii_lowercase())
}

/// Checks that `name` is a host name (RFC 1123 2.1), which may contain underscores if `underscores` is true.
///
/// # Errors
/// If it is not a name.
pub(super) fn check_name(name: &str, underscores: bool) -> Result<(), HostFault> {
    if name.is_empty() {
        return Err(HostFault::Empty);
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-') || (underscores && c == '_');
    match name.chars().find(|c| !is_plain(*c)) {
        Some(odd) if !odd.is_ascii() => return Err(HostFault::NotAscii(odd)),
        Some(odd) => return Err(HostFault::Character(odd)),
        None => {}
    }
    let is_label =
        |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    if !name.split('.').all(is_label) {
        return Err(HostFault::Label);
    }
    if name.len() > 253 { Err(HostFault::Length) } else { Ok(()) }
}
