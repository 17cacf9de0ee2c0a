//! The password hash of NTLM.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use md4::{Digest as _, Md4};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::error::AccountError;

/// The MD4 of a password's UTF-16 form (`NTOWFv1`, [MS-NLMP] 3.3.1). It is equivalent to the
/// password for authentication.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct NtHash([u8; 16]);

impl NtHash {
    /// The hash of `password`.
    pub fn from_password(password: &str) -> Self {
        let mut utf16 = Zeroizing::new(Vec::with_capacity(password.len().saturating_mul(2)));
        utf16.extend(password.encode_utf16().flat_map(u16::to_le_bytes));
        Self(Md4::digest(&*utf16).into())
    }

    /// The hash whose bytes are `bytes`.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes.
    pub const fn expose(&self) -> &[u8; 16] {
        &self.0
    }

    pub(super) fn to_hex(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(32));
        for byte in self.0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl fmt::Debug for NtHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl FromStr for NtHash {
    type Err = AccountError;

    /// Reads 32 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, AccountError> {
        let mut bytes = [0; 16];
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(AccountError::Hash);
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            let start = index.saturating_mul(2);
            let digits = text.get(start..start.saturating_add(2)).ok_or(AccountError::Hash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| AccountError::Hash)?;
        }
        Ok(Self(bytes))
    }
}
