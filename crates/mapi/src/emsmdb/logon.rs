use wire::{Decode, Encode, Error, Guid, Reader, Result, Writer};

use crate::ErrorCode;

/// `RopId` of [`RopReleaseRequest`].
pub const ROP_RELEASE: u8 = 0x01;

/// `RopId` of [`RopLogonRequest`] and [`RopLogonResponse`].
pub const ROP_LOGON: u8 = 0xfe;

/// `ecWrongServer`: the mailbox is on the server that the response names ([MS-OXCDATA] 2.4).
pub const EC_WRONG_SERVER: ErrorCode = ErrorCode(0x0000_0478);

/// `ecUnknownUser`: nobody has such a DN ([MS-OXCSTOR] 3.2.5.1.3).
pub const EC_UNKNOWN_USER: ErrorCode = ErrorCode(0x0000_03eb);

/// `ecLoginPerm`: the user may not open that mailbox ([MS-OXCSTOR] 3.2.5.1.3).
pub const EC_LOGIN_PERM: ErrorCode = ErrorCode(0x0000_03f2);

/// `ecMailboxDisabled`: the account is disabled ([MS-OXCSTOR] 3.2.5.1.3).
pub const EC_MAILBOX_DISABLED: ErrorCode = ErrorCode(0x0000_096c);

wire::wire_flags! {
    /// `LogonFlags` of `RopLogon` ([MS-OXCSTOR] 2.2.1.1.1).
    pub struct LogonFlags(u8) {
        /// A private mailbox is meant, not the public folders.
        PRIVATE = 0x01,
        /// Reserved.
        UNDERCOVER = 0x02,
        /// Ghosted public folders are not to be redirected.
        GHOSTED = 0x04,
    }
}

wire::wire_flags! {
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

wire::wire_flags! {
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

/// Asks to sign on to a mailbox or the public folders ([MS-OXCROPS] 2.2.3.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RopLogonRequest {
    /// The ID that the client wants for the logon.
    pub logon_id: u8,
    /// Where in the handle table the logon's handle goes.
    pub output_handle_index: u8,
    /// What is meant.
    pub logon_flags: LogonFlags,
    /// How it is to be opened.
    pub open_flags: OpenFlags,
    /// Zero.
    pub store_state: u32,
    /// The mailbox's DN with its terminator, as it came; see [`RopLogonRequest::essdn`].
    pub essdn: Vec<u8>,
}

impl RopLogonRequest {
    /// The mailbox's DN up to its terminator; empty for the public folders.
    pub fn essdn(&self) -> &[u8] {
        self.essdn.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// Sets the mailbox's DN and its terminator.
    pub fn set_essdn(&mut self, dn: &[u8]) {
        self.essdn = dn.to_vec();
        self.essdn.push(0);
    }
}

impl Decode<'_> for RopLogonRequest {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Self::read(r).map_err(|error| error.within("RopLogon"))
    }
}

impl RopLogonRequest {
    fn read(r: &mut Reader<'_>) -> Result<Self> {
        expect_rop(r, ROP_LOGON, "0xfe, RopLogon")?;
        let logon_id = r.u8("LogonId")?;
        let output_handle_index = r.u8("OutputHandleIndex")?;
        let logon_flags = LogonFlags(r.u8("LogonFlags")?);
        let open_flags = OpenFlags(r.u32("OpenFlags")?);
        let store_state = r.u32("StoreState")?;
        let size = r.u16("EssdnSize")?;
        let essdn = r.bytes(usize::from(size), "Essdn")?.to_vec();
        Ok(Self { logon_id, output_handle_index, logon_flags, open_flags, store_state, essdn })
    }
}

impl Encode for RopLogonRequest {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u8(ROP_LOGON).u8(self.logon_id).u8(self.output_handle_index);
        w.u8(self.logon_flags.0).u32(self.open_flags.0).u32(self.store_state);
        w.len16(self.essdn.len(), "EssdnSize").map_err(|error| error.within("RopLogon"))?;
        w.bytes(&self.essdn);
        Ok(())
    }
}

/// Answers [`RopLogonRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RopLogonResponse {
    /// Where in the handle table the logon's handle is.
    pub output_handle_index: u8,
    /// How the logon went.
    pub result: RopLogonResult,
}

/// How a logon went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RopLogonResult {
    /// A private mailbox is open ([MS-OXCROPS] 2.2.3.1.2).
    Private(Box<PrivateLogon>),
    /// The public folders are open ([MS-OXCROPS] 2.2.3.1.3).
    Public(Box<PublicLogon>),
    /// [`EC_WRONG_SERVER`]: another server has it ([MS-OXCROPS] 2.2.3.1.4).
    Redirect {
        /// The flags of the request.
        logon_flags: LogonFlags,
        /// The server's DN with its terminator; at most 255 bytes.
        server_name: Vec<u8>,
    },
    /// Anything else ([MS-OXCROPS] 2.2.3.1.5).
    Failure {
        /// Why; neither zero nor [`EC_WRONG_SERVER`].
        return_value: ErrorCode,
    },
}

/// What `RopLogon` tells of a private mailbox ([MS-OXCROPS] 2.2.3.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateLogon {
    /// The flags of the request; [`LogonFlags::PRIVATE`] is among them.
    pub logon_flags: LogonFlags,
    /// The special folders.
    pub folder_ids: FolderIds,
    /// The user's rights.
    pub response_flags: ResponseFlags,
    /// The mailbox.
    pub mailbox_guid: Guid,
    /// The short form of `replica_guid`.
    pub replica_id: u16,
    /// Where the mailbox's IDs come from.
    pub replica_guid: Guid,
    /// The time on the server.
    pub logon_time: LogonTime,
    /// When the addressing table was last changed, as a FILETIME; it is opaque to clients.
    pub gwart_time: u64,
    /// Zero.
    pub store_state: u32,
}

/// What `RopLogon` tells of the public folders ([MS-OXCROPS] 2.2.3.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicLogon {
    /// The flags of the request; [`LogonFlags::PRIVATE`] is not among them.
    pub logon_flags: LogonFlags,
    /// The special folders.
    pub folder_ids: FolderIds,
    /// The short form of `replica_guid`.
    pub replica_id: u16,
    /// Where the folders' IDs come from.
    pub replica_guid: Guid,
    /// Zero.
    pub per_user_guid: Guid,
}

/// A time of day and date, in UTC ([MS-OXCROPS] 2.2.3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogonTime {
    /// 0 to 59.
    pub seconds: u8,
    /// 0 to 59.
    pub minutes: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 for Sunday to 6 for Saturday.
    pub day_of_week: u8,
    /// 1 to 31.
    pub day: u8,
    /// 1 to 12.
    pub month: u8,
    /// The full year.
    pub year: u16,
}

impl RopLogonResponse {
    /// `ReturnValue`, zero for success.
    pub const fn return_value(&self) -> ErrorCode {
        match &self.result {
            RopLogonResult::Private(_) | RopLogonResult::Public(_) => ErrorCode::SUCCESS,
            RopLogonResult::Redirect { .. } => EC_WRONG_SERVER,
            RopLogonResult::Failure { return_value } => *return_value,
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self> {
        expect_rop(r, ROP_LOGON, "0xfe, RopLogon")?;
        let output_handle_index = r.u8("OutputHandleIndex")?;
        let result = match ErrorCode(r.u32("ReturnValue")?) {
            ErrorCode::SUCCESS => {
                let logon_flags = LogonFlags(r.u8("LogonFlags")?);
                if logon_flags.contains(LogonFlags::PRIVATE) {
                    RopLogonResult::Private(Box::new(PrivateLogon::read(r, logon_flags)?))
                } else {
                    RopLogonResult::Public(Box::new(PublicLogon::read(r, logon_flags)?))
                }
            }
            EC_WRONG_SERVER => {
                let logon_flags = LogonFlags(r.u8("LogonFlags")?);
                let size = r.u8("ServerNameSize")?;
                let server_name = r.bytes(usize::from(size), "ServerName")?.to_vec();
                RopLogonResult::Redirect { logon_flags, server_name }
            }
            return_value => RopLogonResult::Failure { return_value },
        };
        Ok(Self { output_handle_index, result })
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        w.u8(ROP_LOGON).u8(self.output_handle_index).u32(self.return_value().0);
        match &self.result {
            RopLogonResult::Private(logon) => logon.write(w),
            RopLogonResult::Public(logon) => logon.write(w),
            RopLogonResult::Redirect { logon_flags, server_name } => {
                let size = u8::try_from(server_name.len()).map_err(|_| {
                    let found = u64::try_from(server_name.len()).unwrap_or(u64::MAX);
                    w.invalid("ServerNameSize", found, "at most 255 bytes")
                })?;
                w.u8(logon_flags.0).u8(size).bytes(server_name);
                Ok(())
            }
            RopLogonResult::Failure { return_value }
                if matches!(*return_value, ErrorCode::SUCCESS | EC_WRONG_SERVER) =>
            {
                Err(w.invalid("ReturnValue", u64::from(return_value.0), "a failure that is no redirection"))
            }
            RopLogonResult::Failure { .. } => Ok(()),
        }
    }
}

impl Decode<'_> for RopLogonResponse {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Self::read(r).map_err(|error| error.within("RopLogon"))
    }
}

impl Encode for RopLogonResponse {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.write(w).map_err(|error| error.within("RopLogon"))
    }
}

impl PrivateLogon {
    fn read(r: &mut Reader<'_>, logon_flags: LogonFlags) -> Result<Self> {
        Ok(Self {
            logon_flags,
            folder_ids: read_folder_ids(r)?,
            response_flags: ResponseFlags(r.u8("ResponseFlags")?),
            mailbox_guid: Guid::decode(r)?,
            replica_id: r.u16("ReplId")?,
            replica_guid: Guid::decode(r)?,
            logon_time: LogonTime::decode(r)?,
            gwart_time: r.u64("GwartTime")?,
            store_state: r.u32("StoreState")?,
        })
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        if !self.logon_flags.contains(LogonFlags::PRIVATE) {
            return Err(w.invalid("LogonFlags", u64::from(self.logon_flags.0), "the Private flag"));
        }
        w.u8(self.logon_flags.0);
        self.folder_ids.iter().for_each(|id| {
            w.u64(*id);
        });
        w.u8(self.response_flags.0);
        self.mailbox_guid.encode(w)?;
        w.u16(self.replica_id);
        self.replica_guid.encode(w)?;
        self.logon_time.encode(w)?;
        w.u64(self.gwart_time).u32(self.store_state);
        Ok(())
    }
}

impl PublicLogon {
    fn read(r: &mut Reader<'_>, logon_flags: LogonFlags) -> Result<Self> {
        Ok(Self {
            logon_flags,
            folder_ids: read_folder_ids(r)?,
            replica_id: r.u16("ReplId")?,
            replica_guid: Guid::decode(r)?,
            per_user_guid: Guid::decode(r)?,
        })
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        if self.logon_flags.contains(LogonFlags::PRIVATE) {
            return Err(w.invalid("LogonFlags", u64::from(self.logon_flags.0), "no Private flag"));
        }
        w.u8(self.logon_flags.0);
        self.folder_ids.iter().for_each(|id| {
            w.u64(*id);
        });
        w.u16(self.replica_id);
        self.replica_guid.encode(w)?;
        self.per_user_guid.encode(w)
    }
}

impl Decode<'_> for LogonTime {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            seconds: r.u8("Seconds")?,
            minutes: r.u8("Minutes")?,
            hour: r.u8("Hour")?,
            day_of_week: r.u8("DayOfWeek")?,
            day: r.u8("Day")?,
            month: r.u8("Month")?,
            year: r.u16("Year")?,
        })
    }
}

impl Encode for LogonTime {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u8(self.seconds).u8(self.minutes).u8(self.hour).u8(self.day_of_week);
        w.u8(self.day).u8(self.month).u16(self.year);
        Ok(())
    }
}

/// Gives a server object back; there is no answer ([MS-OXCROPS] 2.2.15.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RopReleaseRequest {
    /// The logon that the object belongs to.
    pub logon_id: u8,
    /// Where in the handle table the object's handle is.
    pub input_handle_index: u8,
}

impl Decode<'_> for RopReleaseRequest {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        expect_rop(r, ROP_RELEASE, "0x01, RopRelease").map_err(|error| error.within("RopRelease"))?;
        let logon_id = r.u8("LogonId").map_err(|error| error.within("RopRelease"))?;
        let input_handle_index = r.u8("InputHandleIndex").map_err(|error| error.within("RopRelease"))?;
        Ok(Self { logon_id, input_handle_index })
    }
}

impl Encode for RopReleaseRequest {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u8(ROP_RELEASE).u8(self.logon_id).u8(self.input_handle_index);
        Ok(())
    }
}

fn expect_rop(r: &mut Reader<'_>, id: u8, expected: &'static str) -> Result<()> {
    let offset = r.offset();
    let found = r.u8("RopId")?;
    if found != id {
        return Err(Error::invalid("RopId", offset, u64::from(found), expected));
    }
    Ok(())
}

fn read_folder_ids(r: &mut Reader<'_>) -> Result<FolderIds> {
    let mut ids = FolderIds::default();
    for id in &mut ids {
        *id = r.u64("FolderIds")?;
    }
    Ok(ids)
}
