//! A session with the mailbox store, whatever its envelope ([MS-OXCRPC] 3.1.4, [MS-OXCMAPIHTTP] 2.2.4).
//!
//! A session is independent of the envelope that carries it: [`MailboxSession::connect`] begins it, and
//! [`MailboxSession::execute_chain`] executes the ROPs of a request. Executing blocks the thread while the store
//! accesses the disk.

pub(crate) mod bookmarks;
mod execute;
pub(crate) mod logon;
pub(crate) mod message;
mod notifications;
mod objects;
pub(crate) mod properties;
pub(crate) mod stream;
pub(crate) mod table;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity::SecurityContext;
use mapi::ErrorCode;
use mapi::nspi::MId;

pub(crate) use self::objects::{Object, Objects, Opened};
use crate::backend::Backend;
use crate::codepage::CodePage;
use crate::notify::subscriber::Subscriber;
use crate::notify::subscription::Watch;

/// The number of a session among those that are linked to one another. The lab links none.
pub(crate) const SESSION_INDEX: u16 = 1;

/// A session with the mailbox store. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct MailboxSession {
    pub(crate) backend: Arc<Backend>,
    /// The person as whom the session acts.
    pub(crate) user: MId,
    /// The code page of 8-bit texts.
    pub(crate) code_page: CodePage,
    pub(crate) objects: Objects,
    /// Whether the client acts as the spooler of its user's mailbox.
    pub(crate) is_spooler: bool,
    /// The notifications of the session.
    pub(crate) subscriber: Arc<Subscriber>,
}

/// A new session, and what the client receives about it.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) session: MailboxSession,
    /// The display name of the person.
    pub(crate) display_name: String,
    /// The prefix of the distinguished names of people.
    pub(crate) dn_prefix: String,
}

impl MailboxSession {
    /// Begins a session as the person with the distinguished name `user_dn`. `code_page` is that of 8-bit texts; UTF-8
    /// is used in place of an unknown one.
    ///
    /// # Errors
    /// `ecAccessDenied` if `user_dn` is empty or `caller` may not act as this person, `ecUnknownUser` if there is no
    /// such person ([MS-OXCRPC] 3.1.4.1).
    pub(crate) fn connect(
        backend: &Arc<Backend>,
        caller: &SecurityContext,
        user_dn: &str,
        code_page: u32,
    ) -> Result<Connected, ErrorCode> {
        if user_dn.is_empty() {
            return Err(ErrorCode::MAPI_E_NO_ACCESS);
        }
        let entry = backend.person(user_dn).ok_or(ErrorCode::EC_UNKNOWN_USER)?;
        if !backend.may_act_as(caller, entry) {
            tracing::debug!(user = %caller.principal(), user_dn, "lab: refused a session as another person");
            return Err(ErrorCode::MAPI_E_NO_ACCESS);
        }
        let session = Self {
            backend: Arc::clone(backend),
            user: entry.mid,
            code_page: CodePage::new(code_page).unwrap_or(CodePage::UTF8),
            objects: Objects::default(),
            is_spooler: false,
            subscriber: Arc::new(Subscriber::new()),
        };
        let display_name = entry.display_name.clone();
        Ok(Connected { session, display_name, dn_prefix: backend.config.recipients() })
    }

    /// Adds an object, which the ROP of the logon `logon_id` has opened, and returns its handle. A subscription is
    /// notified from now on.
    ///
    /// # Errors
    /// `OutOfResources` if the session has too many objects.
    pub(crate) fn open(&mut self, logon_id: u8, opened: Opened) -> Result<u32, ErrorCode> {
        let watch = match &opened {
            Opened { logon, object: Object::Subscription(interest) } => {
                Some(Watch { logon_id, logon: Arc::clone(logon), interest: *interest })
            }
            _ => None,
        };
        let handle = self.objects.add(logon_id, opened)?;
        if let Some(watch) = watch {
            self.backend.hub.watch(&self.subscriber, handle, watch);
        }
        Ok(handle)
    }

    /// Releases an object; a logon with all its objects. They are notified of nothing more.
    pub(crate) fn release(&mut self, handle: u32) {
        self.objects.release(handle);
        self.subscriber.retain(|handle| self.objects.get(handle).is_some());
    }
}

impl Drop for MailboxSession {
    fn drop(&mut self) {
        self.subscriber.end();
    }
}

/// A session that the requests of a client share. They execute ROPs one after the other.
#[derive(Debug)]
pub(crate) struct SharedSession {
    session: Mutex<MailboxSession>,
    /// The notifications of the session. They can be waited for while ROPs are executed.
    pub(crate) subscriber: Arc<Subscriber>,
}

impl SharedSession {
    pub(crate) fn new(session: MailboxSession) -> Arc<Self> {
        let subscriber = Arc::clone(&session.subscriber);
        Arc::new(Self { session: Mutex::new(session), subscriber })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, MailboxSession> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
