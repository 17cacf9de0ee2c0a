//! Locates the parts of a head that httparse has parsed.

use std::ops::Range;

use crate::error::{Error, Part};
use crate::fields::line::{Line, Span};

/// Checks that httparse has parsed a whole head of `length` bytes.
pub(crate) fn check_complete(parsed: httparse::Result<usize>, length: usize) -> Result<(), Error> {
    match parsed {
        Ok(httparse::Status::Complete(end)) if end == length => Ok(()),
        Ok(_) => Err(Error::Malformed(Part::EmptyLine)),
        Err(httparse::Error::TooManyHeaders) => Err(Error::TooManyFields),
        Err(httparse::Error::Version) => Err(Error::Version),
        Err(httparse::Error::HeaderName) => Err(Error::Malformed(Part::FieldName)),
        Err(httparse::Error::HeaderValue) => Err(Error::Malformed(Part::FieldValue)),
        Err(httparse::Error::NewLine) => Err(Error::BareLineEnd),
        Err(_) => Err(Error::Malformed(Part::StartLine)),
    }
}

/// The start line with its line end, and the lines of the fields.
pub(crate) fn find_lines(head: &[u8], headers: &[httparse::Header<'_>]) -> Result<(Span, Vec<Line>), Error> {
    let name_of = |header: Option<&httparse::Header<'_>>| {
        header.map(|header| find_span(head, header.name.as_bytes())).transpose()
    };
    // A line ends where the name in the next line begins; the line end of the last one has to be searched.
    let line_end = |next: Option<Span>, from: u32| {
        if let Some(next) = next {
            return Ok(next.from);
        }
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let rest = head.get(from..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map_or(head.len(), |at| from + at + 1);
        u32::try_from(end).map_err(|_| Error::HeadTooLong)
    };
    let mut next_name = name_of(headers.first())?;
    let start_line = Span { from: 0, to: line_end(next_name, 0)? };
    let mut lines = Vec::with_capacity(headers.len() + 2);
    let mut rest = headers.iter();
    while let Some((header, name)) = rest.next().zip(next_name) {
        next_name = name_of(rest.as_slice().first())?;
        // The position of an empty value is not in httparse's result.
        let value = if header.value.is_empty() {
            Span { from: name.to, to: name.to }
        } else {
            find_span(head, header.value)?
        };
        lines.push(Line::Received { name, value, end: line_end(next_name, value.to)? });
    }
    Ok((start_line, lines))
}

/// The span of `part`, a subslice of `head`.
pub(crate) fn find_span(head: &[u8], part: &[u8]) -> Result<Span, Error> {
    let from = part.as_ptr().addr().wrapping_sub(head.as_ptr().addr());
    let range: Range<usize> = from..from.wrapping_add(part.len());
    if head.get(range.clone()).is_none() {
        return Err(Error::Malformed(Part::Field));
    }
    Span::new(&range).ok_or(Error::HeadTooLong)
}
