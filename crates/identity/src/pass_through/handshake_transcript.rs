//! The transcript of a handshake, which yields the user's name.
//!
//! The name is that of the last mechanism's token: NTLM's AUTHENTICATE (the response to the server's CHALLENGE), or
//! the ticket in an `AP-REQ` of Kerberos. A later token either keeps the name (the integrity code of SPNEGO's list)
//! or ends the handshake.
//!
//! A token in which the server could check a password is forwarded only if it names the account, so that the attempt is
//! counted. Others are forwarded only if they are known to prove nothing: NTLM's NEGOTIATE, lists of mechanisms, and
//! integrity codes. Tokens of other mechanisms, such as IAKERB, which has the server send a password's proof to the
//! KDC, are refused.

use wire::Decode as _;

use super::named_user::NamedUser;
use super::negoex;
use super::ticket;
use super::transcript::Transcript;
use crate::error::AuthError;
use crate::fingerprint::Fingerprint;
use crate::ntlm::flags::NegotiateFlags;
use crate::ntlm::messages::{Authenticate, Challenge, Negotiate, SIGNATURE};
use crate::principal::{Key, Principal};
use crate::spnego::tokens::{NegState, NegTokenInit, NegTokenResp, Oid};

/// The maximum size of a token, in bytes. Kerberos tickets can be long.
const LONGEST_TOKEN: usize = 48 * 1024;

/// The maximum number of legs of a handshake.
const MOST_LEGS: u8 = 8;

/// The messages so far.
pub(crate) struct HandshakeTranscript {
    /// Whether SPNEGO may carry the mechanism's messages; otherwise they are NTLM without SPNEGO.
    negotiated: bool,
    legs: u8,
    stage: Stage,
    /// The mechanism of the last tokens: the client's first one, then the one that the server chose.
    chosen: Option<Oid>,
}

/// The state of the mechanism of the last token.
#[derive(Default)]
enum Stage {
    /// No token named a user.
    #[default]
    Nameless,
    /// The client sent NTLM's NEGOTIATE.
    Negotiated,
    /// The server sent NTLM's CHALLENGE, with these flags.
    Challenged(NegotiateFlags),
    /// The client responded with this name. No other token may follow.
    Authenticated(NamedUser),
    /// The client sent an `AP-REQ` with this ticket.
    Ticket(Fingerprint),
}

/// The contents of a client's token.
enum Token {
    /// A mechanism's token, after the mechanism's identifier if the token begins a negotiation.
    Mechanism { first: Option<Oid>, token: Vec<u8> },
    /// Only the integrity code of SPNEGO's list of mechanisms.
    ListCode,
    /// A list of mechanisms, from which the server chooses.
    List,
}

impl HandshakeTranscript {
    /// NTLM without SPNEGO.
    pub(crate) fn bare() -> Self {
        Self { negotiated: false, legs: 0, stage: Stage::default(), chosen: None }
    }

    /// SPNEGO, or a mechanism without SPNEGO under the name of Negotiate.
    pub(crate) fn negotiated() -> Self {
        Self { negotiated: true, ..Self::bare() }
    }

    /// Processes a mechanism's token in `stage`.
    fn mechanism(&self, token: &[u8], stage: Stage) -> Result<Stage, AuthError> {
        if token.starts_with(SIGNATURE) {
            let Ok(message) = Authenticate::from_bytes(token) else {
                Negotiate::from_bytes(token)?;
                return match stage {
                    Stage::Challenged(_) => {
                        Err(AuthError::OutOfOrder { expected: "an authenticate message" })
                    }
                    _ => Ok(Stage::Negotiated),
                };
            };
            // Only the response to a challenge contains a name, and it is sent once.
            return match stage {
                Stage::Challenged(flags) if self.may_be(&[Oid::NTLM]) => {
                    authenticated(&message, flags).map(Stage::Authenticated)
                }
                Stage::Challenged(_) => {
                    Err(AuthError::OutOfOrder { expected: "a token of the mechanism that the server chose" })
                }
                _ => Err(AuthError::OutOfOrder {
                    expected: "a negotiate message before an authenticate message",
                }),
            };
        }
        if matches!(stage, Stage::Challenged(_)) {
            return Err(AuthError::OutOfOrder { expected: "an authenticate message" });
        }
        if !self.negotiated {
            return Err(AuthError::OutOfOrder { expected: "a message of NTLM" });
        }
        match (ticket::of(token), stage) {
            (Some(_), _) if !self.may_be(&[Oid::KERBEROS, Oid::MS_KERBEROS]) => {
                Err(AuthError::OutOfOrder { expected: "a token of the mechanism that the server chose" })
            }
            // If the server had accepted the first one already, the owner would be uncertain.
            (Some(second), Stage::Ticket(first)) if first != second => {
                Err(AuthError::OutOfOrder { expected: "the same ticket" })
            }
            (Some(ticket), _) => Ok(Stage::Ticket(ticket)),
            // A list of mechanisms: it precedes the token of the one that the server chooses.
            (None, Stage::Nameless) if self.legs == 1 && negoex::is_without_credentials(token) => {
                Ok(Stage::Nameless)
            }
            // The server could check a password in it, which is not counted without an account's name.
            (None, _) => Err(AuthError::UnknownMechanism(self.chosen.clone())),
        }
    }

    /// Whether the mechanism is one of `these`, if it is known.
    fn may_be(&self, these: &[Oid]) -> bool {
        self.chosen.as_ref().is_none_or(|chosen| these.contains(chosen))
    }
}

impl Transcript for HandshakeTranscript {
    fn client_token(&mut self, token: &[u8]) -> Result<(), AuthError> {
        if token.is_empty() || token.len() > LONGEST_TOKEN {
            return Err(AuthError::NoUserName("no token, or one that is too long"));
        }
        self.legs = self.legs.saturating_add(1);
        if self.legs > MOST_LEGS {
            return Err(AuthError::OutOfOrder { expected: "the handshake's end" });
        }
        let token = if self.negotiated {
            read(token)?
        } else {
            Token::Mechanism { first: None, token: token.to_vec() }
        };
        self.stage = match (token, std::mem::take(&mut self.stage)) {
            (Token::ListCode, stage @ (Stage::Authenticated(_) | Stage::Ticket(_))) => stage,
            (_, Stage::Authenticated(_)) => {
                return Err(AuthError::OutOfOrder { expected: "the integrity code of the mechanisms" });
            }
            (Token::ListCode | Token::List, _) => Stage::Nameless,
            (Token::Mechanism { first, token }, stage) => {
                if first.is_some() {
                    self.chosen = first;
                }
                self.mechanism(&token, stage)?
            }
        };
        Ok(())
    }

    fn server_token(&mut self, token: &[u8]) -> bool {
        let resp = if self.negotiated { NegTokenResp::from_bytes(token).ok() } else { None };
        let message = match resp {
            Some(NegTokenResp { neg_state: Some(NegState::reject | NegState::accept_completed), .. }) => {
                return false;
            }
            Some(resp) => {
                self.chosen = resp.supported_mech.or(self.chosen.take());
                resp.response_token.unwrap_or_default()
            }
            // After NTLM's last message the handshake continues only if the server states it.
            None if matches!(self.stage, Stage::Authenticated(_)) => return false,
            None => token.to_vec(),
        };
        match (&self.stage, Challenge::from_bytes(&message)) {
            // A challenge is only sent in response to a NEGOTIATE.
            (Stage::Negotiated, Ok(challenge)) => self.stage = Stage::Challenged(challenge.flags),
            (_, Ok(_)) => return false,
            (Stage::Negotiated, Err(_)) => {
                self.stage = Stage::Nameless;
                return self.negotiated;
            }
            (Stage::Authenticated(_), Err(_)) if !message.is_empty() => return false,
            (_, Err(_)) => {}
        }
        true
    }

    fn may_be_accepted(&self, token: Option<&[u8]>) -> bool {
        let Some(token) = token.filter(|_| self.negotiated) else { return true };
        let state = NegTokenResp::from_bytes(token).ok().and_then(|resp| resp.neg_state);
        state.is_none_or(|state| state == NegState::accept_completed)
    }

    fn into_user(self: Box<Self>) -> Option<NamedUser> {
        match self.stage {
            Stage::Authenticated(name) => Some(name),
            Stage::Ticket(ticket) => {
                let principal = Principal::new(&format!("Kerberos ticket {ticket}"), "");
                let key = Key::name(&principal);
                Some(NamedUser { key, principal, source: "Negotiate".to_owned(), expires: None })
            }
            Stage::Nameless | Stage::Negotiated | Stage::Challenged(_) => None,
        }
    }

    fn is_named(&self) -> bool {
        matches!(self.stage, Stage::Authenticated(_) | Stage::Ticket(_))
    }
}

/// The contents of a client's token of Negotiate.
fn read(token: &[u8]) -> Result<Token, AuthError> {
    // Some clients send NTLM without SPNEGO ([MS-NTHT] 2.1), others Kerberos.
    if token.starts_with(SIGNATURE) {
        return Ok(Token::Mechanism { first: None, token: token.to_vec() });
    }
    if let Ok(NegTokenInit { mech_types, mech_token, .. }) = NegTokenInit::from_bytes(token) {
        return Ok(match mech_token {
            Some(token) if !token.is_empty() => {
                Token::Mechanism { first: mech_types.into_iter().next(), token }
            }
            _ => Token::List,
        });
    }
    let Ok(resp) = NegTokenResp::from_bytes(token) else {
        return Ok(Token::Mechanism { first: None, token: token.to_vec() });
    };
    if resp.neg_state == Some(NegState::reject) {
        return Err(AuthError::RejectedByPeer);
    }
    let inner = resp.response_token.filter(|token| !token.is_empty());
    Ok(inner.map_or(Token::ListCode, |token| Token::Mechanism { first: None, token }))
}

/// The name in a response to a challenge with these `flags`.
fn authenticated(message: &Authenticate, flags: NegotiateFlags) -> Result<NamedUser, AuthError> {
    let unicode = NegotiateFlags::NTLMSSP_NEGOTIATE_UNICODE;
    if message.flags.contains(unicode) != flags.contains(unicode) {
        return Err(AuthError::NoUserName("a name in another character set than the challenge selected"));
    }
    // Without an NT or LM response the name is not proven ([MS-NLMP] 3.2.5.1.2).
    let anonymous = message.flags.contains(NegotiateFlags::NTLMSSP_ANONYMOUS);
    if anonymous || (message.nt_response()?.is_empty() && message.lm_response()?.len() < 24) {
        return Err(AuthError::Anonymous);
    }
    NamedUser::new(&message.user()?, &message.domain()?, "NTLM")
}
