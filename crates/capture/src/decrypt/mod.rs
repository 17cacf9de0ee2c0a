//! Decryption of recordings with keys that the owner of the traffic has: TLS by a key log, Kerberos by a
//! keytab.

pub mod kerberos;
pub mod tls;

use identity::ntlm::passive::DecryptionSecret;

use self::kerberos::Keytab;
use self::tls::KeyLog;

/// What recordings are decrypted with.
#[derive(Debug, Default)]
pub struct Keys {
    /// Passwords, hashes and session keys of NTLM.
    pub ntlm: Vec<DecryptionSecret>,
    /// Secrets of TLS sessions.
    pub tls: KeyLog,
    /// Keys of the services that Kerberos' tickets are for.
    pub kerberos: Keytab,
}

impl From<Vec<DecryptionSecret>> for Keys {
    fn from(ntlm: Vec<DecryptionSecret>) -> Self {
        Self { ntlm, ..Self::default() }
    }
}
