//! Signing on to a mailbox or to the public folders ([MS-OXCROPS] 2.2.3.1, [MS-OXCSTOR] 2.2.1.1).

use wire::{Guid, Reader, Result, Writer};

use super::context::ResponseContext;
use super::field::{Bytes8, Bytes16};
use super::format::Rop;
use super::response_fields::ResponseFields;
use crate::ErrorCode;
use crate::field::{Field, flags_field, structure};
use crate::inspect::{Inspect, Node};

flags_field! {
    /// `LogonFlags` of `RopLogon` ([MS-OXCSTOR] 2.2.1.1.1).
    pub struct LogonFlags(u8) {
        /// A private mailbox is meant, not the public folders.
        PRIVATE = 0x01,
        /// Reserved.
        UNDERCOVER = 0x02,
        /// Ghosted public folders are not to be redirected.
        GHOSTED = 0x04,
        /// Reserved.
        SPOOLER_PROCESS = 0x08,
    }
}

flags_field! {
    /// `OpenFlags` of `RopLogon` ([MS-OXCSTOR] 2.2.1.1.1).
    pub struct OpenFlags(u32) {
        /// Administrator's rights are asked for.
        USE_ADMIN_PRIVILEGE = 0x0000_0001,
        /// The public folders are meant.
        PUBLIC = 0x0000_0002,
        /// Reserved.
        HOME_LOGON = 0x0000_0004,
        /// Reserved.
        TAKE_OWNERSHIP = 0x0000_0008,
        /// A public folder server other than the first choice is asked for.
        ALTERNATE_SERVER = 0x0000_0100,
        /// A public folder server is taken even where it is not the home of the user's folders.
        IGNORE_HOME_MDB = 0x0000_0200,
        /// A session in which no mail is delivered.
        NO_MAIL = 0x0000_0400,
        /// Replica IDs are mapped for each mailbox.
        USE_PER_MDB_REPLID_MAPPING = 0x0100_0000,
        /// The client takes `RopProgress`.
        SUPPORT_PROGRESS = 0x2000_0000,
    }
}

flags_field! {
    /// `ResponseFlags` of `RopLogon` ([MS-OXCSTOR] 2.2.1.1.3).
    pub struct ResponseFlags(u8) {
        /// Always set.
        RESERVED = 0x01,
        /// The user owns the mailbox.
        OWNER_RIGHT = 0x02,
        /// The user may send as the mailbox's owner.
        SEND_AS_RIGHT = 0x04,
        /// The owner is out of office.
        OOF = 0x10,
    }
}

/// The special folders that `RopLogon` returns, as folder IDs. For private mailboxes these are, in order: root,
/// deferred action, spooler queue, IPM subtree, inbox, outbox, sent items, deleted items, common views,
/// schedule, search, views, shortcuts ([MS-OXCSTOR] 2.2.1.1.3).
pub type FolderIds = [u64; 13];

structure! {
    /// Asks to sign on to a mailbox or the public folders ([MS-OXCROPS] 2.2.3.1.1).
    pub struct RopLogonRequest: Rop as "RopLogon" {
        /// What is meant.
        pub logon_flags: LogonFlags = "LogonFlags",
        /// How it is to be opened.
        pub open_flags: OpenFlags = "OpenFlags",
        /// Zero.
        pub store_state: u32 = "StoreState",
        /// The mailbox's DN with its terminator, as it came; see [`RopLogonRequest::dn`].
        pub essdn: Bytes16 = "Essdn",
    }
}

impl RopLogonRequest {
    /// The mailbox's DN up to its terminator; empty for the public folders.
    pub fn dn(&self) -> &[u8] {
        self.essdn.0.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// Sets the mailbox's DN and its terminator.
    pub fn set_dn(&mut self, dn: &[u8]) {
        self.essdn.0 = [dn, b"\0"].concat().into();
    }
}

/// Answers [`RopLogonRequest`].
#[derive(Debug, Clone, PartialEq)]
pub enum RopLogonResponse {
    /// A private mailbox is open ([MS-OXCROPS] 2.2.3.1.2).
    Private(Box<PrivateLogon>),
    /// The public folders are open ([MS-OXCROPS] 2.2.3.1.3).
    Public(Box<PublicLogon>),
    /// [`ErrorCode::EC_WRONG_SERVER`]: another server has it ([MS-OXCROPS] 2.2.3.1.4).
    Redirect(LogonRedirect),
}

structure! {
    /// What `RopLogon` tells of a private mailbox ([MS-OXCROPS] 2.2.3.1.2).
    pub struct PrivateLogon: Rop as "RopLogon" {
        /// The flags of the request; [`LogonFlags::PRIVATE`] is among them.
        pub logon_flags: LogonFlags = "LogonFlags",
        /// The special folders.
        pub folder_ids: FolderIds = "FolderIds",
        /// The user's rights.
        pub response_flags: ResponseFlags = "ResponseFlags",
        /// The mailbox.
        pub mailbox_guid: Guid = "MailboxGuid",
        /// The short form of `replica_guid`.
        pub replica_id: u16 = "ReplId",
        /// Where the mailbox's IDs come from.
        pub replica_guid: Guid = "ReplGuid",
        /// The time on the server.
        pub logon_time: LogonTime = "LogonTime",
        /// When the addressing table was last changed, as a FILETIME; it is opaque to clients.
        pub gwart_time: u64 = "GwartTime",
        /// Zero.
        pub store_state: u32 = "StoreState",
    }
}

structure! {
    /// What `RopLogon` tells of the public folders ([MS-OXCROPS] 2.2.3.1.3).
    pub struct PublicLogon: Rop as "RopLogon" {
        /// The flags of the request; [`LogonFlags::PRIVATE`] is not among them.
        pub logon_flags: LogonFlags = "LogonFlags",
        /// The special folders.
        pub folder_ids: FolderIds = "FolderIds",
        /// The short form of `replica_guid`.
        pub replica_id: u16 = "ReplId",
        /// Where the folders' IDs come from.
        pub replica_guid: Guid = "ReplGuid",
        /// Zero.
        pub per_user_guid: Guid = "PerUserGuid",
    }
}

structure! {
    /// Which server has what was asked for ([MS-OXCROPS] 2.2.3.1.4).
    pub struct LogonRedirect: Rop as "RopLogon" {
        /// The flags of the request.
        pub logon_flags: LogonFlags = "LogonFlags",
        /// The server's DN with its terminator; at most 255 bytes.
        pub server_name: Bytes8 = "ServerName",
    }
}

structure! {
    /// A time of day and date, in UTC ([MS-OXCROPS] 2.2.3.1.2.1).
    #[derive(Copy, Eq, Default)]
    pub struct LogonTime: Rop as "LogonTime" {
        /// 0 to 59.
        pub seconds: u8 = "Seconds",
        /// 0 to 59.
        pub minutes: u8 = "Minutes",
        /// 0 to 23.
        pub hour: u8 = "Hour",
        /// 0 for Sunday to 6 for Saturday.
        pub day_of_week: u8 = "DayOfWeek",
        /// 1 to 31.
        pub day: u8 = "Day",
        /// 1 to 12.
        pub month: u8 = "Month",
        /// The full year.
        pub year: u16 = "Year",
    }
}

impl ResponseFields for RopLogonResponse {
    fn present(return_value: ErrorCode) -> bool {
        matches!(return_value, ErrorCode::SUCCESS | ErrorCode::EC_WRONG_SERVER)
    }

    fn read(r: &mut Reader<'_>, return_value: ErrorCode, _context: ResponseContext<'_>) -> Result<Self> {
        if return_value == ErrorCode::EC_WRONG_SERVER {
            return LogonRedirect::read(r, "RopLogon").map(Self::Redirect);
        }
        let private = r.peek().first().is_some_and(|flags| LogonFlags(*flags).contains(LogonFlags::PRIVATE));
        if private {
            Field::read(r, "RopLogon").map(Self::Private)
        } else {
            Field::read(r, "RopLogon").map(Self::Public)
        }
    }

    fn fits(&self, return_value: ErrorCode) -> bool {
        match self {
            Self::Private(logon) => {
                return_value == ErrorCode::SUCCESS && logon.logon_flags.contains(LogonFlags::PRIVATE)
            }
            Self::Public(logon) => {
                return_value == ErrorCode::SUCCESS && !logon.logon_flags.contains(LogonFlags::PRIVATE)
            }
            Self::Redirect(_) => return_value == ErrorCode::EC_WRONG_SERVER,
        }
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        match self {
            Self::Private(logon) => logon.write(w, "RopLogon"),
            Self::Public(logon) => logon.write(w, "RopLogon"),
            Self::Redirect(redirect) => redirect.write(w, "RopLogon"),
        }
    }
}

impl Inspect for RopLogonResponse {
    fn to_node(&self) -> Node {
        match self {
            Self::Private(logon) => logon.to_node(),
            Self::Public(logon) => logon.to_node(),
            Self::Redirect(redirect) => redirect.to_node(),
        }
    }
}
