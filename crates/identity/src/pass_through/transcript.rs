//! The messages of one pass-through authentication, read for the user's name.

use super::named_user::NamedUser;
use crate::error::AuthError;

/// Follows the messages of one pass-through authentication by one mechanism.
///
/// A transcript only reads. Whether the server accepts the credentials is determined by the steps of [`super`].
pub trait Transcript: Send {
    /// Reads a token of the client.
    ///
    /// # Errors
    /// If the token names no user, or is out of order. Then the token must not be sent to the server.
    fn client_token(&mut self, token: &[u8]) -> Result<(), AuthError>;

    /// Reads the server's token of a 401 response. Returns whether the handshake continues.
    fn server_token(&mut self, _token: &[u8]) -> bool {
        false
    }

    /// Whether the server, whose last response carries `token`, may have accepted the client's credentials.
    fn may_be_accepted(&self, _token: Option<&[u8]>) -> bool {
        true
    }

    /// Whether the tokens so far name a user.
    fn is_named(&self) -> bool;

    /// The user, after the server accepted the credentials; `None` if no token named a user.
    fn into_user(self: Box<Self>) -> Option<NamedUser>;
}

/// The transcript of a mechanism that has one token, which names the user.
pub(crate) struct SingleToken {
    read: fn(&[u8]) -> Result<NamedUser, AuthError>,
    user: Option<NamedUser>,
}

impl SingleToken {
    pub(crate) const fn new(read: fn(&[u8]) -> Result<NamedUser, AuthError>) -> Self {
        Self { read, user: None }
    }
}

impl Transcript for SingleToken {
    fn client_token(&mut self, token: &[u8]) -> Result<(), AuthError> {
        self.user = Some((self.read)(token)?);
        Ok(())
    }

    fn is_named(&self) -> bool {
        self.user.is_some()
    }

    fn into_user(self: Box<Self>) -> Option<NamedUser> {
        self.user
    }
}
