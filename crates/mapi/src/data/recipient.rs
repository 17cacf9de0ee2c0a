//! Recipient rows ([MS-OXCDATA] 2.8.3).

use std::fmt;

use wire::{Reader, Result, Writer};

use super::address_book::DisplayType;
use super::text::Text;
use crate::property::{Layout, PropTag, PropertyRow, PropertyValue};
use crate::zero_terminated::{read_string8, write_string8};

wire::wire_flags! {
    /// The parts of a [`RecipientRow`] that are present, and the type of its address ([MS-OXCDATA] 2.8.3.1).
    pub struct RecipientFlags(u16) {
        /// `E`: the email address is present.
        EMAIL_ADDRESS = 0x0008,
        /// `D`: the display name is present.
        DISPLAY_NAME = 0x0010,
        /// `T`: the transmittable display name is present.
        TRANSMITTABLE_DISPLAY_NAME = 0x0020,
        /// `S`: the transmittable display name is the same as the display name.
        SAME_DISPLAY_NAME = 0x0040,
        /// `R`: another transport is responsible for delivery to this recipient.
        RESPONSIBILITY = 0x0080,
        /// `N`: the recipient does not accept rich text.
        NO_RICH_INFO = 0x0100,
        /// `U`: the texts are UTF-16.
        UNICODE = 0x0200,
        /// `I`: the simple display name is present.
        SIMPLE_DISPLAY_NAME = 0x0400,
        /// `O`: if the address type is `NoType`, the row contains its name.
        OUT_OF_STANDARD = 0x8000,
    }
}

wire::wire_enum! {
    /// The type of a recipient's address ([MS-OXCDATA] 2.8.3.1).
    pub struct AddressType(u8) {
        /// No type, or a type whose name the row contains.
        NoType = 0x0,
        /// A distinguished name in the address book (`EX`).
        X500DN = 0x1,
        /// An address of Microsoft Mail (`MS`).
        MsMail = 0x2,
        /// An internet mail address (`SMTP`).
        SMTP = 0x3,
        /// A fax number (`FAX`).
        Fax = 0x4,
        /// An address of IBM's Professional Office System (`PROFS`).
        ProfessionalOfficeSystem = 0x5,
        /// A personal distribution list (`MAPIPDL`).
        PersonalDistributionList1 = 0x6,
        /// A personal distribution list (`MAPIPDL`).
        PersonalDistributionList2 = 0x7,
    }
}

impl RecipientFlags {
    /// The type of the recipient's address.
    pub const fn address_type(self) -> AddressType {
        let [low, _] = self.0.to_le_bytes();
        AddressType(low & 0x07)
    }

    /// Returns these flags with another address type, of which the lowest three bits are used.
    #[must_use]
    pub fn with_address_type(self, address_type: AddressType) -> Self {
        Self(self.0 & !0x07 | u16::from(address_type.0 & 0x07))
    }

    /// Whether the row has an entry id and a search key.
    const fn has_entry_id(self) -> bool {
        self.address_type().0 >= AddressType::PersonalDistributionList1.0
    }

    const fn has_address_type(self) -> bool {
        self.address_type().0 == AddressType::NoType.0 && self.contains(Self::OUT_OF_STANDARD)
    }
}

/// The distinguished name of a recipient.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct X500Dn {
    /// The length of the prefix of the previous address that precedes the name; zero except in bulk transfers.
    pub address_prefix_used: u8,
    /// The kind of the recipient, as one byte of a [`DisplayType`].
    pub display_type: u8,
    /// The distinguished name, without a terminator.
    pub dn: Vec<u8>,
}

impl X500Dn {
    /// The kind of the recipient, as in the address book.
    pub fn display_type(&self) -> DisplayType {
        DisplayType(u32::from(self.display_type))
    }
}

/// A recipient of a message ([MS-OXCDATA] 2.8.3.2).
///
/// `flags` determines which parts are present; [`RecipientRow::write`] fails if they do not match.
#[derive(Debug, Clone, PartialEq)]
pub struct RecipientRow {
    /// The parts that are present, and the type of the address.
    pub flags: RecipientFlags,
    /// The distinguished name, if the address type is `X500DN`.
    pub x500_dn: Option<X500Dn>,
    /// The entry id of the list, if the address type is a personal distribution list.
    pub entry_id: Option<Vec<u8>>,
    /// The search key of the list, if the address type is a personal distribution list.
    pub search_key: Option<Vec<u8>>,
    /// The name of the address type, without a terminator, if the type is `NoType` and `OUT_OF_STANDARD` is set.
    pub address_type: Option<Vec<u8>>,
    /// The email address of the recipient.
    pub email_address: Option<Text>,
    /// The display name of the recipient.
    pub display_name: Option<Text>,
    /// The simple display name, which consists of ASCII characters.
    pub simple_display_name: Option<Text>,
    /// The display name that is sent to recipients.
    pub transmittable_display_name: Option<Text>,
    /// The number of columns, from the first one on, for which `properties` has values (`RecipientColumnCount`).
    pub column_count: u16,
    /// The values of further properties.
    pub properties: PropertyRow,
}

impl RecipientRow {
    /// Reads a row whose properties are the first ones of `columns`.
    ///
    /// If the size of the row is known, pass a reader of that size and check that no bytes remain.
    ///
    /// # Errors
    /// Fails if the bytes are not a recipient row, or it has more properties than there are columns.
    pub fn read(r: &mut Reader<'_>, columns: &[PropTag]) -> Result<Self> {
        Self::read_inner(r, columns).map_err(|error| error.within("RecipientRow"))
    }

    fn read_inner(r: &mut Reader<'_>, columns: &[PropTag]) -> Result<Self> {
        let flags = RecipientFlags(r.u16("RecipientFlags")?);
        let unicode = flags.contains(RecipientFlags::UNICODE);
        let x500_dn = match flags.address_type() {
            AddressType::X500DN => Some(X500Dn {
                address_prefix_used: r.u8("AddressPrefixUsed")?,
                display_type: r.u8("DisplayType")?,
                dn: read_string8(r, "X500DN")?.to_vec(),
            }),
            _ => None,
        };
        let entry_id = flags.has_entry_id().then(|| read_sized(r, "EntryID")).transpose()?;
        let search_key = flags.has_entry_id().then(|| read_sized(r, "SearchKey")).transpose()?;
        let address_type = flags.has_address_type();
        let address_type = address_type.then(|| read_string8(r, "AddressType")).transpose()?;
        let mut text = |flag: RecipientFlags, field| {
            flags.contains(flag).then(|| Text::read(r, unicode, field)).transpose()
        };
        let email_address = text(RecipientFlags::EMAIL_ADDRESS, "EmailAddress")?;
        let display_name = text(RecipientFlags::DISPLAY_NAME, "DisplayName")?;
        let simple_display_name = text(RecipientFlags::SIMPLE_DISPLAY_NAME, "SimpleDisplayName")?;
        let transmittable_display_name =
            text(RecipientFlags::TRANSMITTABLE_DISPLAY_NAME, "TransmittableDisplayName")?;
        let column_count = r.u16("RecipientColumnCount")?;
        let Some(columns) = columns.get(..usize::from(column_count)) else {
            let found = u64::from(column_count);
            return Err(r.invalid("RecipientColumnCount", found, "at most as many as there are columns"));
        };
        Ok(Self {
            flags,
            x500_dn,
            entry_id,
            search_key,
            address_type: address_type.map(<[u8]>::to_vec),
            email_address,
            display_name,
            simple_display_name,
            transmittable_display_name,
            column_count,
            properties: PropertyRow::read(r, columns, Layout::Rop)?,
        })
    }

    /// Writes the row, whose properties are the first ones of `columns`.
    ///
    /// # Errors
    /// Fails if the flags and the parts do not match, or a value does not fit its field.
    pub fn write(&self, w: &mut Writer, columns: &[PropTag]) -> Result<()> {
        self.write_inner(w, columns).map_err(|error| error.within("RecipientRow"))
    }

    fn write_inner(&self, w: &mut Writer, columns: &[PropTag]) -> Result<()> {
        let flags = self.flags;
        let texts = [
            (RecipientFlags::EMAIL_ADDRESS, &self.email_address, "EmailAddress"),
            (RecipientFlags::DISPLAY_NAME, &self.display_name, "DisplayName"),
            (RecipientFlags::SIMPLE_DISPLAY_NAME, &self.simple_display_name, "SimpleDisplayName"),
            (
                RecipientFlags::TRANSMITTABLE_DISPLAY_NAME,
                &self.transmittable_display_name,
                "TransmittableDisplayName",
            ),
        ];
        let agree = self.x500_dn.is_some() == (flags.address_type() == AddressType::X500DN)
            && self.entry_id.is_some() == flags.has_entry_id()
            && self.search_key.is_some() == flags.has_entry_id()
            && self.address_type.is_some() == flags.has_address_type()
            && texts.iter().all(|(flag, text, _)| text.is_some() == flags.contains(*flag));
        w.require(agree, "RecipientFlags", flags.0, "the parts that the row has")?;
        w.u16(flags.0);
        if let Some(x500) = &self.x500_dn {
            w.u8(x500.address_prefix_used).u8(x500.display_type);
            write_string8(w, &x500.dn, "X500DN")?;
        }
        if let (Some(entry_id), Some(search_key)) = (&self.entry_id, &self.search_key) {
            w.len16(entry_id.len(), "EntryIdSize")?.bytes(entry_id);
            w.len16(search_key.len(), "SearchKeySize")?.bytes(search_key);
        }
        if let Some(address_type) = &self.address_type {
            write_string8(w, address_type, "AddressType")?;
        }
        let unicode = flags.contains(RecipientFlags::UNICODE);
        for (_, text, field) in texts {
            text.iter().try_for_each(|text| text.write(w, unicode, field))?;
        }
        w.u16(self.column_count);
        let Some(columns) = columns.get(..usize::from(self.column_count)) else {
            let found = u64::from(self.column_count);
            return Err(w.invalid("RecipientColumnCount", found, "at most as many as there are columns"));
        };
        self.properties.write(w, columns, Layout::Rop)
    }

    /// The value of the property `tag` among the further properties.
    pub fn get(&self, columns: &[PropTag], tag: PropTag) -> Option<&PropertyValue> {
        self.properties.get(columns, tag)
    }

    /// The name of the address type: `EX`, `SMTP`, or the name that the row contains.
    pub fn address_type_name(&self) -> String {
        match (&self.address_type, self.flags.address_type()) {
            (Some(name), _) => String::from_utf8_lossy(name).into_owned(),
            (None, AddressType::X500DN) => "EX".into(),
            (None, AddressType::MsMail) => "MS".into(),
            (None, AddressType::SMTP) => "SMTP".into(),
            (None, AddressType::Fax) => "FAX".into(),
            (None, AddressType::ProfessionalOfficeSystem) => "PROFS".into(),
            (None, AddressType::NoType) => String::new(),
            (None, _) => "MAPIPDL".into(),
        }
    }
}

impl fmt::Display for RecipientRow {
    /// Formats name and address, for example `Alice <SMTP:alice@lab.test>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.display_name.as_ref().or(self.transmittable_display_name.as_ref()) {
            write!(f, "{name} ")?;
        }
        write!(f, "<{}:", self.address_type_name())?;
        match (&self.email_address, &self.x500_dn) {
            (Some(address), _) => write!(f, "{address}>"),
            (None, Some(x500)) => write!(f, "{}>", String::from_utf8_lossy(&x500.dn)),
            (None, None) => f.write_str(">"),
        }
    }
}

fn read_sized(r: &mut Reader<'_>, field: &'static str) -> Result<Vec<u8>> {
    let size = r.u16(field)?;
    r.bytes(usize::from(size), field).map(<[u8]>::to_vec)
}
