//! Decryption of recordings with keys that the owner of the traffic has: TLS by a key log.

pub mod tls;

use identity::ntlm::passive::Secret;

use self::tls::KeyLog;

/// What recordings are decrypted with.
#[derive(Debug, Default)]
pub struct Keys {
    /// Passwords, hashes and session keys of NTLM.
    pub ntlm: Vec<Secret>,
    /// Secrets of TLS sessions.
    pub tls: KeyLog,
}

impl From<Vec<Secret>> for Keys {
    fn from(ntlm: Vec<Secret>) -> Self {
        Self { ntlm, ..Self::default() }
    }
}
