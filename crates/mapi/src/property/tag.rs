//! Property types and property tags ([MS-OXCDATA] 2.9, 2.11.1).

wire::wire_enum! {
    /// The type of a property's value ([MS-OXCDATA] 2.11.1).
    pub struct PropType(u16) {
        /// Any type; in requests, the server selects the type.
        PtypUnspecified = 0x0000,
        /// No value.
        PtypNull = 0x0001,
        /// A signed 16-bit integer.
        PtypInteger16 = 0x0002,
        /// A signed 32-bit integer.
        PtypInteger32 = 0x0003,
        /// A 32-bit floating-point number.
        PtypFloating32 = 0x0004,
        /// A 64-bit floating-point number.
        PtypFloating64 = 0x0005,
        /// A signed 64-bit integer in units of 1/10,000.
        PtypCurrency = 0x0006,
        /// Days since 30 December 1899, as a 64-bit floating-point number.
        PtypFloatingTime = 0x0007,
        /// An error code in place of a value.
        PtypErrorCode = 0x000A,
        /// A truth value.
        PtypBoolean = 0x000B,
        /// An object, or a table in it (`PtypEmbeddedTable`).
        PtypObject = 0x000D,
        /// A signed 64-bit integer.
        PtypInteger64 = 0x0014,
        /// A text in the code page of the session.
        PtypString8 = 0x001E,
        /// A text in UTF-16.
        PtypString = 0x001F,
        /// A `FILETIME`.
        PtypTime = 0x0040,
        /// A GUID of 16 bytes.
        PtypGuid = 0x0048,
        /// The identifier of a folder or message on a server.
        PtypServerId = 0x00FB,
        /// A restriction, for rules and search folders.
        PtypRestriction = 0x00FD,
        /// The actions of a rule.
        PtypRuleAction = 0x00FE,
        /// Bytes.
        PtypBinary = 0x0102,
        /// Several signed 16-bit integers.
        PtypMultipleInteger16 = 0x1002,
        /// Several signed 32-bit integers.
        PtypMultipleInteger32 = 0x1003,
        /// Several 32-bit floating-point numbers.
        PtypMultipleFloating32 = 0x1004,
        /// Several 64-bit floating-point numbers.
        PtypMultipleFloating64 = 0x1005,
        /// Several currency values.
        PtypMultipleCurrency = 0x1006,
        /// Several floating-point times.
        PtypMultipleFloatingTime = 0x1007,
        /// Several signed 64-bit integers.
        PtypMultipleInteger64 = 0x1014,
        /// Several texts in the code page of the session.
        PtypMultipleString8 = 0x101E,
        /// Several texts in UTF-16.
        PtypMultipleString = 0x101F,
        /// Several `FILETIME`s.
        PtypMultipleTime = 0x1040,
        /// Several GUIDs.
        PtypMultipleGuid = 0x1048,
        /// Several byte strings.
        PtypMultipleBinary = 0x1102,
    }
}

impl PropType {
    /// The bit of multivalued types (`MultivalueFlag`).
    pub const MULTIVALUE: u16 = 0x1000;
    /// The bit that requests a row for each value of a multivalued property (`MultivalueInstance`, [MS-OXCDATA]
    /// 2.13.1).
    pub const MULTIVALUE_INSTANCE: u16 = 0x2000;

    /// Whether the type is multivalued. With [`Self::MULTIVALUE_INSTANCE`], it is not: each row has one value.
    pub const fn is_multiple(self) -> bool {
        self.0 & (Self::MULTIVALUE | Self::MULTIVALUE_INSTANCE) == Self::MULTIVALUE
    }

    /// The type of the values in a column of this type: with [`Self::MULTIVALUE_INSTANCE`], the type of a single value,
    /// otherwise the type itself.
    #[must_use]
    pub const fn of_value(self) -> Self {
        if self.0 & Self::MULTIVALUE_INSTANCE != 0 {
            Self(self.0 & !(Self::MULTIVALUE | Self::MULTIVALUE_INSTANCE))
        } else {
            self
        }
    }

    /// Whether the values are texts, of 8-bit or 16-bit characters.
    pub const fn is_text(self) -> bool {
        matches!(self.0 & !Self::MULTIVALUE, 0x001E | 0x001F)
    }
}

/// A property tag: the id of a property in the upper 16 bits, the type of its value in the lower 16 bits ([MS-OXCDATA]
/// 2.9).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PropTag(pub u32);

impl PropTag {
    /// Creates the tag of the property `id` with values of the type `prop_type`.
    #[expect(clippy::as_conversions, reason = "u32::from is not yet usable in constants; both widen")]
    pub const fn new(id: u16, prop_type: PropType) -> Self {
        Self((id as u32) << 16 | prop_type.0 as u32)
    }

    /// The id of the property.
    pub const fn id(self) -> u16 {
        let [_, _, c, d] = self.0.to_le_bytes();
        u16::from_le_bytes([c, d])
    }

    /// The type of the value.
    pub const fn prop_type(self) -> PropType {
        let [a, b, _, _] = self.0.to_le_bytes();
        PropType(u16::from_le_bytes([a, b]))
    }

    /// The tag of the same property with another type.
    #[must_use]
    pub const fn with_type(self, prop_type: PropType) -> Self {
        Self::new(self.id(), prop_type)
    }

    /// Whether both tags identify the same property, with any types.
    pub const fn is_same_property(self, other: Self) -> bool {
        self.id() == other.id()
    }
}
