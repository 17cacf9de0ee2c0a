//! The properties of objects ([MS-OXOABK] 2.2, [MS-OXNSPI] 3.1.4.2).

use mapi::ErrorCode;
use mapi::nspi::{EntryId, EphemeralEntryId, FlatUid, MId, PermanentEntryId};
use mapi::property::{PropTag, PropType, PropertyValue, TaggedValue};
use wire::{Encode as _, Utf16};

use super::{Directory, Entry, Kind};
use crate::codepage::CodePage;

/// `MAPI_MAILUSER` ([MS-OXOABK] 2.2.3.10).
const MAILUSER: i32 = 6;
/// `MAPI_DISTLIST`.
const DISTLIST: i32 = 8;

/// `PidTagInitialDetailsPane` ([MS-OXOABK] 2.2.3.33).
const INITIAL_DETAILS_PANE: PropTag = PropTag::new(0x3F08, PropType::PtypInteger32);

/// The form of values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// The code page of 8-bit texts.
    pub(crate) code_page: CodePage,
    /// Whether entry ids are ephemeral.
    pub(crate) ephemeral: bool,
}

/// The default columns ([MS-OXNSPI] 3.1.4.1.8).
pub(crate) const DEFAULT_COLUMNS: [PropTag; 7] = [
    PropTag::PidTagAddressBookContainerId,
    PropTag::PidTagObjectType,
    PropTag::PidTagDisplayType,
    PropTag::PidTagDisplayName.with_type(PropType::PtypString8),
    PropTag::PidTagPrimaryTelephoneNumber.with_type(PropType::PtypString8),
    PropTag::PidTagDepartmentName.with_type(PropType::PtypString8),
    PropTag::PidTagOfficeLocation.with_type(PropType::PtypString8),
];

/// Every property that some object has, by its own type.
pub(crate) const KNOWN: &[PropTag] = &[
    PropTag::PidTagInstanceKey,
    PropTag::PidTagMappingSignature,
    PropTag::PidTagRecordKey,
    PropTag::PidTagObjectType,
    PropTag::PidTagEntryId,
    PropTag::PidTagDisplayName,
    PropTag::PidTagAddressType,
    PropTag::PidTagEmailAddress,
    PropTag::PidTagSearchKey,
    PropTag::PidTagDisplayType,
    PropTag::PidTagTemplateid,
    PropTag::PidTagDisplayTypeEx,
    PropTag::PidTagSmtpAddress,
    PropTag::PidTagAddressBookDisplayNamePrintable,
    PropTag::PidTagAccount,
    PropTag::PidTagGivenName,
    PropTag::PidTagBusinessTelephoneNumber,
    PropTag::PidTagSurname,
    PropTag::PidTagCompanyName,
    PropTag::PidTagTitle,
    PropTag::PidTagDepartmentName,
    PropTag::PidTagOfficeLocation,
    PropTag::PidTagPrimaryTelephoneNumber,
    PropTag::PidTagMobileTelephoneNumber,
    PropTag::PidTagTransmittableDisplayName,
    PropTag::PidTagLocality,
    PropTag::PidTagSendRichInfo,
    INITIAL_DETAILS_PANE,
    PropTag::PidTagAddressBookHomeMessageDatabase,
    PropTag::PidTagAddressBookIsMemberOfDistributionList,
    PropTag::PidTagAddressBookMember,
    PropTag::PidTagAddressBookProxyAddresses,
    PropTag::PidTagAddressBookObjectDistinguishedName,
    PropTag::PidTagAddressBookNetworkAddress,
    PropTag::PidTagAddressBookObjectGuid,
    PropTag::PidTagAddressBookDistributionListMemberCount,
    PropTag::PidTagAddressBookContainerId,
];

impl Directory {
    /// The property `tag` of `entry`, in the type of `tag`; an error code if it is missing.
    pub(crate) fn property(&self, entry: &Entry, tag: PropTag, view: View) -> TaggedValue {
        let missing = PropertyValue::Error(ErrorCode::MAPI_E_NOT_FOUND);
        let value =
            self.value(entry, tag, view).and_then(|value| typed(value, tag.prop_type(), view.code_page));
        TaggedValue::new(tag, value.unwrap_or(missing))
    }

    /// The property that `tag` names, in its own type; texts as UTF-16.
    pub(crate) fn value(&self, entry: &Entry, tag: PropTag, view: View) -> Option<PropertyValue> {
        let text = |text: &str| Some(PropertyValue::from(text));
        match tag.with_type(PropType::PtypUnspecified) {
            t if t.is_same_property(PropTag::PidTagDisplayName)
                || t.is_same_property(PropTag::PidTagTransmittableDisplayName) =>
            {
                text(&entry.display_name)
            }
            t if t.is_same_property(PropTag::PidTagAddressBookDisplayNamePrintable) => {
                text(&super::fold(&entry.display_name))
            }
            t if t.is_same_property(PropTag::PidTagAccount) => text(&entry.alias),
            t if t.is_same_property(PropTag::PidTagEmailAddress)
                || t.is_same_property(PropTag::PidTagAddressBookObjectDistinguishedName) =>
            {
                text(&entry.dn)
            }
            t if t.is_same_property(PropTag::PidTagAddressType) => text("EX"),
            t if t.is_same_property(PropTag::PidTagSmtpAddress) => text(entry.smtp()?),
            t if t.is_same_property(PropTag::PidTagAddressBookProxyAddresses) => proxy_addresses(entry),
            t if t.is_same_property(PropTag::PidTagSendRichInfo) => Some(PropertyValue::Boolean(true)),
            _ => self.identifier(entry, tag, view).or_else(|| particular(entry, tag)),
        }
    }

    /// Numbers and keys.
    fn identifier(&self, entry: &Entry, tag: PropTag, view: View) -> Option<PropertyValue> {
        Some(match tag.id() {
            0x0FF6 => PropertyValue::Binary(entry.mid.0.to_le_bytes().to_vec()),
            0x0FF8 => PropertyValue::Binary(FlatUid::GUID_NSPI.0.to_vec()),
            0x0FFE => PropertyValue::Integer32(match entry.kind {
                Kind::List { .. } => DISTLIST,
                Kind::Person(_) | Kind::Server { .. } => MAILUSER,
            }),
            0x0FFF if view.ephemeral => PropertyValue::Binary(self.ephemeral_id(entry)?),
            0x0FFF | 0x0FF9 | 0x3902 => PropertyValue::Binary(permanent_id(entry)?),
            0x300B => PropertyValue::Binary(format!("EX:{}\0", entry.dn.to_uppercase()).into_bytes()),
            0x3900 | 0x3905 => PropertyValue::Integer32(entry.display_type().0.cast_signed()),
            0x8C6D => PropertyValue::Binary(entry.guid.to_le().to_vec()),
            // The first pane of the details, and the global address list.
            0x3F08 | 0xFFFD => PropertyValue::Integer32(0),
            _ => return None,
        })
    }

    fn ephemeral_id(&self, entry: &Entry) -> Option<Vec<u8>> {
        let id =
            EphemeralEntryId { provider_uid: self.guid, display_type: entry.display_type(), mid: entry.mid };
        EntryId::Ephemeral(id).to_bytes().ok()
    }

    /// The tags of the properties of `entry`, with the types for a client with `code_page`.
    pub(crate) fn property_list(&self, entry: &Entry, skip_objects: bool, unicode: bool) -> Vec<PropTag> {
        let view = View { code_page: CodePage::UTF8, ephemeral: false };
        let has = |tag: &&PropTag| self.value(entry, **tag, view).is_some();
        let tags = KNOWN.iter().filter(has).filter(|tag| !skip_objects || !is_object(**tag));
        tags.map(|tag| text_type(*tag, unicode)).collect()
    }
}

/// Whether the property's own type is an embedded table.
pub(crate) fn is_object(tag: PropTag) -> bool {
    tag.prop_type() == PropType::PtypObject
}

/// `tag` with the type of text for a client.
pub(crate) fn text_type(tag: PropTag, unicode: bool) -> PropTag {
    match tag.prop_type() {
        PropType::PtypString if !unicode => tag.with_type(PropType::PtypString8),
        PropType::PtypMultipleString if !unicode => tag.with_type(PropType::PtypMultipleString8),
        _ => tag,
    }
}

/// The permanent entry id of an object.
pub(crate) fn permanent_id(entry: &Entry) -> Option<Vec<u8>> {
    container_id(entry.display_type(), &entry.dn)
}

/// The permanent entry id of anything that has a distinguished name.
pub(crate) fn container_id(display_type: mapi::nspi::DisplayType, dn: &str) -> Option<Vec<u8>> {
    let id = PermanentEntryId { display_type, distinguished_name: dn.as_bytes().to_vec() };
    EntryId::Permanent(id).to_bytes().ok()
}

/// The permanent entry id of the person with the distinguished name `dn`.
pub(crate) fn person_id(dn: &str) -> Vec<u8> {
    container_id(mapi::nspi::DisplayType::DT_MAILUSER, dn).unwrap_or_default()
}

fn proxy_addresses(entry: &Entry) -> Option<PropertyValue> {
    let smtp = entry.smtp()?;
    let x500 = format!("X500:{}", entry.dn);
    Some(PropertyValue::MultipleUnicode(vec![Utf16::new(&format!("SMTP:{smtp}")), Utf16::new(&x500)]))
}

/// The properties that only objects of one kind have.
fn particular(entry: &Entry, tag: PropTag) -> Option<PropertyValue> {
    let many =
        |texts: &[String]| PropertyValue::MultipleUnicode(texts.iter().map(|t| Utf16::new(t)).collect());
    let table =
        |members: &[MId]| (!members.is_empty()).then_some(PropertyValue::Absent(PropType::PtypObject));
    match (&entry.kind, tag.id()) {
        (Kind::Person(person), 0x8170) => Some(many(&person.bindings)),
        (Kind::Server { bindings }, 0x8170) => Some(many(bindings)),
        (Kind::List { members, .. }, 0x8009) => table(members),
        (Kind::List { members, .. }, 0x8CE2) => {
            i32::try_from(members.len()).ok().map(PropertyValue::Integer32)
        }
        (Kind::Person(person), 0x8008) => table(&person.lists),
        (Kind::Person(person), id) => {
            let text = match id {
                0x3A06 => &person.given,
                0x3A08 | 0x3A1A => &person.phone,
                0x3A11 => &person.surname,
                0x3A16 => &person.company,
                0x3A17 => &person.title,
                0x3A18 => &person.department,
                0x3A19 => &person.office,
                0x3A1C => &person.mobile,
                0x3A27 => &person.city,
                0x8006 => &person.database,
                _ => return None,
            };
            Some(PropertyValue::from(text.as_str()))
        }
        _ => None,
    }
}

/// `value` converted to `wanted`; `None` if that is not possible.
pub(crate) fn typed(value: PropertyValue, wanted: PropType, code_page: CodePage) -> Option<PropertyValue> {
    let wanted = match (wanted, &value) {
        (PropType::PtypUnspecified, PropertyValue::Unicode(_)) if !code_page.is_unicode() => {
            PropType::PtypString8
        }
        (PropType::PtypUnspecified, PropertyValue::MultipleUnicode(_)) if !code_page.is_unicode() => {
            PropType::PtypMultipleString8
        }
        (PropType::PtypUnspecified, value) => value.prop_type(),
        (wanted, _) => wanted,
    };
    if wanted == value.prop_type() {
        return Some(value);
    }
    match (wanted, value) {
        (PropType::PtypString8, PropertyValue::Unicode(text)) => {
            Some(PropertyValue::String8(code_page.encode(&text.to_string_lossy())))
        }
        (PropType::PtypMultipleString8, PropertyValue::MultipleUnicode(texts)) => {
            let texts = texts.iter().map(|text| code_page.encode(&text.to_string_lossy())).collect();
            Some(PropertyValue::MultipleString8(texts))
        }
        // A link to an object is converted to its name if a text is requested, and a name to a link.
        (PropType::PtypObject, PropertyValue::Unicode(_)) => {
            Some(PropertyValue::Absent(PropType::PtypObject))
        }
        _ => None,
    }
}
