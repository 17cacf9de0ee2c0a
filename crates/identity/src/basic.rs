//! Basic sign-in (RFC 7617): a name and a password, proven against accounts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConstantTimeEq as _};
use wire::{Error, ErrorKind, FileTime};
use zeroize::Zeroizing;

use crate::accounts::NtHash;
use crate::auth_config::AcceptorConfig;
use crate::context::{ActingLevel, Proof, Proven, SecurityContext};
use crate::error::Refusal;
use crate::principal::Principal;

/// The longest name and password together, in bytes.
const MOST: usize = 1024;

/// Lets in who sends the right name and password. `credentials` is what stands behind `Basic` in a header; the
/// text within is taken as UTF-8. The name is looked up as a whole, as [`crate::Accounts::find`] says.
///
/// Basic proves nothing on a channel that others can read: the caller checks that.
///
/// # Errors
/// When it is not so. An unknown name, a disabled account and a wrong password are one answer and take the same
/// time.
pub fn basic(config: &AcceptorConfig, credentials: &[u8], now: FileTime) -> Result<SecurityContext, Refusal> {
    let (name, password) = read(credentials)?;
    let found = config.accounts.find("", &name);
    let hash = NtHash::from_password(&password);
    let known = found.as_ref().map_or(NtHash::from_bytes([0; 16]), |account| account.nt_hash.clone());
    let admissible = Choice::from(u8::from(found.as_ref().is_some_and(|account| !account.disabled)));
    match found {
        Some(account) if bool::from(hash.expose().ct_eq(known.expose()) & admissible) => {
            let lifetime = config.policy.lifetime;
            let proven = Proven {
                principal: Principal::new(&account.user, &account.domain),
                proof: Proof::Basic,
                level: ActingLevel::Impersonate,
                authority: config.authority.clone(),
                expires: lifetime.map(|lifetime| now.after(lifetime)),
                session_key: None,
                standing: Some(account.standing),
            };
            Ok(SecurityContext::proven(proven, &config.registry))
        }
        _ => Err(Refusal::Logon),
    }
}

/// Name and password.
fn read(credentials: &[u8]) -> Result<(String, Zeroizing<String>), Refusal> {
    let malformed =
        |expected| Refusal::Malformed(Error::new(ErrorKind::Text { expected }, "Basic credentials", 0));
    if credentials.len() > MOST {
        return Err(malformed("at most 1024 bytes"));
    }
    let text = Zeroizing::new(STANDARD.decode(credentials).map_err(|_| malformed("base64"))?);
    let text = std::str::from_utf8(&text).map_err(|_| malformed("UTF-8"))?;
    let (name, password) = text.split_once(':').ok_or_else(|| malformed("a colon behind the name"))?;
    Ok((name.to_owned(), Zeroizing::new(password.to_owned())))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::accounts::{Account, AccountFile, DomainNames};
    use crate::auth_config::{Policy, ServerNames};
    use crate::authority::Authority;
    use crate::registry::Registry;

    fn accounts(disabled: bool) -> AccountFile {
        let mut file = AccountFile::default();
        let nt_hash = NtHash::from_password("pass:word");
        file.set(Account { disabled, ..Account::new("alice", "LAB", nt_hash.clone()) }).unwrap();
        file.set(Account::new("dora@lab.test", "", nt_hash)).unwrap();
        file.in_domain(DomainNames { netbios: "LAB".into(), dns: "lab.test".into() }).unwrap()
    }

    fn config(disabled: bool) -> AcceptorConfig {
        AcceptorConfig {
            accounts: Arc::new(accounts(disabled)),
            policy: Policy::default(),
            names: ServerNames::default(),
            authority: Authority::new("accounts"),
            registry: Registry::new(),
        }
    }

    fn sign_in(text: &str, disabled: bool) -> Result<String, Refusal> {
        let config = config(disabled);
        let context = basic(&config, STANDARD.encode(text).as_bytes(), FileTime(1))?;
        assert_eq!((context.proof(), context.is_anonymous()), (Proof::Basic, false));
        Ok(context.principal().to_string())
    }

    #[test]
    fn the_right_password_lets_in_under_each_form_of_the_name() {
        for name in ["alice", "LAB\\alice", "lab\\alice", "alice@lab", "alice@lab.test"] {
            assert_eq!(sign_in(&format!("{name}:pass:word"), false).unwrap(), "LAB\\alice", "{name}");
        }
        for name in ["dora@lab.test", "Dora@LAB.test", "\\dora@lab.test"] {
            assert_eq!(sign_in(&format!("{name}:pass:word"), false).unwrap(), "dora@lab.test", "{name}");
        }
    }

    #[test]
    fn accounts_of_another_authority_are_other_people_whatever_they_are_called() {
        let credentials = STANDARD.encode("LAB\\alice:pass:word");
        let by = |config: &AcceptorConfig| basic(config, credentials.as_bytes(), FileTime(1)).unwrap();
        // The other one is made as any code in the process could make it, with every name equal.
        let (ours, other) = (config(false), config(false));
        assert_eq!(by(&ours).identity(), by(&ours.clone()).identity());
        assert_eq!(by(&ours).authority(), by(&other).authority());
        assert_ne!(by(&ours).identity(), by(&other).identity());
    }

    #[test]
    fn everything_else_is_refused_alike() {
        for text in [
            "alice:password",
            "alice:",
            "bob:pass:word",
            "OTHER\\alice:pass:word",
            "alice@other.lab:pass:word",
            "alice@LAB.evil:pass:word",
            "LAB.evil\\alice:pass:word",
            "dora@lab.test:",
            ":pass:word",
        ] {
            assert_eq!(sign_in(text, false), Err(Refusal::Logon), "{text}");
        }
        assert_eq!(sign_in("alice:pass:word", true), Err(Refusal::Logon));
        assert!(matches!(sign_in("alice", false), Err(Refusal::Malformed(_))));
        assert!(matches!(sign_in(&"a".repeat(2000), false), Err(Refusal::Malformed(_))));
    }
}
