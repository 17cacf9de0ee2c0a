//! Security contexts, watched from the side.

use std::sync::Arc;

use identity::ntlm::passive::{PassiveSecurity, Secret, Sender, Witness};
use rpc::pdu::{AuthType, SEC_TRAILER_SIZE};

use crate::decrypt::kerberos::{self, ContextError, Keytab, Part};
use crate::stream::Side;

/// What unseals remote calls.
#[derive(Debug)]
pub(super) struct Secrets {
    pub(super) ntlm: Vec<Secret>,
    pub(super) kerberos: Keytab,
}

/// A security context of the association.
#[derive(Debug)]
pub(super) struct Security {
    auth_type: AuthType,
    witness: Witness,
    kerberos: kerberos::Context,
    /// Why Kerberos can't be decrypted, to be reported once.
    problem: Option<ContextError>,
    reported: bool,
    /// What may read it; once a PDU was read, what does.
    readers: Option<Vec<PassiveSecurity>>,
}

impl Security {
    pub(super) fn new(auth_type: AuthType) -> Self {
        Self {
            auth_type,
            witness: Witness::default(),
            kerberos: kerberos::Context::default(),
            problem: None,
            reported: false,
            readers: None,
        }
    }

    /// Takes in a token of its handshake.
    pub(super) fn token(&mut self, side: Side, token: &[u8]) {
        self.witness.token(sender(side), token);
        if matches!(self.auth_type, AuthType::GSS_KERBEROS | AuthType::GSS_NEGOTIATE) {
            self.kerberos.token(side, token);
        }
    }

    /// The user who authenticates, where it is known.
    pub(super) fn user(&mut self, secrets: &Secrets) -> Option<Arc<str>> {
        if self.kerberos.is_begun() { self.kerberos.user(&secrets.kerberos) } else { claimed(&self.witness) }
    }

    /// Why what is sealed can't be decrypted, where that wasn't reported yet.
    pub(super) fn problem(&mut self) -> Option<String> {
        let problem = self.problem.take().filter(|_| !self.reported)?;
        self.reported = true;
        Some(problem.to_string())
    }

    /// Checks the signature of a PDU of `side`, and unseals in place what stands between its head and the
    /// security trailer, where the level `seals`. An error says why that can't be.
    pub(super) fn check(
        &mut self,
        side: Side,
        pdu: &mut [u8],
        (head_size, start): (usize, usize),
        seals: bool,
        secrets: &Secrets,
    ) -> Result<(), &'static str> {
        let Signed { before, body, after, signature } = Signed::split(pdu, head_size, start)?;
        if self.kerberos.is_begun() {
            let mut part = Part { before, body, after, token: signature };
            return self.kerberos.check(&mut part, seals, &secrets.kerberos).map_err(|problem| {
                let why = reason(&problem);
                self.problem = Some(problem);
                why
            });
        }
        let readers = self.readers(secrets)?;
        let signature = signature.try_into().map_err(|_| "its signature is not NTLM's")?;
        let sender = sender(side);
        let fits = |reader: &mut PassiveSecurity, body: &mut [u8]| {
            if seals {
                reader.unseal(sender, (before, body, after), signature).is_ok()
            } else {
                reader.verify(sender, (before, body, after), signature).is_ok()
            }
        };
        let wrong = "its signature does not fit the key";
        if let [reader] = readers.as_mut_slice() {
            return if fits(reader, body) { Ok(()) } else { Err(wrong) };
        }
        // The first PDU tells which of several readers is the right one.
        let found = readers.iter_mut().enumerate().find_map(|(index, reader)| {
            let mut copy = body.to_vec();
            fits(reader, &mut copy).then_some((index, copy))
        });
        let (index, unsealed) = found.ok_or(wrong)?;
        body.copy_from_slice(&unsealed);
        let reader = readers.swap_remove(index);
        *readers = vec![reader];
        Ok(())
    }

    /// What may read it, at least one.
    fn readers(&mut self, secrets: &Secrets) -> Result<&mut Vec<PassiveSecurity>, &'static str> {
        let Self { auth_type, witness, readers, .. } = self;
        if !matches!(*auth_type, AuthType::WINNT | AuthType::GSS_NEGOTIATE) || !witness.is_complete() {
            return Err("it is neither NTLM nor Kerberos that seals it");
        }
        let readers = readers.get_or_insert_with(|| witness.open(&secrets.ntlm).unwrap_or_default());
        if readers.is_empty() { Err("no password or key that was given fits") } else { Ok(readers) }
    }
}

/// What is said of each call that Kerberos seals; the whole is reported once.
const fn reason(error: &ContextError) -> &'static str {
    match error {
        ContextError::NoKeytab => "Kerberos seals it, and no keytab is given",
        ContextError::NoKey { .. } => "the keytab lacks the key of its Kerberos ticket",
        ContextError::Signature => "its signature does not fit the key",
        ContextError::UserToUser(_) | ContextError::Message(_) | ContextError::SessionKey => {
            "its Kerberos ticket can't be used"
        }
    }
}

/// A PDU with its signature.
struct Signed<'a> {
    /// Its head.
    before: &'a [u8],
    /// What is sealed.
    body: &'a mut [u8],
    /// The security trailer.
    after: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// The parts of `pdu`, whose security trailer begins at `start`.
    fn split(pdu: &'a mut [u8], head_size: usize, start: usize) -> Result<Self, &'static str> {
        let short = "it is too short";
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

/// The user whom an observed handshake names, where it is known.
pub(super) fn claimed(witness: &Witness) -> Option<Arc<str>> {
    let claim = witness.claim().filter(|claim| !claim.user.is_empty())?;
    Some(if claim.domain.is_empty() || claim.user.contains('@') {
        claim.user.into()
    } else {
        format!("{}\\{}", claim.domain, claim.user).into()
    })
}
