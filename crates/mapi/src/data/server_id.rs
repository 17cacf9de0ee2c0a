//! `PtypServerId`: identifiers of folders and messages that are property values ([MS-OXCDATA] 2.11.1.4).

use std::fmt;

use wire::{Decode, Encode, Reader, Result, Writer};

use super::id::{FolderId, MessageId};

/// Identifies a folder or message within a logon (`PtypServerId`, [MS-OXCDATA] 2.11.1.4). It is encoded with its 16-bit
/// size.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ServerId {
    /// An identifier that a server created: the field `Ours` is 1.
    Ours {
        /// The folder, or the folder of the message.
        folder_id: FolderId,
        /// The message in the folder; zero for the folder itself.
        message_id: MessageId,
        /// The instance of the row, if a column has several values; otherwise zero.
        instance: u32,
    },
    /// An identifier that a client created, or of an unknown structure: all bytes after the size.
    Other(Vec<u8>),
}

impl ServerId {
    /// The size of an identifier that a server created, in bytes.
    const SIZE: usize = 21;

    /// Decodes `bytes`, which do not include the size.
    pub fn parse(bytes: &[u8]) -> Self {
        match decode_ours(bytes) {
            Ok(id) => id,
            Err(_) => Self::Other(bytes.to_vec()),
        }
    }
}

fn decode_ours(bytes: &[u8]) -> Result<ServerId> {
    let mut r = Reader::new(bytes);
    let field = stringify!(Ours);
    match r.u8(field)? {
        1 => {}
        other => return Err(r.invalid(field, u64::from(other), "1")),
    }
    let id = ServerId::Ours {
        folder_id: FolderId::decode(&mut r)?,
        message_id: MessageId::decode(&mut r)?,
        instance: r.u32("Instance")?,
    };
    r.finish()?;
    Ok(id)
}

impl<'a> Decode<'a> for ServerId {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let size = r.u16("Size")?;
        r.bytes(usize::from(size), "ServerId").map(Self::parse)
    }
}

impl Encode for ServerId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        match self {
            Self::Ours { folder_id, message_id, instance } => {
                w.len16(Self::SIZE, "Size")?.u8(1);
                folder_id.encode(w)?;
                message_id.encode(w)?;
                w.u32(*instance);
            }
            Self::Other(bytes) => drop(w.len16(bytes.len(), "Size")?.bytes(bytes)),
        }
        Ok(())
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours { folder_id, message_id, .. } if message_id.is_zero() => {
                write!(f, "folder {folder_id}")
            }
            Self::Ours { folder_id, message_id, .. } => write!(f, "message {message_id} in {folder_id}"),
            Self::Other(bytes) => write!(f, "client-defined id ({} bytes)", bytes.len()),
        }
    }
}
