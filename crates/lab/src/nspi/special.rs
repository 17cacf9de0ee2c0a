//! The special tables: the hierarchy and the address creation table.

use mapi::ErrorCode;
use mapi::nspi::DisplayType;
use mapi::property::{PropTag, PropType, PropertyValue, TaggedValue};

use super::rows::Rows;
use crate::codepage::CodePage;
use crate::directory::Container;
use crate::directory::properties::{container_id, typed};
use crate::service::Lab;

/// `NspiAddressCreationTemplates` ([MS-OXNSPI] 2.2.1.13).
const CREATION_TEMPLATES: u32 = 0x2;
/// `NspiUnicodeStrings`.
const UNICODE_STRINGS: u32 = 0x4;
/// The version of the hierarchy, which never changes.
const VERSION: u32 = 1;
/// `AB_RECIPIENTS` and `AB_UNMODIFIABLE` ([MS-OXOABK] 2.2.2.1).
const CONTAINER_FLAGS: i32 = 0x1 | 0x8;
/// `PidTagSelectable` ([MS-OXOABKT] 2.2.1).
const SELECTABLE: PropTag = PropTag::new(0x3609, PropType::PtypBoolean);
/// The name and the distinguished name of the only template.
const SMTP_TEMPLATE: (&str, &str) =
    ("Internet Address", "/cn=Addressing/cn=Address-Templates/cn=409/cn=SMTP");

/// A special table.
#[derive(Debug)]
pub(crate) struct SpecialTable {
    /// The version of the hierarchy.
    pub(crate) version: u32,
    /// The rows; `None` if the client has this version.
    pub(crate) rows: Option<Rows>,
}

impl Lab {
    /// `NspiGetSpecialTable` ([MS-OXNSPI] 3.1.4.1.3) for a client that has the `version` of the hierarchy.
    pub(crate) fn special_table(
        &self,
        flags: u32,
        version: u32,
        code_page: u32,
    ) -> Result<SpecialTable, ErrorCode> {
        let unicode = flags & UNICODE_STRINGS != 0;
        let code_page = CodePage::new(code_page).filter(|page| unicode || !page.is_unicode());
        let code_page = code_page.ok_or(ErrorCode::MAPI_E_UNKNOWN_CPID)?;
        let text = |text: &str| {
            let wanted = if unicode { PropType::PtypString } else { PropType::PtypString8 };
            typed(PropertyValue::from(text), wanted, code_page)
                .unwrap_or(PropertyValue::Error(ErrorCode::MAPI_E_NOT_FOUND))
        };
        if flags & CREATION_TEMPLATES != 0 {
            return Ok(SpecialTable { version, rows: Some(vec![template(&text)]) });
        }
        let hierarchy =
            || self.directory.containers().iter().map(|container| hierarchy(container, &text)).collect();
        Ok(SpecialTable { version: VERSION, rows: (version != VERSION).then(hierarchy) })
    }
}

fn row(properties: Vec<(PropTag, PropertyValue)>) -> Vec<TaggedValue> {
    properties.into_iter().map(|(tag, value)| TaggedValue::new(tag, value)).collect()
}

/// A container's row ([MS-OXNSPI] 3.1.4.3.1, [MS-OXOABK] 2.2.2).
fn hierarchy(container: &Container, text: &dyn Fn(&str) -> PropertyValue) -> Vec<TaggedValue> {
    let id = container_id(DisplayType::DT_CONTAINER, container.dn).unwrap_or_default();
    row(vec![
        (PropTag::PidTagEntryId, PropertyValue::Binary(id)),
        (PropTag::PidTagContainerFlags, PropertyValue::Integer32(CONTAINER_FLAGS)),
        (PropTag::PidTagDepth, PropertyValue::Integer32(0)),
        (PropTag::PidTagAddressBookContainerId, PropertyValue::Integer32(container.id.0.cast_signed())),
        (PropTag::PidTagDisplayName, text(container.name)),
        (PropTag::PidTagAddressBookIsMaster, PropertyValue::Boolean(false)),
    ])
}

/// A row of the address creation table ([MS-OXOABKT] 2.2.1).
fn template(text: &dyn Fn(&str) -> PropertyValue) -> Vec<TaggedValue> {
    let (name, dn) = SMTP_TEMPLATE;
    let id = container_id(DisplayType::DT_ADDRESS_TEMPLATE, dn).unwrap_or_default();
    row(vec![
        (PropTag::PidTagAddressType, text("SMTP")),
        (PropTag::PidTagDisplayName, text(name)),
        (PropTag::PidTagDisplayType, PropertyValue::Integer32(0)),
        (PropTag::PidTagEntryId, PropertyValue::Binary(id)),
        (PropTag::PidTagDepth, PropertyValue::Integer32(0)),
        (SELECTABLE, PropertyValue::Boolean(true)),
        (PropTag::PidTagInstanceKey, PropertyValue::Binary(vec![0; 4])),
    ])
}
