//! Key logs: lines of a label, a client random and a secret (RFC 9850).

use std::collections::HashMap;
use std::fmt;

use zeroize::Zeroizing;

/// The maximum length of a line, in bytes. The longest line that RFC 9850 permits has fewer than 256.
const MAX_LINE: usize = 1024;

/// The maximum number of sessions. The secrets of further ones are dropped, which is reported.
const MAX_SESSIONS: usize = 1 << 18;

/// The maximum number of malformed lines that are reported for one key log.
const MAX_REPORTED: u32 = 8;

/// The maximum number of sessions that can be resumed without a separate line.
const MAX_RESUMABLE: usize = 4096;

/// A secret: 48 bytes at most in TLS 1.3, exactly 48 for a master secret.
pub(super) type Secret = Zeroizing<Box<[u8]>>;

/// The `random` of a `ClientHello`, by which key logs identify a session.
pub(super) type Random = [u8; 32];

/// The secrets of TLS sessions.
#[derive(Default)]
pub struct KeyLog {
    sessions: HashMap<Random, Secrets>,
    /// Master secrets by session ID or session ticket, for sessions that are resumed.
    resumable: HashMap<Box<[u8]>, Secret>,
    full: bool,
}

/// The secrets of one session.
#[derive(Default, Clone)]
pub(super) struct Secrets {
    /// TLS 1.2 and before.
    pub(super) master: Option<Secret>,
    pub(super) client_early: Option<Secret>,
    pub(super) client_handshake: Option<Secret>,
    pub(super) server_handshake: Option<Secret>,
    pub(super) client_traffic: Option<Secret>,
    pub(super) server_traffic: Option<Secret>,
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyLog({} sessions, [redacted])", self.sessions.len())
    }
}

/// Why a line of a key log cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyLogError {
    /// The line does not have three fields.
    #[error("expected a label, a client random and a secret")]
    Fields,
    /// The client random is malformed.
    #[error("expected a client random of 64 hexadecimal digits")]
    Random,
    /// The secret has the wrong length for its label.
    #[error("expected a secret of {0} hexadecimal digits")]
    Secret(&'static str),
    /// The line exceeds the maximum length.
    #[error("the line is longer than {MAX_LINE} bytes")]
    TooLong,
    /// The maximum number of sessions is reached.
    #[error("more than {MAX_SESSIONS} sessions; the secrets of further ones are not used")]
    TooMany,
}

/// A line of a key log that was ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the key log: {error}")]
pub struct LineProblem {
    /// The number of the line, starting with 1.
    pub line: u64,
    /// The error in the line.
    pub error: KeyLogError,
}

impl KeyLog {
    /// Whether the key log has no secret.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    pub(super) fn secrets(&self, random: &Random) -> Option<&Secrets> {
        self.sessions.get(random)
    }

    /// The master secret of a session that is resumed by `id`, its session ID or its ticket.
    pub(super) fn resumed(&self, id: &[u8]) -> Option<&Secret> {
        self.resumable.get(id)
    }

    /// Keeps the master secret of a session that may be resumed by `id`.
    pub(super) fn insert_master_secret(&mut self, id: &[u8], master: &Secret) {
        if !id.is_empty() && (self.resumable.len() < MAX_RESUMABLE || self.resumable.contains_key(id)) {
            self.resumable.insert(id.into(), master.clone());
        }
    }

    /// Adds a line. Unknown labels are ignored (RFC 9850 2).
    fn line(&mut self, line: &[u8]) -> Result<(), KeyLogError> {
        let narrow = Zeroizing::new(narrow(line));
        let line = narrow.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(());
        }
        let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
        let (Some(label), Some(random), Some(secret), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(KeyLogError::Fields);
        };
        let place: fn(&mut Secrets) -> &mut Option<Secret> = match label {
            b"CLIENT_RANDOM" => |secrets| &mut secrets.master,
            b"CLIENT_EARLY_TRAFFIC_SECRET" => |secrets| &mut secrets.client_early,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => |secrets| &mut secrets.client_handshake,
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => |secrets| &mut secrets.server_handshake,
            b"CLIENT_TRAFFIC_SECRET_0" => |secrets| &mut secrets.client_traffic,
            b"SERVER_TRAFFIC_SECRET_0" => |secrets| &mut secrets.server_traffic,
            _ => return Ok(()),
        };
        let random = digits(random).and_then(|random| Random::try_from(&**random).ok());
        let random = random.ok_or(KeyLogError::Random)?;
        let (lengths, expected): (&[usize], _) =
            if label == b"CLIENT_RANDOM" { (&[48], "96") } else { (&[32, 48], "64 or 96") };
        let secret = digits(secret).filter(|secret| lengths.contains(&secret.len()));
        let secret = secret.ok_or(KeyLogError::Secret(expected))?;
        if self.sessions.len() >= MAX_SESSIONS && !self.sessions.contains_key(&random) {
            // Reported once only.
            return if std::mem::replace(&mut self.full, true) { Ok(()) } else { Err(KeyLogError::TooMany) };
        }
        *place(self.sessions.entry(random).or_default()) = Some(secret);
        Ok(())
    }
}

/// Converts a line to ASCII, if it was saved as UTF-16 or with a byte order mark.
fn narrow(line: &[u8]) -> Vec<u8> {
    let marks: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    let bare = marks.iter().find_map(|mark| line.strip_prefix(*mark)).unwrap_or(line);
    bare.iter().copied().filter(|byte| *byte != 0).collect()
}

fn digits(text: &[u8]) -> Option<Secret> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect::<Option<Box<[u8]>>>().map(Zeroizing::new)
}

/// Reads a key log piece by piece, as it grows.
#[derive(Default)]
pub struct KeyLogReader {
    /// The line that is not complete yet.
    partial: Zeroizing<Vec<u8>>,
    too_long: bool,
    line: u64,
    reported: u32,
}

impl fmt::Debug for KeyLogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyLogReader(line {}, [redacted])", self.line)
    }
}

impl KeyLogReader {
    /// Adds the next `bytes` of the key log to `log`.
    pub fn push(&mut self, bytes: &[u8], log: &mut KeyLog, problems: &mut Vec<LineProblem>) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            self.keep(line);
            self.finish(log, problems);
        }
        self.keep(rest);
    }

    /// Adds the last line, which may lack its line end.
    pub fn finish(&mut self, log: &mut KeyLog, problems: &mut Vec<LineProblem>) {
        self.line = self.line.saturating_add(1);
        let line = std::mem::take(&mut self.partial);
        let result =
            if std::mem::take(&mut self.too_long) { Err(KeyLogError::TooLong) } else { log.line(&line) };
        if let Err(error) = result
            && self.reported < MAX_REPORTED
        {
            self.reported = self.reported.saturating_add(1);
            problems.push(LineProblem { line: self.line, error });
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.too_long || self.partial.len().saturating_add(bytes.len()) > MAX_LINE {
            self.too_long = true;
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]
mod tests {
    use super::*;

    fn read(text: &[u8], step: usize) -> (KeyLog, Vec<String>) {
        let (mut log, mut reader, mut problems) = (KeyLog::default(), KeyLogReader::default(), Vec::new());
        for piece in text.chunks(step) {
            reader.push(piece, &mut log, &mut problems);
        }
        reader.finish(&mut log, &mut problems);
        (log, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn lines_are_read_with_any_line_end_and_in_any_pieces() {
        let (one, two, secret) = ("ab".repeat(32), "CD".repeat(32), "0f".repeat(48));
        let text = format!(
            "# a comment\r\nCLIENT_RANDOM {one} {secret}\r\n\nEXPORTER_SECRET {one} 00\n\
             SERVER_TRAFFIC_SECRET_0 {two} {}",
            "11".repeat(32)
        );
        for step in [1, 7, text.len()] {
            let (log, problems) = read(text.as_bytes(), step);
            assert_eq!(problems, Vec::<String>::new());
            assert_eq!(***log.secrets(&[0xab; 32]).unwrap().master.as_ref().unwrap(), [0x0f; 48]);
            assert_eq!(***log.secrets(&[0xcd; 32]).unwrap().server_traffic.as_ref().unwrap(), [0x11; 32]);
        }
    }

    #[test]
    fn a_byte_order_mark_and_utf_16_are_no_part_of_the_lines() {
        let line = format!("CLIENT_RANDOM {} {}\r\n", "ab".repeat(32), "0f".repeat(48));
        let wide = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(0xfeff).chain(line.encode_utf16()).flat_map(order).collect()
        };
        let marked = [b"\xef\xbb\xbf", line.as_bytes()].concat();
        for text in [marked, wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
            let (log, problems) = read(&text, 7);
            assert_eq!(problems, Vec::<String>::new());
            assert_eq!(***log.secrets(&[0xab; 32]).unwrap().master.as_ref().unwrap(), [0x0f; 48]);
        }
    }

    #[test]
    fn a_malformed_line_is_reported_by_number_and_affects_no_other() {
        let (random, secret) = ("ab".repeat(32), "0f".repeat(48));
        let long = "x".repeat(MAX_LINE + 1);
        let text = format!(
            "CLIENT_RANDOM {random}\nCLIENT_RANDOM abc {secret}\nCLIENT_RANDOM {random} 0f\n{long}\n\
             CLIENT_RANDOM {random} {secret}\n"
        );
        let (log, problems) = read(text.as_bytes(), 100);
        assert_eq!(
            problems,
            [
                "line 1 of the key log: expected a label, a client random and a secret",
                "line 2 of the key log: expected a client random of 64 hexadecimal digits",
                "line 3 of the key log: expected a secret of 96 hexadecimal digits",
                "line 4 of the key log: the line is longer than 1024 bytes",
            ]
        );
        assert!(log.secrets(&[0xab; 32]).unwrap().master.is_some());
    }

    #[test]
    fn the_reported_lines_of_a_key_log_are_limited() {
        let (_, problems) = read("nonsense\n".repeat(10_000).as_bytes(), 4096);
        assert_eq!(problems.len(), usize::try_from(MAX_REPORTED).unwrap());
    }

    #[test]
    fn secrets_are_not_printed() {
        let (log, _) = read(format!("CLIENT_RANDOM {} {}", "ab".repeat(32), "0f".repeat(48)).as_bytes(), 9);
        assert_eq!(format!("{log:?}"), "KeyLog(1 sessions, [redacted])");
    }
}
