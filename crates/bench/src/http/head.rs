//! A fast scanner of HTTP heads: processor time that the clients and the server use is not available to the
//! measured proxies.

/// The length of the head at the beginning of `bytes`, if it is complete.
pub(super) fn end(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|end| end + 4)
}

/// Names and values of a head's fields.
pub(super) fn fields(head: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let lines = std::str::from_utf8(head).unwrap_or_default().split("\r\n");
    lines.filter_map(|line| line.split_once(": "))
}

/// The value of the field `name`, in any case.
pub(super) fn value<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    fields(head).find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
