//! Recipients of messages.

use mapi::data::{AddressType, RecipientFlags, RecipientRow, Text};
use mapi::property::{PropTag, PropertyList, PropertyRow, PropertyValue, TaggedValue};
use mapi::rop::recipient::{ModifyRecipientRow, OpenRecipientRow, RecipientType, SizedRecipientRow};

/// How a message is addressed to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipientKind {
    /// A primary recipient.
    To,
    /// A recipient of a copy.
    Cc,
    /// A recipient of a copy whom other recipients do not see.
    Bcc,
}

impl RecipientKind {
    const fn to_type(self) -> RecipientType {
        match self {
            Self::To => RecipientType::PRIMARY,
            Self::Cc => RecipientType::CC,
            Self::Bcc => RecipientType::BCC,
        }
    }

    /// The kind as a header field of a message names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::To => "To",
            Self::Cc => "Cc",
            Self::Bcc => "Bcc",
        }
    }
}

/// A recipient of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// How the message is addressed to the recipient.
    pub kind: RecipientKind,
    /// The display name; empty if unknown.
    pub name: String,
    /// The type of the address, such as `SMTP`, or `EX` for a distinguished name of the address book.
    pub address_type: String,
    /// The address.
    pub address: String,
    /// The internet mail address, if the server returned one.
    pub smtp: Option<String>,
}

impl Recipient {
    /// A recipient with an internet mail address.
    pub fn smtp(kind: RecipientKind, name: &str, address: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            address_type: "SMTP".to_owned(),
            address: address.to_owned(),
            smtp: Some(address.to_owned()),
        }
    }

    /// The recipient in a row of a message.
    pub(crate) fn of_row(kind: RecipientType, row: &RecipientRow, columns: &[PropTag]) -> Self {
        let text = |text: &Option<Text>| text.as_ref().map(Text::to_string_lossy).unwrap_or_default();
        let address_type = row.address_type_name();
        let address = match &row.x500_dn {
            Some(dn) => String::from_utf8_lossy(&dn.dn).into_owned(),
            None => text(&row.email_address),
        };
        let smtp = row.get(columns, PropTag::PidTagSmtpAddress).and_then(PropertyValue::to_text);
        let own = || (address_type == "SMTP").then(|| address.clone());
        Self {
            kind: match kind.kind() {
                RecipientType::CC => RecipientKind::Cc,
                RecipientType::BCC => RecipientKind::Bcc,
                _ => RecipientKind::To,
            },
            name: text(&row.display_name),
            smtp: smtp.or_else(own),
            address_type,
            address,
        }
    }

    /// The properties of the recipient ([MS-OXOMSG] 2.2.3).
    pub(crate) fn properties(&self) -> PropertyList {
        let text = |tag, text: &str| TaggedValue::new(tag, PropertyValue::from(text));
        let kind = PropertyValue::Integer32(self.kind.to_type().0.into());
        let mut values = vec![
            TaggedValue::new(PropTag::PidTagRecipientType, kind),
            text(PropTag::PidTagDisplayName, &self.name),
            text(PropTag::PidTagAddressType, &self.address_type),
            text(PropTag::PidTagEmailAddress, &self.address),
        ];
        values.extend(self.smtp.as_ref().map(|smtp| text(PropTag::PidTagSmtpAddress, smtp)));
        PropertyList(values)
    }

    /// The row with which the recipient is set: with its internet mail address, or else with its address and the name
    /// of its type.
    fn row(&self) -> RecipientRow {
        let mut flags =
            RecipientFlags::EMAIL_ADDRESS | RecipientFlags::DISPLAY_NAME | RecipientFlags::UNICODE;
        let (address, address_type) = if let Some(smtp) = &self.smtp {
            flags = flags.with_address_type(AddressType::SMTP);
            (smtp, None)
        } else {
            flags = flags | RecipientFlags::OUT_OF_STANDARD;
            (&self.address, Some(self.address_type.clone().into_bytes()))
        };
        let name = if self.name.is_empty() { address } else { &self.name };
        RecipientRow {
            flags,
            x500_dn: None,
            entry_id: None,
            search_key: None,
            address_type,
            email_address: Some(Text::from(address.as_str())),
            display_name: Some(Text::from(name.as_str())),
            simple_display_name: None,
            transmittable_display_name: None,
            column_count: 0,
            properties: PropertyRow::default(),
        }
    }

    pub(crate) fn to_row(&self, row_id: u32) -> ModifyRecipientRow {
        ModifyRecipientRow {
            row_id,
            recipient_type: self.kind.to_type(),
            recipient_row: Some(SizedRecipientRow::new(self.row())),
        }
    }

    pub(crate) fn to_open_row(&self) -> OpenRecipientRow {
        OpenRecipientRow {
            recipient_type: self.kind.to_type(),
            code_page_id: 0,
            reserved: 0,
            recipient_row: SizedRecipientRow::new(self.row()),
        }
    }
}
