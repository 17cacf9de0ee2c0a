//! An RC4 key stream with look-ahead.

use rc4::{Rc4, StreamCipher as _};
use zeroize::Zeroizing;

use crate::ntlm::crypto::{self, Key};

/// The key stream of one direction.
pub(super) struct KeyStream {
    cipher: Rc4,
    /// Bytes of the key stream that were computed and not used yet.
    ahead: Zeroizing<Vec<u8>>,
}

impl KeyStream {
    pub(super) fn new(key: &Key) -> Self {
        Self { cipher: crypto::rc4(key), ahead: Zeroizing::default() }
    }

    pub(super) fn apply(&mut self, data: &mut [u8]) {
        if self.ahead.is_empty() {
            return self.cipher.apply_keystream(data);
        }
        let (known, rest) = data.split_at_mut(self.ahead.len().min(data.len()));
        for (byte, key) in known.iter_mut().zip(self.ahead.iter()) {
            *byte ^= key;
        }
        self.pass(known.len());
        self.cipher.apply_keystream(rest);
    }

    /// The next `count` bytes, without consuming them.
    pub(super) fn peek(&mut self, count: usize) -> &[u8] {
        let had = self.ahead.len();
        if had < count {
            let mut more = Zeroizing::new(vec![0; count]);
            more.get_mut(..had).unwrap_or_default().copy_from_slice(&self.ahead);
            self.cipher.apply_keystream(more.get_mut(had..).unwrap_or_default());
            self.ahead = more;
        }
        self.ahead.get(..count).unwrap_or_default()
    }

    /// Consumes bytes that were computed.
    pub(super) fn pass(&mut self, count: usize) {
        let rest = self.ahead.get(count..).unwrap_or_default().to_vec();
        self.ahead = Zeroizing::new(rest);
    }
}
