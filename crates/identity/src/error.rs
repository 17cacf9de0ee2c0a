//! Errors of authentication and of message protection.

use thiserror::Error;

use crate::carrier::Carrier;
use crate::random::RandomError;
use crate::spnego::tokens::Oid;

/// Why an authentication yielded no security context.
///
/// The peer receives the same response for all of them. The reason is for the log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The token violates its protocol.
    #[error("malformed token: {0}")]
    Malformed(#[from] wire::Error),
    /// Another token was expected.
    #[error("token out of order: expected {expected}")]
    OutOfOrder {
        /// What was expected.
        expected: &'static str,
    },
    /// The handshake had ended before this token.
    #[error("a token after the handshake's end")]
    Ended,
    /// The account is unknown or disabled, or the password is wrong. The error does not distinguish these.
    #[error("invalid credentials: unknown or disabled account, or wrong password")]
    InvalidCredentials,
    /// The token's message integrity code does not match the messages that were exchanged.
    #[error("wrong message integrity code")]
    MicMismatch,
    /// The token has no message integrity code, which the policy or the token itself requires.
    #[error("missing message integrity code")]
    MicAbsent,
    /// The client sent no channel bindings, which the policy requires; or sixteen zeros over TLS, which means that it
    /// supports bindings but signed in without TLS.
    #[error("missing channel bindings")]
    BindingAbsent,
    /// The client's channel bindings are those of another TLS connection.
    #[error("channel bindings of another TLS connection")]
    BindingMismatch,
    /// The difference between the token's timestamp and the clock exceeds the limit.
    #[error("client's clock differs from the proxy's by {seconds} s")]
    ClockSkew {
        /// The difference, in seconds.
        seconds: u64,
    },
    /// The client authenticated to the host of this service principal name.
    #[error(
        "NTLM target name {0:?} is not a known name of this proxy; if clients reach the proxy by it, add the host to clients.target_names"
    )]
    WrongTarget(String),
    /// The client authenticated to a service of another protocol. An attacker may have forwarded the handshake.
    #[error("NTLM target name {target:?} is not that of a service over {carrier}")]
    WrongService {
        /// The service principal name.
        target: String,
        /// The protocol of the connection.
        carrier: Carrier,
    },
    /// The peer does not offer a feature that the policy requires.
    #[error("the peer does not offer the NTLM flag {0}, which is required")]
    TooWeak(&'static str),
    /// The names are in another character set than that of the challenge ([MS-NLMP] 2.2.2.5).
    #[error("names in another character set than the challenge selected")]
    OtherCharset,
    /// The client authenticated anonymously, which the policy does not allow.
    #[error("anonymous authentication, which is not accepted")]
    Anonymous,
    /// The client sent an `NTLMv1` response, which the policy does not allow.
    #[error("NTLMv1 response, which clients.ntlm_v1 = false refuses")]
    Legacy,
    /// The client sent only an LM response.
    #[error("LM response, which is never accepted")]
    LmOnly,
    /// The peers have no mechanism in common.
    #[error("the peer offers none of the authentication mechanisms that are accepted")]
    NoMechanism,
    /// SPNEGO's list of mechanisms was changed, or has no integrity code although one is required.
    #[error("mechanism list without a valid integrity code")]
    Downgrade,
    /// The peer rejected the authentication.
    #[error("the peer aborted the handshake")]
    RejectedByPeer,
    /// A configured name does not fit into a message.
    #[error("token cannot be encoded: {0}")]
    Unencodable(#[source] wire::Error),
    /// Credentials that pass through name no user, or not in an acceptable form.
    #[error("credentials that cannot pass through: {0}")]
    NoUserName(&'static str),
    /// A token that passes through has expired.
    #[error("the token has expired, by its `exp` claim and the proxy's clock")]
    Expired,
    /// A token of Negotiate that passes through is of neither NTLM nor Kerberos, and names no user. The mechanism is
    /// that of the last tokens, if they name one.
    #[error("token of another mechanism than NTLM and Kerberos{}", identifier(.0.as_ref()))]
    UnknownMechanism(Option<Oid>),
    /// The server does not offer this scheme.
    #[error("scheme {0} is not offered by the server")]
    NotOffered(&'static str),
    /// A token in an HTTP header is not encoded in base64.
    #[error("token is not base64")]
    NotBase64,
    /// The configured credentials do not suit the mechanism.
    #[error("unsuitable credentials: {0}")]
    UnsuitableCredentials(&'static str),
    /// There are no random numbers for challenges and keys.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// The identifier of a mechanism for a log line, unless it is too long for one.
fn identifier(mechanism: Option<&Oid>) -> String {
    let shown = mechanism.filter(|oid| oid.as_der().len() <= 32);
    shown.map(|oid| format!(": {oid}")).unwrap_or_default()
}

/// Why a protected message was not accepted or not produced. Its association must be closed: after
/// [`Sequence`](Self::Sequence) later messages could be read, after the others they cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The handshake did not negotiate this protection.
    #[error("{0} was not negotiated")]
    NotNegotiated(&'static str),
    /// The message was replayed or reordered, or earlier ones are missing.
    #[error("sequence number {found}, expected {expected}")]
    Sequence {
        /// The expected sequence number.
        expected: u32,
        /// The message's sequence number.
        found: u32,
    },
    /// The signature does not match the message.
    #[error("wrong signature")]
    Signature,
    /// An earlier message was invalid; all later ones are refused.
    #[error("an earlier message was invalid")]
    Broken,
    /// All sequence numbers were used.
    #[error("no sequence numbers left")]
    Exhausted,
}
