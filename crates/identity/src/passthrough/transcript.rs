//! What client and server say in a sign-in that passes through, for any mechanism.

use super::named::Named;
use crate::error::Refusal;

/// Follows a sign-in of one mechanism that passes through, for the name that the client gives.
///
/// It only reads: whether the server takes the credentials, other steps of [`super`] find out.
pub trait Transcript: Send {
    /// Takes a token of the client's.
    ///
    /// # Errors
    /// When no user can be read from it, or it is out of order. Then it must not reach the server.
    fn client(&mut self, token: &[u8]) -> Result<(), Refusal>;

    /// Takes the server's token of an answer by which the handshake goes on; false where it does not.
    fn server(&mut self, _token: &[u8]) -> bool {
        false
    }

    /// Whether the server's last token, if any, allows that it took the client's.
    fn allows(&self, _token: Option<&[u8]>) -> bool {
        true
    }

    /// Whether a user was named.
    fn is_named(&self) -> bool;

    /// Who it is, once the server took what was said; none where no user was named.
    fn named(self: Box<Self>) -> Option<Named>;
}

/// The transcript of a mechanism whose one token names the user, as `read` reads it.
pub(crate) struct OneToken {
    read: fn(&[u8]) -> Result<Named, Refusal>,
    named: Option<Named>,
}

impl OneToken {
    pub(crate) const fn new(read: fn(&[u8]) -> Result<Named, Refusal>) -> Self {
        Self { read, named: None }
    }
}

impl Transcript for OneToken {
    fn client(&mut self, token: &[u8]) -> Result<(), Refusal> {
        self.named = Some((self.read)(token)?);
        Ok(())
    }

    fn is_named(&self) -> bool {
        self.named.is_some()
    }

    fn named(self: Box<Self>) -> Option<Named> {
        self.named
    }
}
