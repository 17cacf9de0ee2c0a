//! The account name that credentials claim, before anything is proven. It decides nothing: it is for the log of
//! refused sign-ins and for their rate limit.

use std::fmt;

use crate::accounts::fold_case;
use crate::mechanism::Mechanism;

/// How many characters of a name are kept.
const LONGEST: usize = 64;

/// No name is read from longer credentials.
const MOST: usize = 64 * 1024;

/// A client's name for the account that it wants to sign in with: not proven, cut to 64 characters, and printed
/// so that it stays one word of one line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimedName(Box<str>);

impl ClaimedName {
    /// The name in `credentials`, which stand behind the scheme of `mechanism` in an `Authorization` header. `None`
    /// where they hold none, as in the first legs of a handshake and in Kerberos tickets.
    pub fn in_header(mechanism: Mechanism, credentials: &[u8]) -> Option<Self> {
        if credentials.len() > MOST {
            return None;
        }
        Self::in_token(mechanism, &mechanism.read_http(credentials).ok()?)
    }

    /// The name in a client's token of `mechanism`.
    pub fn in_token(mechanism: Mechanism, token: &[u8]) -> Option<Self> {
        Self::new(&mechanism.claimed_name(token)?)
    }

    fn new(name: &str) -> Option<Self> {
        let mut kept: String = name.chars().take(LONGEST).collect();
        if kept.len() < name.len() {
            kept.push('…');
        }
        (!kept.is_empty()).then(|| Self(kept.into()))
    }

    /// The name without its domain, in lower case: what the spellings of one account have in common. Letters that only
    /// look alike in upper case are one here, since they find one account.
    pub fn account(&self) -> String {
        let user = match self.0.split_once('\\') {
            Some((_, user)) => user,
            None => self.0.split('@').next().unwrap_or_default(),
        };
        fold_case(user).to_lowercase()
    }
}

impl fmt::Display for ClaimedName {
    /// As it was sent where it is made of letters, digits and what names usually have in them; otherwise quoted, with
    /// all else escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '$' | '\\' | '+');
        if self.0.trim_end_matches('…').chars().all(plain) {
            return f.write_str(&self.0);
        }
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                ' ' | '…' => write!(f, "{c}")?,
                c if c.is_ascii_graphic() || c.is_alphanumeric() => write!(f, "{c}")?,
                c => write!(f, "{}", c.escape_unicode())?,
            }
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn basic(text: &[u8]) -> Option<ClaimedName> {
        ClaimedName::in_header(Mechanism::BASIC, STANDARD.encode(text).as_bytes())
    }

    #[test]
    fn spellings_of_one_account_have_one_name() {
        for spelling in ["alice:x", "LAB\\Alice:x", "ALICE@lab.test:x", "alice@lab.evil:a:b", "alıce:x"] {
            assert_eq!(basic(spelling.as_bytes()).unwrap().account(), "alice", "{spelling}");
        }
    }

    #[test]
    fn what_names_no_account_has_no_name() {
        assert_eq!(basic(b"no colon"), None);
        assert_eq!(basic(b":password"), None);
        assert_eq!(ClaimedName::in_header(Mechanism::BASIC, b"***"), None);
        assert_eq!(ClaimedName::in_token(Mechanism::NTLM, b"NTLMSSP\0\x01\0\0\0"), None);
        assert_eq!(ClaimedName::in_header(Mechanism::NTLM, &vec![b'A'; MOST + 1]), None);
    }

    #[test]
    fn a_hostile_name_stays_one_word_of_one_line() {
        let shown = |text: &[u8]| basic(text).unwrap().to_string();
        assert_eq!(shown(b"LAB\\al.ice-1_$+:x"), "LAB\\al.ice-1_$+");
        assert_eq!(shown("müller@lab:x".as_bytes()), "müller@lab");
        assert_eq!(shown(b"a\npeer=1.2.3.4 x\":y"), r#""a\u{a}peer=1.2.3.4 x\"""#);
        assert_eq!(shown("a\u{202e}b\u{1b}[2J:x".as_bytes()), r#""a\u{202e}b\u{1b}[2J""#);
        assert_eq!(shown(b"\xff:x"), r#""\u{fffd}""#);
    }

    #[test]
    fn a_long_name_is_cut() {
        let long = [vec![b'a'; 1000], b":x".to_vec()].concat();
        assert_eq!(basic(&long).unwrap().to_string(), "a".repeat(LONGEST) + "…");
    }
}
