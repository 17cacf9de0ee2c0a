//! Heads of HTTP, looked through in as little time as that takes: whatever the clients and the server need is
//! missing to those who are measured.

/// The length of the head at the beginning of `bytes`, once all of it is there.
pub(super) fn end(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|end| end + 4)
}

/// Names and values of a head's fields.
pub(super) fn fields(head: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let lines = std::str::from_utf8(head).unwrap_or_default().split("\r\n");
    lines.filter_map(|line| line.split_once(": "))
}

/// The value of the field called `name`, in whatever case.
pub(super) fn value<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    fields(head).find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
