//! Property sets of named properties ([MS-OXPROPS] 1.3.2).

use wire::Guid;

macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident = $data1:literal, $data2:literal, $data3:literal, $data4:expr;)*) => {
        $(
            $(#[$doc])*
            #[allow(non_upper_case_globals)]
            pub const $name: Guid = Guid::new($data1, $data2, $data3, $data4);
        )*

        /// All property sets with their names, in the order of their GUIDs.
        pub(super) static ALL: &[(Guid, &str)] = &[$(($name, stringify!($name)),)*];
    };
}

/// The last eight bytes of GUIDs that were allocated for OLE.
const OLE: [u8; 8] = [0xC0, 0, 0, 0, 0, 0, 0, 0x46];

sets! {
    /// Properties with ids below 0x8000 ([MS-OXCDATA] 2.6).
    PS_MAPI = 0x0002_0328, 0, 0, OLE;
    /// Properties that applications and users define.
    PS_PUBLIC_STRINGS = 0x0002_0329, 0, 0, OLE;
    /// Email addresses before their conversion by a gateway.
    PS_ROUTING_EMAIL_ADDRESSES = 0x0002_0380, 0, 0, OLE;
    /// Address types before their conversion by a gateway.
    PS_ROUTING_ADDRTYPE = 0x0002_0381, 0, 0, OLE;
    /// Display names before their conversion by a gateway.
    PS_ROUTING_DISPLAY_NAME = 0x0002_0382, 0, 0, OLE;
    /// Entry ids before their conversion by a gateway.
    PS_ROUTING_ENTRYID = 0x0002_0383, 0, 0, OLE;
    /// Search keys before their conversion by a gateway.
    PS_ROUTING_SEARCH_KEY = 0x0002_0384, 0, 0, OLE;
    /// Header fields of Internet messages.
    PS_INTERNET_HEADERS = 0x0002_0386, 0, 0, OLE;
    /// Properties of appointments and meetings.
    PSETID_Appointment = 0x0006_2002, 0, 0, OLE;
    /// Properties of tasks.
    PSETID_Task = 0x0006_2003, 0, 0, OLE;
    /// Properties of contacts.
    PSETID_Address = 0x0006_2004, 0, 0, OLE;
    /// Properties that all kinds of messages may have.
    PSETID_Common = 0x0006_2008, 0, 0, OLE;
    /// Properties of journal entries.
    PSETID_Log = 0x0006_200A, 0, 0, OLE;
    /// Properties of sticky notes.
    PSETID_Note = 0x0006_200E, 0, 0, OLE;
    /// Properties of delivery and read reports.
    PSETID_Report = 0x0006_2013, 0, 0, OLE;
    /// Properties of messages of which only the header was downloaded.
    PSETID_Remote = 0x0006_2014, 0, 0, OLE;
    /// Properties of sharing messages, which offer or request access to folders.
    PSETID_Sharing = 0x0006_2040, 0, 0, OLE;
    /// Properties of RSS items.
    PSETID_PostRss = 0x0006_2041, 0, 0, OLE;
    /// Properties that servers set when they process meeting requests.
    PSETID_CalendarAssistant = 0x1100_0E07, 0xB51B, 0x40D6, [0xAF, 0x21, 0xCA, 0xA8, 0x5E, 0xDA, 0xB1, 0xD0];
    /// Entities, such as addresses and contacts, that were extracted from the text of a message.
    PSETID_XmlExtractedEntities = 0x2323_9608, 0x685D, 0x4732, [0x9C, 0x55, 0x4C, 0x95, 0xCB, 0x4E, 0x8E, 0x33];
    /// Defined by [MS-OXPROPS] 1.3.2; no known property is in this set.
    PSETID_Messaging = 0x41F2_8F13, 0x83F4, 0x4114, [0xA5, 0x84, 0xEE, 0xDB, 0x5A, 0x6B, 0x0B, 0xFF];
    /// Properties of voice messages.
    PSETID_UnifiedMessaging = 0x4442_858E, 0xA9E3, 0x4E80, [0xB9, 0x00, 0x31, 0x7A, 0x21, 0x0C, 0xC1, 0x5B];
    /// Properties of meeting requests and responses.
    PSETID_Meeting = 0x6ED8_DA90, 0x450B, 0x101B, [0x98, 0xDA, 0x00, 0xAA, 0x00, 0x3F, 0x13, 0x05];
    /// Properties of mobile devices that synchronise over `ActiveSync`.
    PSETID_AirSync = 0x7103_5549, 0x0739, 0x4DCB, [0x91, 0x63, 0x00, 0xF0, 0x58, 0x0D, 0xBB, 0xDF];
    /// Properties of attachments.
    PSETID_Attachment = 0x9635_7F7F, 0x59E1, 0x47D0, [0x99, 0xA7, 0x46, 0x51, 0x5C, 0x18, 0x3B, 0x54];
}

/// The name of the property set `set`, if it is known.
pub fn name(set: &Guid) -> Option<&'static str> {
    let at = ALL.binary_search_by(|(guid, _)| guid.cmp(set)).ok()?;
    ALL.get(at).map(|(_, name)| *name)
}

/// The GUID of the property set with this name, if it is known.
pub fn from_name(name: &str) -> Option<Guid> {
    ALL.iter().find(|(_, known)| *known == name).map(|(guid, _)| *guid)
}
