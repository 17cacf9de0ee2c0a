//! Submission and transport of messages ([MS-OXCROPS] 2.2.7, [MS-OXOMSG] 2.2.3 to 2.2.5).

use wire::{Reader, Result, Writer};

use super::field::{AsciiZ, Bool, Bytes16, too_long};
use super::format::Rop;
use super::response_fields::{plain_response, rop_response};
use crate::data::{FolderId, MessageId};
use crate::field::{Field, FieldBy, enum_field, flags_field, structure};
use crate::inspect::{Inspect, Node};
use crate::property::PropertyList;

flags_field! {
    /// The processing of a submitted message ([MS-OXOMSG] 2.2.3.1.1).
    pub struct SubmitFlags(u8) {
        /// The message is processed by the server first.
        PRE_PROCESS = 0x01,
        /// The message is processed by the client's spooler.
        NEEDS_SPOOLER = 0x02,
    }
}

structure! {
    /// `RopSubmitMessage`: submits a message ([MS-OXCROPS] 2.2.7.1.1).
    pub struct RopSubmitMessageRequest: Rop as "RopSubmitMessage" {
        /// The processing of the message.
        pub submit_flags: SubmitFlags = "SubmitFlags",
    }
}

structure! {
    /// `RopAbortSubmit`: aborts the submission of a message ([MS-OXCROPS] 2.2.7.2.1).
    pub struct RopAbortSubmitRequest: Rop as "RopAbortSubmit" {
        /// The folder of the message.
        pub folder_id: FolderId = "FolderId",
        /// The message whose submission is aborted.
        pub message_id: MessageId = "MessageId",
    }
}

/// `RopGetAddressTypes`: the response, with the address types that the server supports ([MS-OXCROPS] 2.2.7.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RopGetAddressTypesResponse {
    /// The address types, such as `SMTP`.
    pub address_types: Vec<AsciiZ>,
}

impl Inspect for RopGetAddressTypesResponse {
    fn to_node(&self) -> Node {
        Node::Fields(vec![("AddressTypes".into(), self.address_types.to_node())])
    }
}

impl Field<Rop> for RopGetAddressTypesResponse {
    const MIN_SIZE: usize = 4;

    fn read(r: &mut Reader<'_>, _field: &'static str) -> Result<Self> {
        let count = r.u16("AddressTypeCount")?;
        let size = r.u16("AddressTypeSize")?;
        let mut r = r.sub(usize::from(size), "AddressTypes")?;
        let count = r.elements(u32::from(count), 1, u32::MAX, "AddressTypeCount")?;
        let mut address_types = Vec::with_capacity(count);
        for _ in 0..count {
            address_types.push(AsciiZ::read(&mut r, "AddressTypes")?);
        }
        r.finish()?;
        Ok(Self { address_types })
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        w.len16(self.address_types.len(), "AddressTypeCount")?;
        let mark = w.mark16();
        self.address_types.iter().try_for_each(|text| text.write(w, "AddressTypes"))?;
        let size = w.since(mark, 2);
        w.fill16(mark, size, "AddressTypeSize")
    }
}

plain_response!(RopGetAddressTypesResponse as "RopGetAddressTypes");

enum_field! {
    /// The change of the lock of a message in the spooler's queue ([MS-OXOMSG] 2.2.5.3.1).
    pub struct LockState(u8) {
        /// The client locks the message.
        LST_LOCK = 0x00,
        /// The client unlocks the message.
        LST_UNLOCK = 0x01,
        /// The client processed the message.
        LST_FINISHED = 0x02,
    }
}

structure! {
    /// `RopSpoolerLockMessage`: locks or unlocks a message in the spooler's queue ([MS-OXCROPS] 2.2.7.5.1).
    pub struct RopSpoolerLockMessageRequest: Rop as "RopSpoolerLockMessage" {
        /// The message to lock or unlock.
        pub message_id: MessageId = "MessageId",
        /// The change of the lock.
        pub lock_state: LockState = "LockState",
    }
}

rop_response! {
    /// `RopTransportSend`: the response ([MS-OXCROPS] 2.2.7.6.2).
    pub struct RopTransportSendResponse as "RopTransportSend" {
        /// Whether properties are *not* returned.
        pub no_properties_returned: Bool = "NoPropertiesReturned",
        /// The properties that the server set when it sent the message.
        pub property_values: SentProperties = "PropertyValues" by no_properties_returned,
    }
}

/// The properties that the server set when it sent a message, if the Boolean before them is false. If it is true, the
/// list is absent; some servers send an empty list nevertheless.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SentProperties(pub Option<PropertyList>);

impl Inspect for SentProperties {
    fn to_node(&self) -> Node {
        self.0.to_node()
    }
}

impl FieldBy<Rop, Bool> for SentProperties {
    fn read_by(r: &mut Reader<'_>, field: &'static str, by: &Bool) -> Result<Self> {
        // The next response does not begin with zeros, so that zeros are an empty list.
        let is_present = !by.is_true() || r.peek().starts_with(&[0, 0]);
        is_present.then(|| Field::<Rop>::read(r, field)).transpose().map(Self)
    }

    fn write_by(&self, w: &mut Writer, field: &'static str, by: &Bool) -> Result<()> {
        let fits = self.0.as_ref().map_or(by.is_true(), |list| !by.is_true() || list.0.is_empty());
        if !fits {
            return Err(w.invalid(
                field,
                u64::from(by.0),
                "properties exactly if NoPropertiesReturned is false",
            ));
        }
        self.0.as_ref().map_or(Ok(()), |list| Field::<Rop>::write(list, w, field))
    }
}

flags_field! {
    /// The flags of a message ([MS-OXCMSG] 2.2.1.6).
    pub struct MessageFlags(u32) {
        /// The message was read.
        MF_READ = 0x0000_0001,
        /// The message was not modified since it was first saved or delivered.
        MF_UNMODIFIED = 0x0000_0002,
        /// The message was submitted.
        MF_SUBMITTED = 0x0000_0004,
        /// The message was not sent yet.
        MF_UNSENT = 0x0000_0008,
        /// The message has attachments.
        MF_HAS_ATTACH = 0x0000_0010,
        /// The user of the mailbox is the sender of the message.
        MF_FROM_ME = 0x0000_0020,
        /// The message is associated with its folder (FAI).
        MF_FAI = 0x0000_0040,
        /// The message is sent again.
        MF_RESEND = 0x0000_0080,
        /// The sender requested a read receipt.
        MF_NOTIFY_READ = 0x0000_0100,
        /// The sender requested a non-read receipt.
        MF_NOTIFY_UNREAD = 0x0000_0200,
        /// The message has been read at least once.
        MF_EVER_READ = 0x0000_0400,
        /// The message was received from the internet.
        MF_INTERNET = 0x0000_2000,
        /// The sender of the message was not authenticated.
        MF_UNTRUSTED = 0x0000_8000,
    }
}

structure! {
    /// `RopTransportNewMail`: notifies the server of a message that the client's spooler received ([MS-OXCROPS]
    /// 2.2.7.7.1).
    pub struct RopTransportNewMailRequest: Rop as "RopTransportNewMail" {
        /// The received message.
        pub message_id: MessageId = "MessageId",
        /// The folder of the message.
        pub folder_id: FolderId = "FolderId",
        /// The class of the message.
        pub message_class: AsciiZ = "MessageClass",
        /// The flags of the message.
        pub message_flags: MessageFlags = "MessageFlags",
    }
}

rop_response! {
    /// `RopGetTransportFolder`: the response, with the folder of messages that are to be sent ([MS-OXCROPS] 2.2.7.8.2).
    pub struct RopGetTransportFolderResponse as "RopGetTransportFolder" {
        /// The folder that stores messages to be sent.
        pub folder_id: FolderId = "FolderId",
    }
}

structure! {
    /// `RopOptionsData`: returns the options of an address type ([MS-OXCROPS] 2.2.7.9.1).
    pub struct RopOptionsDataRequest: Rop as "RopOptionsData" {
        /// The address type.
        pub address_type: AsciiZ = "AddressType",
        /// Whether the help file is requested in 32-bit format.
        pub want_win32: Bool = "WantWin32",
    }
}

rop_response! {
    /// `RopOptionsData`: the response ([MS-OXCROPS] 2.2.7.9.2).
    pub struct RopOptionsDataResponse as "RopOptionsData" {
        /// Reserved; 1.
        pub reserved: u8 = "Reserved",
        /// The options; clients ignore them.
        pub options_info: Bytes16 = "OptionsInfo",
        /// The help file of the options.
        pub help: Help = "Help",
    }
}

/// A help file and its name, if present ([MS-OXCROPS] 2.2.7.9.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Help(pub Option<HelpFile>);

/// A help file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpFile {
    /// The content of the file; not empty.
    pub help_file: Vec<u8>,
    /// The name of the file, in the code page of the session.
    pub help_file_name: AsciiZ,
}

impl Inspect for Help {
    fn to_node(&self) -> Node {
        let Some(help) = &self.0 else { return Node::Nothing };
        Node::Fields(vec![
            ("HelpFile".into(), Node::Bytes(help.help_file.clone())),
            ("HelpFileName".into(), help.help_file_name.to_node()),
        ])
    }
}

impl Field<Rop> for Help {
    const MIN_SIZE: usize = 2;

    fn read(r: &mut Reader<'_>, _field: &'static str) -> Result<Self> {
        let size = r.u16("HelpFileSize")?;
        if size == 0 {
            return Ok(Self(None));
        }
        let help_file = r.bytes(usize::from(size), "HelpFile")?.to_vec();
        Ok(Self(Some(HelpFile { help_file, help_file_name: AsciiZ::read(r, "HelpFileName")? })))
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        let Some(help) = &self.0 else {
            w.u16(0);
            return Ok(());
        };
        if help.help_file.is_empty() {
            return Err(w.invalid("HelpFileSize", 0, "a help file that is not empty"));
        }
        let size = u16::try_from(help.help_file.len());
        w.u16(size.map_err(|_| too_long(help.help_file.len(), u16::MAX, w, "HelpFile"))?);
        w.bytes(&help.help_file);
        help.help_file_name.write(w, "HelpFileName")
    }
}
