//! The server's end of a SPNEGO handshake.

use std::sync::Arc;

use wire::{Decode as _, Encode, Now};

use super::list_code::ListCode;
use super::tokens::{MAX_TOKEN, NegHints, NegState, NegTokenInit, NegTokenResp, Oid, mech_type_list};
use super::within::{bare, package_of};
use crate::auth_config::AcceptorConfig;
use crate::context::SecurityContext;
use crate::error::AuthError;
use crate::handshake::{self, Step, check_size};
use crate::message_security::MessageSecurity;
use crate::package::{Channel, Package};
use crate::random::Random;

/// The name in the hint that a server gives to a client that waits for one ([MS-SPNG] 3.2.5.2).
pub(super) const HINT_NAME: &[u8] = b"not_defined_in_RFC4178@please_ignore";

/// The server's end of one SPNEGO handshake.
pub(crate) struct Acceptor {
    within: &'static [&'static dyn Package],
    config: Arc<AcceptorConfig>,
    channel: Channel,
    state: State,
}

enum State {
    Start {
        hinted: bool,
    },
    /// The client uses a mechanism without SPNEGO.
    Bare(Box<dyn handshake::Acceptor>),
    Negotiating {
        inner: Box<dyn handshake::Acceptor>,
        code: ListCode,
    },
    /// The mechanism is complete, and the client's integrity code of the list is missing.
    Finishing {
        code: ListCode,
        context: SecurityContext,
        security: Box<dyn MessageSecurity>,
    },
    Ended,
}

impl Acceptor {
    /// An acceptor for one client, on `channel`, that negotiates one of `within`.
    pub(crate) fn new(
        within: &'static [&'static dyn Package],
        config: Arc<AcceptorConfig>,
        channel: Channel,
    ) -> Self {
        Self { within, config, channel, state: State::Start { hinted: false } }
    }

    /// The hint that some clients wait for: the list of the acceptor's mechanisms.
    fn hint(&mut self) -> Result<Step, AuthError> {
        self.state = State::Start { hinted: true };
        let hints = NegHints { hint_name: Some(HINT_NAME.to_vec()), hint_address: None };
        let mech_types = self.within.iter().filter_map(|package| package.oids().first().cloned()).collect();
        proceed(&NegTokenInit { mech_types, neg_hints: Some(hints), ..NegTokenInit::default() })
    }

    /// The first mechanism of the client's list that the acceptor has, and its index in the list.
    fn choose(&self, list: &[Oid]) -> Result<(usize, Box<dyn handshake::Acceptor>), AuthError> {
        let channel = self.channel.negotiated();
        let choice = list.iter().enumerate().find_map(|(position, oid)| {
            let package = package_of(self.within, oid)?;
            Some((position, package.acceptor(&self.config, channel).ok()?))
        });
        choice.ok_or(AuthError::NoMechanism)
    }

    fn begin(&mut self, init: &NegTokenInit, now: Now, random: &mut dyn Random) -> Result<Step, AuthError> {
        let (position, mut inner) = self.choose(&init.mech_types)?;
        let list = mech_type_list(&init.mech_types).map_err(AuthError::Unencodable)?;
        let preferred = position == 0;
        let code = ListCode { list, required: !preferred };
        let mut first = NegTokenResp {
            neg_state: Some(if preferred { NegState::accept_incomplete } else { NegState::request_mic }),
            supported_mech: init.mech_types.get(position).cloned(),
            ..NegTokenResp::default()
        };
        // The optimistic token belongs to the client's first mechanism.
        if let Some(token) = init.mech_token.as_deref().filter(|_| preferred) {
            match inner.step(token, now, random)? {
                Step::Continue(token) => first.response_token = Some(token),
                Step::Done { token, context, security } => {
                    first.response_token = token;
                    return self.finish(first, code, None, context, security);
                }
            }
        }
        self.state = State::Negotiating { inner, code };
        proceed(&first)
    }

    fn proceed(
        &mut self,
        mut inner: Box<dyn handshake::Acceptor>,
        code: ListCode,
        resp: NegTokenResp,
        now: Now,
        random: &mut dyn Random,
    ) -> Result<Step, AuthError> {
        if resp.neg_state == Some(NegState::reject) {
            return Err(AuthError::RejectedByPeer);
        }
        let token = resp.response_token.ok_or(AuthError::OutOfOrder { expected: "a mechanism's token" })?;
        match inner.step(&token, now, random)? {
            Step::Continue(token) => {
                self.state = State::Negotiating { inner, code };
                proceed(&NegTokenResp {
                    neg_state: Some(NegState::accept_incomplete),
                    response_token: Some(token),
                    ..NegTokenResp::default()
                })
            }
            Step::Done { token, context, security } => {
                let last = NegTokenResp { response_token: token, ..NegTokenResp::default() };
                self.finish(last, code, resp.mech_list_mic.as_deref(), context, security)
            }
        }
    }

    /// The mechanism is complete. `answer` is the response to the client, `theirs` the client's integrity code of the
    /// list.
    fn finish(
        &mut self,
        mut answer: NegTokenResp,
        code: ListCode,
        theirs: Option<&[u8]>,
        context: SecurityContext,
        mut security: Box<dyn MessageSecurity>,
    ) -> Result<Step, AuthError> {
        // A client that receives a token of the mechanism still has to respond, and does so with its integrity code.
        let may_answer = answer.response_token.is_some();
        if theirs.is_none() && code.required && may_answer && security.can_sign() {
            self.state = State::Finishing { code, context, security };
            answer.neg_state = Some(NegState::accept_incomplete);
            return proceed(&answer);
        }
        match code.check(&mut *security, theirs) {
            Ok(()) => {}
            // Without signing clients differ in what they send here, which proves nothing.
            Err(_) if !security.can_sign() => return done(answer, context, security),
            Err(refusal) => return Err(refusal),
        }
        if theirs.is_some() {
            answer.mech_list_mic = Some(code.make(&mut *security, theirs)?);
        }
        done(answer, context, security)
    }
}

impl handshake::Acceptor for Acceptor {
    /// The response to an empty first token is the hint that some clients wait for.
    fn step(&mut self, token: &[u8], now: Now, random: &mut dyn Random) -> Result<Step, AuthError> {
        check_size(token, MAX_TOKEN)?;
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Start { hinted: false } if token.is_empty() => self.hint(),
            State::Start { .. } => match bare(self.within, token, self.channel) {
                Some(package) => {
                    let mut inner = package.acceptor(&self.config, self.channel)?;
                    let step = inner.step(token, now, random);
                    self.state = State::Bare(inner);
                    step
                }
                None => self.begin(&NegTokenInit::from_bytes(token)?, now, random),
            },
            State::Bare(mut inner) => {
                let step = inner.step(token, now, random);
                self.state = State::Bare(inner);
                step
            }
            State::Negotiating { inner, code } => {
                self.proceed(inner, code, NegTokenResp::from_bytes(token)?, now, random)
            }
            State::Finishing { code, context, security } => {
                let resp = NegTokenResp::from_bytes(token)?;
                if resp.neg_state == Some(NegState::reject) {
                    return Err(AuthError::RejectedByPeer);
                }
                self.finish(NegTokenResp::default(), code, resp.mech_list_mic.as_deref(), context, security)
            }
            State::Ended => Err(AuthError::Ended),
        }
    }
}

fn done(
    answer: NegTokenResp,
    context: SecurityContext,
    security: Box<dyn MessageSecurity>,
) -> Result<Step, AuthError> {
    let answer = NegTokenResp { neg_state: Some(NegState::accept_completed), ..answer };
    let token = Some(answer.to_bytes().map_err(AuthError::Unencodable)?);
    Ok(Step::Done { token, context, security })
}

pub(super) fn proceed(token: &impl Encode) -> Result<Step, AuthError> {
    token.to_bytes().map(Step::Continue).map_err(AuthError::Unencodable)
}
