//! Request targets (RFC 9112 3.2).

/// The target is an absolute URI whose scheme is not HTTP, or whose authority is invalid.
pub(crate) struct InvalidUri;

/// Whether `target` can be in a request line: visible ASCII characters.
pub(crate) fn is_target(target: &[u8]) -> bool {
    !target.is_empty() && target.iter().all(u8::is_ascii_graphic)
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
    (is_name(host) || is_address(host)) && (port.is_empty() || port.parse::<u16>().is_ok())
}
