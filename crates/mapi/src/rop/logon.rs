//! `RopLogon`: opens a mailbox or the public folders ([MS-OXCROPS] 2.2.3.1, [MS-OXCSTOR] 2.2.1.1).

use wire::{Guid, Reader, Result, Writer};

use super::context::ResponseContext;
use super::field::{Bytes8, Bytes16};
use super::format::Rop;
use super::response_fields::ResponseFields;
use crate::ErrorCode;
use crate::field::{Field, flags_field, structure};
use crate::inspect::{Inspect, Node};

flags_field! {
    /// `LogonFlags` of `RopLogon`: the requested message store ([MS-OXCSTOR] 2.2.1.1.1).
    pub struct LogonFlags(u8) {
        /// A private mailbox is opened, not the public folders.
        PRIVATE = 0x01,
        /// Reserved.
        UNDERCOVER = 0x02,
        /// The client does not want to be redirected for ghosted public folders.
        GHOSTED = 0x04,
        /// Reserved.
        SPOOLER_PROCESS = 0x08,
    }
}

flags_field! {
    /// `OpenFlags` of `RopLogon`: the options of the logon ([MS-OXCSTOR] 2.2.1.1.1).
    pub struct OpenFlags(u32) {
        /// Administrative privileges are requested.
        USE_ADMIN_PRIVILEGE = 0x0000_0001,
        /// The public folders are opened.
        PUBLIC = 0x0000_0002,
        /// Reserved.
        HOME_LOGON = 0x0000_0004,
        /// Reserved.
        TAKE_OWNERSHIP = 0x0000_0008,
        /// A public folder server other than the preferred one is requested.
        ALTERNATE_SERVER = 0x0000_0100,
        /// The public folder server need not be the default server of the user.
        IGNORE_HOME_MDB = 0x0000_0200,
        /// No mail is delivered in the session.
        NO_MAIL = 0x0000_0400,
        /// Replica ids are mapped for each mailbox.
        USE_PER_MDB_REPLID_MAPPING = 0x0100_0000,
        /// The client supports `RopProgress`.
        SUPPORT_PROGRESS = 0x2000_0000,
    }
}

flags_field! {
    /// `ResponseFlags` of `RopLogon`: the rights of the user ([MS-OXCSTOR] 2.2.1.1.3).
    pub struct ResponseFlags(u8) {
        /// Always set.
        RESERVED = 0x01,
        /// The user owns the mailbox.
        OWNER_RIGHT = 0x02,
        /// The user may send as the owner of the mailbox.
        SEND_AS_RIGHT = 0x04,
        /// The owner of the mailbox is out of office.
        OOF = 0x10,
    }
}

/// The special folders that `RopLogon` returns, as folder ids. In private mailboxes these are, in order: root, deferred
/// action, spooler queue, IPM subtree, inbox, outbox, sent items, deleted items, common views, schedule, search, views,
/// shortcuts ([MS-OXCSTOR] 2.2.1.1.3).
pub type FolderIds = [u64; 13];

structure! {
    /// `RopLogon`: opens a mailbox or the public folders ([MS-OXCROPS] 2.2.3.1.1).
    pub struct RopLogonRequest: Rop as "RopLogon" {
        /// The requested message store.
        pub logon_flags: LogonFlags = "LogonFlags",
        /// The options of the logon.
        pub open_flags: OpenFlags = "OpenFlags",
        /// Reserved; zero.
        pub store_state: u32 = "StoreState",
        /// The distinguished name of the mailbox with its terminator; see [`RopLogonRequest::dn`].
        pub essdn: Bytes16 = "Essdn",
    }
}

impl RopLogonRequest {
    /// The distinguished name of the mailbox without its terminator; empty for the public folders.
    pub fn dn(&self) -> &[u8] {
        self.essdn.0.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// Sets the distinguished name of the mailbox and its terminator.
    pub fn set_dn(&mut self, dn: &[u8]) {
        self.essdn.0 = [dn, b"\0"].concat().into();
    }
}

/// `RopLogon`: the response.
#[derive(Debug, Clone, PartialEq)]
pub enum RopLogonResponse {
    /// A private mailbox was opened ([MS-OXCROPS] 2.2.3.1.2).
    Private(Box<PrivateLogon>),
    /// The public folders were opened ([MS-OXCROPS] 2.2.3.1.3).
    Public(Box<PublicLogon>),
    /// The message store is on another server: the error is [`ErrorCode::EC_WRONG_SERVER`] ([MS-OXCROPS] 2.2.3.1.4).
    Redirect(LogonRedirect),
}

structure! {
    /// The response of `RopLogon` for a private mailbox ([MS-OXCROPS] 2.2.3.1.2).
    pub struct PrivateLogon: Rop as "RopLogon" {
        /// The flags of the request, which include [`LogonFlags::PRIVATE`].
        pub logon_flags: LogonFlags = "LogonFlags",
        /// The special folders.
        pub folder_ids: FolderIds = "FolderIds",
        /// The rights of the user.
        pub response_flags: ResponseFlags = "ResponseFlags",
        /// The GUID of the mailbox.
        pub mailbox_guid: Guid = "MailboxGuid",
        /// The number for `replica_guid` in this logon.
        pub replica_id: u16 = "ReplId",
        /// The GUID of the replica that assigns the identifiers of the mailbox.
        pub replica_guid: Guid = "ReplGuid",
        /// The time of the server.
        pub logon_time: LogonTime = "LogonTime",
        /// The time at which the addressing table of the server was last changed, as a `FILETIME`; opaque to clients.
        pub gwart_time: u64 = "GwartTime",
        /// Reserved; zero.
        pub store_state: u32 = "StoreState",
    }
}

structure! {
    /// The response of `RopLogon` for the public folders ([MS-OXCROPS] 2.2.3.1.3).
    pub struct PublicLogon: Rop as "RopLogon" {
        /// The flags of the request, which do not include [`LogonFlags::PRIVATE`].
        pub logon_flags: LogonFlags = "LogonFlags",
        /// The special folders.
        pub folder_ids: FolderIds = "FolderIds",
        /// The number for `replica_guid` in this logon.
        pub replica_id: u16 = "ReplId",
        /// The GUID of the replica that assigns the identifiers of the folders.
        pub replica_guid: Guid = "ReplGuid",
        /// Reserved; zero.
        pub per_user_guid: Guid = "PerUserGuid",
    }
}

structure! {
    /// The response of `RopLogon` with the server that has the message store ([MS-OXCROPS] 2.2.3.1.4).
    pub struct LogonRedirect: Rop as "RopLogon" {
        /// The flags of the request.
        pub logon_flags: LogonFlags = "LogonFlags",
        /// The distinguished name of the server with its terminator; at most 255 bytes.
        pub server_name: Bytes8 = "ServerName",
    }
}

structure! {
    /// A date and time of day in UTC ([MS-OXCROPS] 2.2.3.1.2.1).
    #[derive(Copy, Eq, Default)]
    pub struct LogonTime: Rop as "LogonTime" {
        /// The second, 0 to 59.
        pub seconds: u8 = "Seconds",
        /// The minute, 0 to 59.
        pub minutes: u8 = "Minutes",
        /// The hour, 0 to 23.
        pub hour: u8 = "Hour",
        /// The day of the week, from 0 for Sunday to 6 for Saturday.
        pub day_of_week: u8 = "DayOfWeek",
        /// The day of the month, 1 to 31.
        pub day: u8 = "Day",
        /// The month, 1 to 12.
        pub month: u8 = "Month",
        /// The year, such as 2024.
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
