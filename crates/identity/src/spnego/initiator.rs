//! The client's end of a SPNEGO handshake.

use wire::{Decode as _, Encode as _, Now};

use super::list_code::ListCode;
use super::tokens::{MAX_TOKEN, NegState, NegTokenInit, NegTokenResp, Oid, mech_type_list};
use super::within::package_of;
use crate::auth_config::InitiatorConfig;
use crate::context::SecurityContext;
use crate::error::AuthError;
use crate::handshake::{self, Step, check_size};
use crate::message_security::MessageSecurity;
use crate::package::{Channel, Package};
use crate::random::Random;

/// The client's end of one SPNEGO handshake.
pub(crate) struct Initiator {
    within: &'static [&'static dyn Package],
    config: InitiatorConfig,
    channel: Channel,
    state: State,
}

enum State {
    Start {
        inner: Box<dyn handshake::Initiator>,
        package: &'static dyn Package,
        list: Vec<Oid>,
    },
    Negotiating {
        inner: Box<dyn handshake::Initiator>,
        /// The package that `inner` is of.
        package: &'static dyn Package,
        code: ListCode,
    },
    Finishing {
        code: ListCode,
        context: SecurityContext,
        security: Box<dyn MessageSecurity>,
    },
    Ended,
}

impl Initiator {
    /// An initiator for one handshake, on `channel`, that offers those of `within` that can be used as `config` says.
    pub(crate) fn new(
        within: &'static [&'static dyn Package],
        config: &InitiatorConfig,
        channel: Channel,
    ) -> Result<Self, AuthError> {
        let channel = channel.negotiated();
        let mut first = None;
        let mut list = Vec::new();
        for package in within {
            if let (Ok(inner), Some(oid)) = (package.initiator(config, channel), package.oids().first()) {
                list.push(oid.clone());
                first.get_or_insert((inner, *package));
            }
        }
        let (inner, package) = first.ok_or(AuthError::NoMechanism)?;
        Ok(Self { within, config: config.clone(), channel, state: State::Start { inner, package, list } })
    }

    fn begin(
        &mut self,
        (mut inner, package): (Box<dyn handshake::Initiator>, &'static dyn Package),
        list: Vec<Oid>,
        token: &[u8],
        now: Now,
        random: &mut dyn Random,
    ) -> Result<Step, AuthError> {
        let Step::Continue(first) = inner.step(token, now, random)? else {
            return Err(AuthError::OutOfOrder { expected: "a first token" });
        };
        let code = ListCode { list: mech_type_list(&list).map_err(AuthError::Unencodable)?, required: false };
        self.state = State::Negotiating { inner, package, code };
        let init = NegTokenInit { mech_types: list, mech_token: Some(first), ..NegTokenInit::default() };
        init.to_bytes().map(Step::Continue).map_err(AuthError::Unencodable)
    }

    /// The first token of the mechanism that the server chose instead of the first one.
    fn change(
        &mut self,
        chosen: &Oid,
        code: ListCode,
        now: Now,
        random: &mut dyn Random,
    ) -> Result<Step, AuthError> {
        let package = package_of(self.within, chosen).ok_or(AuthError::NoMechanism)?;
        let mut inner = package.initiator(&self.config, self.channel).map_err(|_| AuthError::NoMechanism)?;
        let Step::Continue(token) = inner.step(&[], now, random)? else {
            return Err(AuthError::OutOfOrder { expected: "a first token" });
        };
        self.state = State::Negotiating { inner, package, code: ListCode { required: true, ..code } };
        answer(Some(token), None)
    }

    fn negotiate(
        &mut self,
        (mut inner, package): (Box<dyn handshake::Initiator>, &'static dyn Package),
        mut code: ListCode,
        resp: NegTokenResp,
        now: Now,
        random: &mut dyn Random,
    ) -> Result<Step, AuthError> {
        if resp.neg_state == Some(NegState::reject) {
            return Err(AuthError::RejectedByPeer);
        }
        code.required |= resp.neg_state == Some(NegState::request_mic);
        if let Some(other) = resp.supported_mech.filter(|mech| !package.oids().contains(mech)) {
            return self.change(&other, code, now, random);
        }
        let token = resp.response_token.ok_or(AuthError::OutOfOrder { expected: "a mechanism's token" })?;
        match inner.step(&token, now, random)? {
            Step::Continue(token) => {
                self.state = State::Negotiating { inner, package, code };
                answer(Some(token), None)
            }
            // A server that has completed too sends no further token.
            Step::Done { token: None, context, mut security }
                if resp.neg_state == Some(NegState::accept_completed) =>
            {
                code.check(&mut *security, resp.mech_list_mic.as_deref())?;
                Ok(Step::Done { token: None, context, security })
            }
            Step::Done { token, context, mut security } => {
                let ours = code.make(&mut *security, None)?;
                self.state = State::Finishing { code, context, security };
                answer(token, Some(ours))
            }
        }
    }
}

impl handshake::Initiator for Initiator {
    fn step(&mut self, token: &[u8], now: Now, random: &mut dyn Random) -> Result<Step, AuthError> {
        check_size(token, MAX_TOKEN)?;
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Start { inner, package, list } => self.begin((inner, package), list, token, now, random),
            State::Negotiating { inner, package, code } => {
                self.negotiate((inner, package), code, NegTokenResp::from_bytes(token)?, now, random)
            }
            State::Finishing { code, context, mut security } => {
                let resp = NegTokenResp::from_bytes(token)?;
                if resp.neg_state != Some(NegState::accept_completed) {
                    return Err(AuthError::RejectedByPeer);
                }
                code.check(&mut *security, resp.mech_list_mic.as_deref())?;
                Ok(Step::Done { token: None, context, security })
            }
            State::Ended => Err(AuthError::Ended),
        }
    }
}

fn answer(token: Option<Vec<u8>>, code: Option<Vec<u8>>) -> Result<Step, AuthError> {
    let resp = NegTokenResp {
        neg_state: Some(NegState::accept_incomplete),
        response_token: token,
        mech_list_mic: code,
        ..NegTokenResp::default()
    };
    resp.to_bytes().map(Step::Continue).map_err(AuthError::Unencodable)
}
