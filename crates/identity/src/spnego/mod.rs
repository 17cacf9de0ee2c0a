//! SPNEGO, both ends (RFC 4178, [MS-SPNG]), around NTLM.
//!
//! NTLM is the one mechanism there is. An initiator's Kerberos is passed over, and the list of mechanisms is
//! then protected by `mechListMIC`, so that a change on the way is detected.

pub(crate) mod der;
pub(crate) mod tokens;

use std::sync::Arc;

use wire::{Decode as _, Encode, FileTime};

pub use self::tokens::{NegHints, NegState, NegTokenInit, NegTokenResp, Oid};
use crate::auth_config::{AcceptorConfig, InitiatorConfig};
use crate::channel_bindings::ChannelBindings;
use crate::context::SecurityContext;
use crate::error::Refusal;
use crate::handshake::{Step, check_size};
use crate::ntlm::{self, MAX_TOKEN, MessageSecurity};
use crate::random::Random;

/// The name in the hint that a server gives to a client that waits for one ([MS-SPNG] 3.2.5.2).
const HINT_NAME: &[u8] = b"not_defined_in_RFC4178@please_ignore";

/// The server's end of one SPNEGO handshake.
pub struct Acceptor {
    ntlm: ntlm::Acceptor,
    state: Accepting,
}

enum Accepting {
    Start { hinted: bool },
    Negotiating { mech_list: Vec<u8>, mic_required: bool },
    Ended,
}

impl Acceptor {
    /// An acceptor for one client, on a channel with these bindings.
    pub fn new(config: Arc<AcceptorConfig>, bindings: Option<ChannelBindings>) -> Self {
        let ntlm = ntlm::Acceptor::within_spnego(config, bindings);
        Self { ntlm, state: Accepting::Start { hinted: false } }
    }

    /// Takes the client's next token. After a refusal, and after the last token, nothing more is taken. A
    /// first token that is empty is answered with the hint that some clients wait for.
    ///
    /// # Errors
    /// When the client is not let in.
    pub fn step(&mut self, token: &[u8], now: FileTime, random: &mut dyn Random) -> Result<Step, Refusal> {
        check_size(token, MAX_TOKEN)?;
        match std::mem::replace(&mut self.state, Accepting::Ended) {
            Accepting::Start { hinted: false } if token.is_empty() => {
                self.state = Accepting::Start { hinted: true };
                let hints = NegHints { hint_name: Some(HINT_NAME.to_vec()), hint_address: None };
                proceed(&NegTokenInit {
                    mech_types: vec![Oid::NTLM],
                    neg_hints: Some(hints),
                    ..NegTokenInit::default()
                })
            }
            Accepting::Start { .. } => self.choose(&NegTokenInit::from_bytes(token)?, now, random),
            Accepting::Negotiating { mech_list, mic_required } => {
                self.proceed(mech_list, mic_required, NegTokenResp::from_bytes(token)?, now, random)
            }
            Accepting::Ended => Err(Refusal::OutOfOrder { expected: "nothing" }),
        }
    }

    fn choose(
        &mut self,
        init: &NegTokenInit,
        now: FileTime,
        random: &mut dyn Random,
    ) -> Result<Step, Refusal> {
        let position =
            init.mech_types.iter().position(|oid| *oid == Oid::NTLM).ok_or(Refusal::NoMechanism)?;
        let mech_list = tokens::mech_type_list(&init.mech_types).map_err(Refusal::Unwritable)?;
        let preferred = position == 0;
        // The optimistic token belongs to the client's first mechanism.
        let response_token = match &init.mech_token {
            Some(token) if preferred => match self.ntlm.step(token, now, random)? {
                Step::Continue(token) => Some(token),
                Step::Done { .. } => return Err(Refusal::OutOfOrder { expected: "a negotiate message" }),
            },
            _ => None,
        };
        self.state = Accepting::Negotiating { mech_list, mic_required: !preferred };
        proceed(&NegTokenResp {
            neg_state: Some(if preferred { NegState::accept_incomplete } else { NegState::request_mic }),
            supported_mech: Some(Oid::NTLM),
            response_token,
            mech_list_mic: None,
        })
    }

    fn proceed(
        &mut self,
        mech_list: Vec<u8>,
        mic_required: bool,
        resp: NegTokenResp,
        now: FileTime,
        random: &mut dyn Random,
    ) -> Result<Step, Refusal> {
        if resp.neg_state == Some(NegState::reject) {
            return Err(Refusal::Rejected);
        }
        let token = resp.response_token.ok_or(Refusal::OutOfOrder { expected: "a mechanism's token" })?;
        let (context, mut security) = match self.ntlm.step(&token, now, random)? {
            Step::Continue(token) => {
                self.state = Accepting::Negotiating { mech_list, mic_required };
                return proceed(&NegTokenResp {
                    neg_state: Some(NegState::accept_incomplete),
                    response_token: Some(token),
                    ..NegTokenResp::default()
                });
            }
            Step::Done { context, security, .. } => (context, security),
        };
        let mech_list_mic = match resp.mech_list_mic {
            Some(mic) => match check_mic(&mut security, &mech_list, &mic) {
                Ok(()) => Some(make_mic(&mut security, &mech_list, Some(&mic))?),
                // Where nothing is signed, clients differ in what they put here; it is worth no more than
                // nothing.
                Err(_) if !security.can_sign() => None,
                Err(refusal) => return Err(refusal),
            },
            // Without integrity there are no integrity codes (RFC 4178 5).
            None if mic_required && security.can_sign() => return Err(Refusal::Downgrade),
            None => None,
        };
        let last = NegTokenResp {
            neg_state: Some(NegState::accept_completed),
            mech_list_mic,
            ..NegTokenResp::default()
        };
        let token = Some(last.to_bytes().map_err(Refusal::Unwritable)?);
        Ok(Step::Done { token, context, security })
    }
}

/// The client's end of one SPNEGO handshake.
pub struct Initiator {
    ntlm: ntlm::Initiator,
    state: Initiating,
}

enum Initiating {
    Start,
    Negotiating { mech_list: Vec<u8> },
    Finishing { mech_list: Vec<u8>, mic_required: bool, context: SecurityContext, security: MessageSecurity },
    Ended,
}

impl Initiator {
    /// An initiator for one handshake.
    pub fn new(config: InitiatorConfig) -> Self {
        Self { ntlm: ntlm::Initiator::within_spnego(config), state: Initiating::Start }
    }

    /// Takes the server's next token, which is empty the first time. After a refusal, and after the last
    /// token, nothing more is taken.
    ///
    /// # Errors
    /// When the server's answer is not one that we sign in with.
    pub fn step(&mut self, token: &[u8], now: FileTime, random: &mut dyn Random) -> Result<Step, Refusal> {
        check_size(token, MAX_TOKEN)?;
        match std::mem::replace(&mut self.state, Initiating::Ended) {
            Initiating::Start => {
                let mech_types = vec![Oid::NTLM];
                let Step::Continue(first) = self.ntlm.step(token, now, random)? else {
                    return Err(Refusal::OutOfOrder { expected: "a first token" });
                };
                let mech_list = tokens::mech_type_list(&mech_types).map_err(Refusal::Unwritable)?;
                self.state = Initiating::Negotiating { mech_list };
                proceed(&NegTokenInit { mech_types, mech_token: Some(first), ..NegTokenInit::default() })
            }
            Initiating::Negotiating { mech_list } => {
                self.negotiate(mech_list, NegTokenResp::from_bytes(token)?, now, random)
            }
            Initiating::Finishing { mech_list, mic_required, context, mut security } => {
                let resp = NegTokenResp::from_bytes(token)?;
                if resp.neg_state != Some(NegState::accept_completed) {
                    return Err(Refusal::Rejected);
                }
                match resp.mech_list_mic {
                    Some(mic) => check_mic(&mut security, &mech_list, &mic)?,
                    None if mic_required && security.can_sign() => return Err(Refusal::Downgrade),
                    None => {}
                }
                Ok(Step::Done { token: None, context, security })
            }
            Initiating::Ended => Err(Refusal::OutOfOrder { expected: "nothing" }),
        }
    }

    fn negotiate(
        &mut self,
        mech_list: Vec<u8>,
        resp: NegTokenResp,
        now: FileTime,
        random: &mut dyn Random,
    ) -> Result<Step, Refusal> {
        if resp.neg_state == Some(NegState::reject) {
            return Err(Refusal::Rejected);
        }
        if resp.supported_mech.is_some_and(|mech| mech != Oid::NTLM) {
            return Err(Refusal::NoMechanism);
        }
        let token = resp.response_token.ok_or(Refusal::OutOfOrder { expected: "a mechanism's token" })?;
        let Step::Done { token, context, mut security } = self.ntlm.step(&token, now, random)? else {
            return Err(Refusal::OutOfOrder { expected: "a challenge message" });
        };
        let mech_list_mic = Some(make_mic(&mut security, &mech_list, None)?);
        let mic_required = resp.neg_state == Some(NegState::request_mic);
        self.state = Initiating::Finishing { mech_list, mic_required, context, security };
        proceed(&NegTokenResp {
            neg_state: Some(NegState::accept_incomplete),
            response_token: token,
            mech_list_mic,
            ..NegTokenResp::default()
        })
    }
}

fn proceed(token: &impl Encode) -> Result<Step, Refusal> {
    token.to_bytes().map(Step::Continue).map_err(Refusal::Unwritable)
}

/// Makes a `mechListMIC`, which leaves the cipher where it was ([MS-SPNG] 3.3.5.1). `like` is the peer's.
fn make_mic(
    security: &mut MessageSecurity,
    mech_list: &[u8],
    like: Option<&[u8]>,
) -> Result<Vec<u8>, Refusal> {
    let like = like.and_then(|mic| mic.try_into().ok());
    let mic = security.sign_list(mech_list, like).map_err(|_| Refusal::Downgrade)?;
    security.reset_send();
    Ok(mic.to_vec())
}

/// Checks a `mechListMIC`, which leaves the cipher where it was.
fn check_mic(security: &mut MessageSecurity, mech_list: &[u8], mic: &[u8]) -> Result<(), Refusal> {
    let mic = mic.try_into().map_err(|_| Refusal::Downgrade)?;
    security.verify_list(mech_list, mic).map_err(|_| Refusal::Downgrade)?;
    security.reset_receive();
    Ok(())
}

#[cfg(test)]
mod tests;
