//! Decrypts recordings with the keys of their owner: TLS with a key log, Kerberos with a keytab.

pub mod kerberos;
pub mod tls;

use identity::ntlm::passive::DecryptionSecret;

use self::kerberos::Keytab;
use self::tls::KeyLog;

/// The keys with which recordings are decrypted.
#[derive(Debug, Default)]
pub struct Keys {
    /// Passwords, NT hashes and session keys of NTLM.
    pub ntlm: Vec<DecryptionSecret>,
    /// Secrets of TLS sessions.
    pub tls: KeyLog,
    /// The long-term keys of the services for which Kerberos tickets were issued.
    pub kerberos: Keytab,
}

impl From<Vec<DecryptionSecret>> for Keys {
    fn from(ntlm: Vec<DecryptionSecret>) -> Self {
        Self { ntlm, ..Self::default() }
    }
}
