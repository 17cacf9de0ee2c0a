//! The recipients of a message ([MS-OXCROPS] 2.2.6.4 to 2.2.6.6, [MS-OXCMSG] 2.2.3.4 to 2.2.3.6).

use std::sync::Arc;

use wire::{Reader, Result, Writer};

use super::context::ResponseContext;
use super::field::{List16, too_long};
use super::format::Rop;
use super::response_fields::ResponseFields;
use crate::ErrorCode;
use crate::data::RecipientRow;
use crate::field::{Field, newtype_field, structure};
use crate::inspect::{Inspect, Node, inspect_named};
use crate::property::PropTag;

/// The type of a recipient ([MS-OXCMSG] 2.2.3.1.2): the type in the lower four bits, flags in the upper ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RecipientType(pub u8);

impl RecipientType {
    /// The sender of the message.
    pub const ORIGINATOR: Self = Self(0x00);
    /// A primary recipient (To).
    pub const PRIMARY: Self = Self(0x01);
    /// A recipient of a copy (Cc).
    pub const CC: Self = Self(0x02);
    /// A recipient of a blind copy (Bcc).
    pub const BCC: Self = Self(0x03);
    /// A flag: delivery to this recipient failed, and the message is sent again.
    pub const RESEND_FAILED: u8 = 0x10;
    /// A flag: the message was delivered to this recipient before.
    pub const RESEND_REACHED: u8 = 0x80;

    /// The type without the flags.
    #[must_use]
    pub const fn kind(self) -> Self {
        Self(self.0 & 0x0F)
    }
}

impl std::fmt::Debug for RecipientType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind() {
            Self::ORIGINATOR => f.write_str("ORIGINATOR")?,
            Self::PRIMARY => f.write_str("PRIMARY")?,
            Self::CC => f.write_str("CC")?,
            Self::BCC => f.write_str("BCC")?,
            Self(other) => write!(f, "{other:#x}")?,
        }
        match self.0 & 0xF0 {
            0 => Ok(()),
            bits => write!(f, " | {bits:#x}"),
        }
    }
}

inspect_named!(RecipientType);
newtype_field!(RecipientType(u8));

/// The row of a recipient, which is encoded with its 16-bit size.
#[derive(Debug, Clone, PartialEq)]
pub enum SizedRecipientRow {
    /// A decoded row.
    Row {
        /// The decoded fields of the recipient.
        row: Box<RecipientRow>,
        /// The bytes between the row and its end according to the size.
        trailing: Vec<u8>,
    },
    /// The bytes of a row that cannot be decoded, or whose columns are not known.
    Bytes(Vec<u8>),
}

impl SizedRecipientRow {
    /// Creates `row` without trailing bytes.
    pub fn new(row: RecipientRow) -> Self {
        Self::Row { row: Box::new(row), trailing: Vec::new() }
    }

    /// The row, if it was decoded.
    pub const fn row(&self) -> Option<&RecipientRow> {
        match self {
            Self::Row { row, .. } => Some(row),
            Self::Bytes(_) => None,
        }
    }

    fn read(r: &mut Reader<'_>, columns: Option<&[PropTag]>) -> Result<Self> {
        let size = r.u16("RecipientRowSize")?;
        let mut r = r.sub(usize::from(size), "RecipientRow")?;
        let bytes = r.peek();
        let row = columns.map(|columns| RecipientRow::read(&mut r, columns));
        Ok(match row {
            Some(Ok(row)) => Self::Row { row: Box::new(row), trailing: r.rest().to_vec() },
            _ => Self::Bytes(bytes.to_vec()),
        })
    }

    fn write(&self, w: &mut Writer, columns: &[PropTag]) -> Result<()> {
        let mark = w.mark16();
        match self {
            Self::Row { row, trailing } => {
                row.write(w, columns)?;
                w.bytes(trailing);
            }
            Self::Bytes(bytes) => drop(w.bytes(bytes)),
        }
        let size = w.since(mark, 2);
        w.fill16(mark, size, "RecipientRowSize")
    }

    fn to_node(&self, columns: &[PropTag]) -> Node {
        match self {
            Self::Row { row, .. } => row.node_with(columns),
            Self::Bytes(bytes) => Node::Bytes(bytes.clone()),
        }
    }
}

/// A recipient of an open message (`OpenRecipientRow`, [MS-OXCROPS] 2.2.6.1.2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRecipientRow {
    /// The type of the recipient.
    pub recipient_type: RecipientType,
    /// The code page of the recipient's texts.
    pub code_page_id: u16,
    /// Reserved; zero.
    pub reserved: u16,
    /// The row with the properties of the recipient.
    pub recipient_row: SizedRecipientRow,
}

impl OpenRecipientRow {
    const MIN_SIZE: usize = 7;

    /// The `CodePageId` for the code page of the session ([MS-OXCMSG] 2.2.3.1.1).
    const SESSION_CODE_PAGE: u16 = 0x0FFF;

    fn read(r: &mut Reader<'_>, columns: Option<&[PropTag]>) -> Result<Self> {
        Ok(Self {
            recipient_type: RecipientType(r.u8("RecipientType")?),
            code_page_id: r.u16("CodePageId")?,
            reserved: r.u16("Reserved")?,
            recipient_row: SizedRecipientRow::read(r, columns)?,
        })
    }

    /// The number of bytes of the row with these columns.
    ///
    /// # Errors
    /// Fails if a value does not fit into its field.
    pub fn size(&self, columns: &[PropTag]) -> Result<usize> {
        let mut w = Writer::new();
        self.write(&mut w, columns)?;
        Ok(w.len())
    }

    fn write(&self, w: &mut Writer, columns: &[PropTag]) -> Result<()> {
        w.u8(self.recipient_type.0).u16(self.code_page_id).u16(self.reserved);
        self.recipient_row.write(w, columns)
    }

    fn to_node(&self, columns: &[PropTag]) -> Vec<(std::borrow::Cow<'static, str>, Node)> {
        let mut row = self.recipient_row.to_node(columns);
        if !matches!(self.code_page_id, 0 | Self::SESSION_CODE_PAGE) {
            row = row.in_code_page(self.code_page_id);
        }
        vec![
            ("RecipientType".into(), self.recipient_type.to_node()),
            ("CodePageId".into(), self.code_page_id.to_node()),
            ("RecipientRow".into(), row),
        ]
    }
}

/// The recipients of an open message, as many as fit into the response ([MS-OXCROPS] 2.2.6.1.2).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OpenRecipients {
    /// The number of recipients of the message.
    pub recipient_count: u16,
    /// The columns of the rows, in addition to the standard properties.
    pub recipient_columns: Vec<PropTag>,
    /// The first recipients.
    pub recipient_rows: Vec<OpenRecipientRow>,
}

impl Inspect for OpenRecipients {
    fn to_node(&self) -> Node {
        let columns = &self.recipient_columns;
        let rows = self.recipient_rows.iter().map(|row| Node::Fields(row.to_node(columns)));
        Node::Fields(vec![
            ("RecipientCount".into(), self.recipient_count.to_node()),
            ("RecipientColumns".into(), columns.to_node()),
            ("RecipientRows".into(), Node::List(rows.collect())),
        ])
    }
}

impl Field<Rop> for OpenRecipients {
    const MIN_SIZE: usize = 5;

    fn read(r: &mut Reader<'_>, _field: &'static str) -> Result<Self> {
        let recipient_count = r.u16("RecipientCount")?;
        let List16(recipient_columns) = Field::read(r, "RecipientColumns")?;
        let count = r.u8("RowCount")?;
        let count = r.elements(u32::from(count), OpenRecipientRow::MIN_SIZE, u32::MAX, "RowCount")?;
        let mut recipient_rows = Vec::with_capacity(count);
        for _ in 0..count {
            recipient_rows.push(OpenRecipientRow::read(r, Some(&recipient_columns))?);
        }
        Ok(Self { recipient_count, recipient_columns, recipient_rows })
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        w.u16(self.recipient_count);
        write_columns(&self.recipient_columns, w)?;
        w.u8(row_count(self.recipient_rows.len(), w)?);
        self.recipient_rows.iter().try_for_each(|row| row.write(w, &self.recipient_columns))
    }
}

fn write_columns(columns: &[PropTag], w: &mut Writer) -> Result<()> {
    w.len16(columns.len(), "RecipientColumns")?;
    for column in columns {
        w.u32(column.0);
    }
    Ok(())
}

fn row_count(count: usize, w: &Writer) -> Result<u8> {
    u8::try_from(count).map_err(|_| too_long(count, u8::MAX, w, "RowCount"))
}

structure! {
    /// `RopRemoveAllRecipients`: removes all recipients of a message ([MS-OXCROPS] 2.2.6.4.1).
    pub struct RopRemoveAllRecipientsRequest: Rop as "RopRemoveAllRecipients" {
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
    }
}

/// `RopModifyRecipients`: adds, changes and removes recipients of a message ([MS-OXCROPS] 2.2.6.5.1).
#[derive(Debug, Clone, PartialEq)]
pub struct RopModifyRecipientsRequest {
    /// The columns of the rows, in addition to the standard properties.
    pub recipient_columns: Vec<PropTag>,
    /// The recipients to add, replace or remove.
    pub recipient_rows: Vec<ModifyRecipientRow>,
}

/// A recipient that is added, changed or removed ([MS-OXCROPS] 2.2.6.5.1.1).
#[derive(Debug, Clone, PartialEq)]
pub struct ModifyRecipientRow {
    /// The number of the recipient in the message.
    pub row_id: u32,
    /// The type of the recipient.
    pub recipient_type: RecipientType,
    /// The recipient; `None` removes it.
    pub recipient_row: Option<SizedRecipientRow>,
}

impl ModifyRecipientRow {
    const MIN_SIZE: usize = 7;

    fn read(r: &mut Reader<'_>, columns: &[PropTag]) -> Result<Self> {
        let row_id = r.u32("RowId")?;
        let recipient_type = RecipientType(r.u8("RecipientType")?);
        let recipient_row = if r.peek().starts_with(&[0, 0]) {
            r.u16("RecipientRowSize")?;
            None
        } else {
            Some(SizedRecipientRow::read(r, Some(columns))?)
        };
        Ok(Self { row_id, recipient_type, recipient_row })
    }

    fn write(&self, w: &mut Writer, columns: &[PropTag]) -> Result<()> {
        w.u32(self.row_id).u8(self.recipient_type.0);
        match &self.recipient_row {
            None => drop(w.u16(0)),
            Some(SizedRecipientRow::Bytes(bytes)) if bytes.is_empty() => {
                return Err(w.invalid("RecipientRowSize", 0, "a row that is not empty"));
            }
            Some(row) => row.write(w, columns)?,
        }
        Ok(())
    }

    fn to_node(&self, columns: &[PropTag]) -> Node {
        let row = self.recipient_row.as_ref().map_or(Node::Nothing, |row| row.to_node(columns));
        Node::Fields(vec![
            ("RowId".into(), self.row_id.to_node()),
            ("RecipientType".into(), self.recipient_type.to_node()),
            ("RecipientRow".into(), row),
        ])
    }
}

impl Inspect for RopModifyRecipientsRequest {
    fn to_node(&self) -> Node {
        let columns = &self.recipient_columns;
        Node::Fields(vec![
            ("RecipientColumns".into(), columns.to_node()),
            (
                "RecipientRows".into(),
                Node::List(self.recipient_rows.iter().map(|row| row.to_node(columns)).collect()),
            ),
        ])
    }
}

impl Field<Rop> for RopModifyRecipientsRequest {
    const MIN_SIZE: usize = 4;

    fn read(r: &mut Reader<'_>, _field: &'static str) -> Result<Self> {
        let List16(recipient_columns) = Field::read(r, "RecipientColumns")?;
        let count = r.u16("RowCount")?;
        let count = r.elements(u32::from(count), ModifyRecipientRow::MIN_SIZE, u32::MAX, "RowCount")?;
        let mut recipient_rows = Vec::with_capacity(count);
        for _ in 0..count {
            recipient_rows.push(ModifyRecipientRow::read(r, &recipient_columns)?);
        }
        Ok(Self { recipient_columns, recipient_rows })
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        write_columns(&self.recipient_columns, w)?;
        w.len16(self.recipient_rows.len(), "RowCount")?;
        self.recipient_rows.iter().try_for_each(|row| row.write(w, &self.recipient_columns))
    }
}

structure! {
    /// `RopReadRecipients`: returns recipients of a message ([MS-OXCROPS] 2.2.6.6.1).
    pub struct RopReadRecipientsRequest: Rop as "RopReadRecipients" {
        /// The number of the first requested recipient.
        pub row_id: u32 = "RowId",
        /// Reserved; zero.
        pub reserved: u16 = "Reserved",
    }
}

/// `RopReadRecipients`: the response, with as many recipients as fit into it ([MS-OXCROPS] 2.2.6.6.2).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RopReadRecipientsResponse {
    /// The columns of the rows, in addition to the standard properties: those of the response to `RopOpenMessage`. They
    /// are not transmitted here. Empty if they are not known; the rows are then not decoded.
    pub recipient_columns: Arc<[PropTag]>,
    /// The recipients from the requested number on.
    pub recipient_rows: Vec<ReadRecipientRow>,
}

/// A recipient of a message ([MS-OXCROPS] 2.2.6.6.2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRecipientRow {
    /// The number of the recipient in the message.
    pub row_id: u32,
    /// The type, code page and row of the recipient.
    pub recipient: OpenRecipientRow,
}

impl Inspect for RopReadRecipientsResponse {
    fn to_node(&self) -> Node {
        let rows = self.recipient_rows.iter().map(|row| {
            let mut fields = vec![("RowId".into(), row.row_id.to_node())];
            fields.extend(row.recipient.to_node(&self.recipient_columns));
            Node::Fields(fields)
        });
        Node::Fields(vec![("RecipientRows".into(), Node::List(rows.collect()))])
    }
}

impl ResponseFields for RopReadRecipientsResponse {
    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, context: ResponseContext<'_>) -> Result<Self> {
        let count = r.u8("RowCount")?;
        let count = r.elements(u32::from(count), 4 + OpenRecipientRow::MIN_SIZE, u32::MAX, "RowCount")?;
        let mut recipient_rows = Vec::with_capacity(count);
        for _ in 0..count {
            let row_id = r.u32("RowId")?;
            let recipient = OpenRecipientRow::read(r, context.columns.map(|columns| &**columns))?;
            recipient_rows.push(ReadRecipientRow { row_id, recipient });
        }
        Ok(Self { recipient_columns: context.columns.cloned().unwrap_or_default(), recipient_rows })
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        w.u8(row_count(self.recipient_rows.len(), w)?);
        for row in &self.recipient_rows {
            w.u32(row.row_id);
            row.recipient.write(w, &self.recipient_columns)?;
        }
        Ok(())
    }
}
