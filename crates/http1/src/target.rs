//! Request targets (RFC 9112 3.2).

/// The target is an absolute URI whose scheme is not HTTP, or whose authority is invalid.
pub(crate) struct InvalidUri;

/// Whether `target` can be in a request line: visible ASCII characters.
pub(crate) fn is_target(target: &[u8]) -> bool {
    !target.is_empty() && target.iter().all(u8::is_ascii_graphic)
}

/// Whether `value` can be that of `Host`: a host with or without a port, or nothing if the target has no authority (RFC
/// 9112 3.2).
pub(crate) fn is_host(value: &[u8]) -> bool {
    value.is_empty() || std::str::from_utf8(value).is_ok_and(is_authority)
}

/// The path and query of a target in absolute form; `None` for a target in another form.
pub(crate) fn origin_form(target: &str) -> Result<Option<String>, InvalidUri> {
    if target.starts_with(['/', '*']) {
        return Ok(None);
    }
    let Some((scheme, rest)) = target.split_once("://") else { return Ok(None) };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if !is_http || !is_authority(authority) {
        return Err(InvalidUri);
    }
    Ok(Some(if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }))
}

/// Whether `text` is a port, which may be empty (RFC 3986 3.2.3): digits only, where `parse` accepts a plus sign.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Whether `text` is a host with or without a port, and without a user before it (RFC 9110 4.2.4).
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, ""),
    };
    let is_name = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte))
    };
    let is_address = |host: &str| {
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
    };
    (is_name(host) || is_address(host)) && is_port(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_host_is_an_authority_or_empty() {
        assert!(is_host(b"") && is_host(b"exch_1.lab.test:443") && is_host(b"[::1]:443"));
        assert!(!is_host(b"a b") && !is_host(b"\xfc") && !is_host(b"a, b"));
    }

    #[test]
    fn an_authority_is_a_host_with_or_without_a_port_of_digits() {
        for valid in ["mail.x", "mail.x:", "mail.x:80", "mail.x:65535", "[::1]", "[::1]:443"] {
            assert!(is_authority(valid), "{valid}");
        }
        for invalid in [
            "",
            ":80",
            "mail.x:+80",
            "mail.x:-1",
            "mail.x:65536",
            "mail.x: 80",
            "u@mail.x",
            "[::1",
            "[::1]:+443",
        ] {
            assert!(!is_authority(invalid), "{invalid}");
        }
    }
}
