//! The account name that a client's credentials claim, before they are verified. It is for the log of failed
//! authentication and for the limits on guessing. It does not identify a caller.

use std::fmt;

use crate::counting_name::counting_name;
use crate::fingerprint::Fingerprint;
use crate::mechanism::Mechanism;
use crate::principal::{Principal, without_case};
use crate::shown_name::write_name;

/// The characters of a name that are kept.
const MAX_CHARS: usize = 64;

/// The longest credentials from which a name is read, in bytes.
const MAX_CREDENTIALS: usize = 64 * 1024;

/// The characters of the longest name that can denote an account: a domain's DNS name (RFC 1035 2.3.4), a separator,
/// and a user principal name ([MS-ADA3] 2.349). A `sAMAccountName` has at most 256 (2.222).
const LONGEST_NAME: usize = 255 + 1 + 1024;

/// The counting name of all longer names, which denote no account. Other counting names have no blanks.
const TOO_LONG: &str = "a longer name than any account has";

/// The name of the account as which a client wants to authenticate: not verified, cut to 64 characters, and printed
/// as one word of one line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimedName {
    shown: Box<str>,
    /// Whether it is only displayed, and denotes no account of a directory.
    is_for_display: bool,
    counting_name: Box<str>,
    spelling: Spelling,
}

/// A hash of a claimed name with its domain, without regard to case, and of its mechanism. Credentials whose names
/// have the same spelling are for the same account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spelling(Fingerprint);

impl ClaimedName {
    /// The name in `credentials`, which follow the scheme of `mechanism` in an `Authorization` header. `None` if they
    /// contain no name, such as those in the first legs of a handshake, and Kerberos tickets.
    pub fn in_header(mechanism: Mechanism, credentials: &[u8]) -> Option<Self> {
        if credentials.len() > MAX_CREDENTIALS {
            return None;
        }
        Self::in_token(mechanism, &mechanism.read_http(credentials).ok()?)
    }

    /// The name in a client's token of `mechanism`. All names that are longer than any account's have one counting
    /// name, whatever the mechanism, which saves the time to normalize them.
    pub fn in_token(mechanism: Mechanism, token: &[u8]) -> Option<Self> {
        let name = mechanism.claimed_name(token).filter(|name| !name.is_empty())?;
        let mut shown: String = name.chars().take(MAX_CHARS).collect();
        if shown.len() < name.len() {
            shown.push('…');
        }
        let (counting_name, spelling) = match name.chars().nth(LONGEST_NAME) {
            None => (counted(mechanism, &name), without_case(&name)),
            Some(_) => (TOO_LONG.into(), TOO_LONG.into()),
        };
        let spelling = Fingerprint::default().then(mechanism.name().as_bytes()).then(spelling.as_bytes());
        let is_for_display = mechanism.name_is_for_display();
        Some(Self { shown: shown.into(), is_for_display, counting_name, spelling: Spelling(spelling) })
    }

    /// The form of the name by which failed attempts are counted: without domain, case, marks, width and invisible
    /// characters. All spellings of a name share it, and so do accounts of several domains, and accounts whose names
    /// differ in marks only. A name that a mechanism only displays has another one than an account whose password is
    /// checked. It is for counting only, never to look up an account.
    pub fn counting_name(&self) -> &str {
        &self.counting_name
    }

    /// A hash of the name with its domain, and of the mechanism.
    pub const fn spelling(&self) -> Spelling {
        self.spelling
    }

    /// Whether this can be a name of `principal`, which the same credentials proved.
    pub fn can_denote(&self, principal: &Principal) -> bool {
        let own = self.counting_name.rsplit('\\').next().unwrap_or_default();
        own == counting_name(principal.user())
    }
}

/// The counting name of `name`. If `mechanism` only displays the name, it begins with the mechanism and a backslash,
/// which no other counting name contains.
fn counted(mechanism: Mechanism, name: &str) -> Box<str> {
    let name = counting_name(name);
    if mechanism.name_is_for_display() {
        return format!("{}\\{name}", mechanism.name()).into();
    }
    name.into()
}

impl fmt::Display for ClaimedName {
    /// As `write_name` writes it. The name in a token, which its issuer chose, begins with `token:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_for_display {
            f.write_str("token:")?;
        }
        write_name(f, &[&self.shown])
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    fn basic(text: &[u8]) -> Option<ClaimedName> {
        ClaimedName::in_header(Mechanism::BASIC, STANDARD.encode(text).as_bytes())
    }

    #[test]
    fn the_spellings_of_a_name_have_one_counting_name_and_differ_by_domain() {
        let alice = basic(b"alice:x").unwrap();
        for spelling in [
            "LAB\\Alice",
            "ALICE@lab.test",
            "alice@lab.evil",
            "alıce",
            "\\alice",
            "\\alice@lab.test",
            "A\\B\\alice",
            "LAB\\ａlice",
            "alicé@lab.test",
            "al\u{200b}ice",
            " alice.",
        ] {
            let name = basic(format!("{spelling}:a:b").as_bytes()).unwrap();
            assert_eq!(name.counting_name(), "alice", "{spelling}");
            assert_ne!(name.spelling(), alice.spelling(), "{spelling}");
        }
        let domain = "d".repeat(100);
        for long in [format!("{domain}\\alice:x"), format!("alice@{domain}:x")] {
            assert_eq!(basic(long.as_bytes()).unwrap().counting_name(), "alice", "{long}");
        }
        assert_eq!(basic(b"ALICE:y").unwrap().spelling(), alice.spelling());
        let long = |end: &str| basic(format!("{}{end}:x", "a".repeat(MAX_CHARS)).as_bytes()).unwrap();
        assert_eq!(long("b").to_string(), long("c").to_string());
        assert_ne!(long("b").spelling(), long("c").spelling());
    }

    #[test]
    fn the_displayed_name_of_a_token_does_not_count_for_the_account_of_that_name() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let claims = r#"{"iss":"a","tid":"1","oid":"2","preferred_username":"LAB\\alice"}"#;
        let token = format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(claims));
        let displayed = ClaimedName::in_header(Mechanism::BEARER, token.as_bytes()).unwrap();
        let alice = basic(b"LAB\\alice:x").unwrap();
        assert_eq!(displayed.to_string(), format!("token:{alice}"));
        assert_ne!(displayed.counting_name(), alice.counting_name());
        assert_ne!(displayed.spelling(), alice.spelling());
        assert!(displayed.can_denote(&Principal::new("LAB\\alice", "")));
    }

    #[test]
    fn a_name_denotes_principals_of_its_user_only() {
        let name = basic(b"LAB\\alice:x").unwrap();
        for (user, domain) in [("alice", "LAB"), ("Alice@lab.test", ""), ("alice", "")] {
            assert!(name.can_denote(&Principal::new(user, domain)), "{user}");
        }
        assert!(!name.can_denote(&Principal::new("mallory", "LAB")));
    }

    #[test]
    fn credentials_without_a_name_claim_no_account() {
        assert_eq!(basic(b"no colon"), None);
        assert_eq!(basic(b":password"), None);
        assert_eq!(ClaimedName::in_header(Mechanism::BASIC, b"***"), None);
        assert_eq!(ClaimedName::in_token(Mechanism::NTLM, b"NTLMSSP\0\x01\0\0\0"), None);
        assert_eq!(ClaimedName::in_header(Mechanism::NTLM, &vec![b'A'; MAX_CREDENTIALS + 1]), None);
    }

    #[test]
    fn a_hostile_name_is_printed_as_one_word_of_one_line() {
        let shown = |text: &[u8]| basic(text).unwrap().to_string();
        assert_eq!(shown(b"LAB\\al.ice-1_$+:x"), "LAB\\al.ice-1_$+");
        assert_eq!(shown("müller@lab:x".as_bytes()), "müller@lab");
        assert_eq!(shown(b"a\npeer=1.2.3.4 x\":y"), r#""a\u{a}peer=1.2.3.4 x\"""#);
        assert_eq!(shown("a\u{202e}b\u{1b}[2J:x".as_bytes()), r#""a\u{202e}b\u{1b}[2J""#);
        assert_eq!(shown(b"\xff:x"), r#""\u{fffd}""#);
        assert_eq!(shown("al\u{3164}ice\u{200b}:x".as_bytes()), r#""al\u{3164}ice\u{200b}""#);
    }

    #[test]
    fn names_longer_than_any_account_have_one_counting_name_that_no_principal_has() {
        // "é" is decomposed, which takes most of the time.
        let long = |name: &str, length: usize| {
            let filled = name.chars().chain(std::iter::repeat('é')).take(length).collect::<String>();
            basic(format!("{filled}:x").as_bytes()).unwrap()
        };
        let (one, other) = (long("LAB\\alice", 20_000), long("bob@lab.test", LONGEST_NAME + 1));
        assert_eq!((one.counting_name(), one.spelling()), (other.counting_name(), other.spelling()));
        assert_eq!(one.counting_name(), TOO_LONG);
        assert!(one.to_string().starts_with("LAB\\alice"));
        assert!(!one.can_denote(&Principal::new(one.counting_name(), "")));
        let (one, other) = (long("alice", LONGEST_NAME), long("bob", LONGEST_NAME));
        assert_ne!((one.counting_name(), one.spelling()), (other.counting_name(), other.spelling()));
        assert!(one.counting_name().starts_with("alice"));
    }

    #[test]
    fn a_long_name_is_cut() {
        let long = [vec![b'a'; 1000], b":x".to_vec()].concat();
        assert_eq!(basic(&long).unwrap().to_string(), "a".repeat(MAX_CHARS) + "…");
    }
}
