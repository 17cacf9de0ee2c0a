//! Verifies and decrypts the PDUs of recorded security contexts.

use std::sync::Arc;

use identity::ntlm::passive::{DecryptionSecret, PassiveSecurity, RecordedHandshake, Sender};
use rpc::pdu::{AuthType, SEC_TRAILER_SIZE};

use crate::call::SealedReason;
use crate::decrypt::kerberos::{self, ContextError, Keytab, Part};
use crate::stream::Side;

/// The secrets that decrypt NTLM and Kerberos.
#[derive(Debug)]
pub(super) struct Secrets {
    pub(super) ntlm: Vec<DecryptionSecret>,
    pub(super) kerberos: Keytab,
}

/// The recorded state of a security context.
#[derive(Debug)]
pub(super) struct ContextSecurity {
    auth_type: AuthType,
    handshake: RecordedHandshake,
    kerberos: kerberos::Context,
    /// Why Kerberos cannot be decrypted; reported once.
    problem: Option<ContextError>,
    reported: bool,
    /// The candidates for decryption. One is left after the first PDU was verified.
    candidates: Option<Vec<PassiveSecurity>>,
}

impl ContextSecurity {
    pub(super) fn new(auth_type: AuthType) -> Self {
        Self {
            auth_type,
            handshake: RecordedHandshake::default(),
            kerberos: kerberos::Context::default(),
            problem: None,
            reported: false,
            candidates: None,
        }
    }

    /// Reads an authentication token of one side.
    pub(super) fn observe_token(&mut self, side: Side, token: &[u8]) {
        self.handshake.token(sender(side), token);
        if matches!(self.auth_type, AuthType::GSS_KERBEROS | AuthType::GSS_NEGOTIATE) {
            self.kerberos.token(side, token);
        }
    }

    /// The user who authenticated, if known.
    pub(super) fn user(&mut self, secrets: &Secrets) -> Option<Arc<str>> {
        if self.kerberos.is_begun() {
            self.kerberos.user(&secrets.kerberos)
        } else {
            claimed_user(&self.handshake)
        }
    }

    /// Why encrypted stubs cannot be decrypted, unless that was returned before.
    pub(super) fn take_problem(&mut self) -> Option<ContextError> {
        let problem = self.problem.take().filter(|_| !self.reported)?;
        self.reported = true;
        Some(problem)
    }

    /// Verifies the signature of a PDU of `side`. At level privacy (`seals`), decrypts in place the bytes
    /// between the PDU's head and its security trailer.
    ///
    /// # Errors
    /// If the PDU cannot be verified or decrypted.
    pub(super) fn verify_or_unseal(
        &mut self,
        side: Side,
        pdu: &mut [u8],
        (head_size, start): (usize, usize),
        seals: bool,
        secrets: &Secrets,
    ) -> Result<(), SealedReason> {
        let Signed { before, body, after, signature } = Signed::split(pdu, head_size, start)?;
        if self.kerberos.is_begun() {
            let mut part = Part { before, body, after, token: signature };
            return self.kerberos.check(&mut part, seals, &secrets.kerberos).map_err(|problem| {
                let reason = SealedReason::from(&problem);
                self.problem = Some(problem);
                reason
            });
        }
        let candidates = self.candidates(secrets)?;
        let signature = signature.try_into().map_err(|_| SealedReason::Signature)?;
        let sender = sender(side);
        let verifies = |reader: &mut PassiveSecurity, body: &mut [u8]| {
            if seals {
                reader.unseal(sender, (before, body, after), signature).is_ok()
            } else {
                reader.verify(sender, (before, body, after), signature).is_ok()
            }
        };
        if let [reader] = candidates.as_mut_slice() {
            return if verifies(reader, body) { Ok(()) } else { Err(SealedReason::Signature) };
        }
        // The first PDU selects one of several candidates.
        let found = candidates.iter_mut().enumerate().find_map(|(index, reader)| {
            let mut copy = body.to_vec();
            verifies(reader, &mut copy).then_some((index, copy))
        });
        let (index, unsealed) = found.ok_or(SealedReason::Signature)?;
        body.copy_from_slice(&unsealed);
        let reader = candidates.swap_remove(index);
        *candidates = vec![reader];
        Ok(())
    }

    /// The candidates, at least one.
    fn candidates(&mut self, secrets: &Secrets) -> Result<&mut Vec<PassiveSecurity>, SealedReason> {
        let Self { auth_type, handshake, candidates, .. } = self;
        if !matches!(*auth_type, AuthType::WINNT | AuthType::GSS_NEGOTIATE) || !handshake.is_complete() {
            return Err(SealedReason::Mechanism);
        }
        let candidates = candidates.get_or_insert_with(|| handshake.open(&secrets.ntlm).unwrap_or_default());
        if candidates.is_empty() { Err(SealedReason::NoSecret) } else { Ok(candidates) }
    }
}

impl From<&ContextError> for SealedReason {
    /// The reason for one stub. The error itself, which has the details, is reported once for each
    /// association.
    fn from(error: &ContextError) -> Self {
        match error {
            ContextError::NoKeytab => Self::NoKeytab,
            ContextError::NoKey { .. } => Self::NoTicketKey,
            ContextError::Signature => Self::Signature,
            ContextError::UserToUser(_) | ContextError::Message(_) | ContextError::SessionKey => Self::Ticket,
        }
    }
}

/// A PDU with its signature.
struct Signed<'a> {
    /// The PDU's head.
    before: &'a [u8],
    /// The encrypted bytes.
    body: &'a mut [u8],
    /// The security trailer.
    after: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// The parts of `pdu`, whose security trailer begins at `start`.
    fn split(pdu: &'a mut [u8], head_size: usize, start: usize) -> Result<Self, SealedReason> {
        let short = SealedReason::Truncated;
        let (before, rest) = pdu.split_at_mut_checked(head_size).ok_or(short)?;
        let (body, rest) = rest.split_at_mut_checked(start.saturating_sub(head_size)).ok_or(short)?;
        let (after, signature) = rest.split_at_checked(SEC_TRAILER_SIZE).ok_or(short)?;
        Ok(Self { before, body, after, signature })
    }
}

const fn sender(side: Side) -> Sender {
    match side {
        Side::Client => Sender::Client,
        Side::Server => Sender::Server,
    }
}

/// The user that a recorded handshake names, if any.
pub(super) fn claimed_user(handshake: &RecordedHandshake) -> Option<Arc<str>> {
    let claim = handshake.claim().filter(|claim| !claim.user.is_empty())?;
    Some(if claim.domain.is_empty() || claim.user.contains('@') {
        claim.user.into()
    } else {
        format!("{}\\{}", claim.domain, claim.user).into()
    })
}
