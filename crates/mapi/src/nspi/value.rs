//! Property values and rows in NDR ([MS-OXNSPI] 2.2.2).

use rpc::ndr::{CharString, Counted, Ptr, SizedPtr, WcharString};
use rpc::{ndr_struct, ndr_union};
use wire::FileTime;

use crate::ErrorCode;
use crate::data::FlatUid;
use crate::property::{PropTag, PropType};

ndr_union! {
    /// `PROP_VAL_UNION`: the value of a property ([MS-OXNSPI] 2.2.2.11). The discriminant is the type of the property.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Value as "PROP_VAL_UNION" {
        /// `PtypInteger16`.
        0x0002 => Integer16(i16) = "i",
        /// `PtypInteger32`.
        0x0003 => Integer32(i32) = "l",
        /// `PtypBoolean`: zero is false.
        0x000B => Boolean(u16) = "b",
        /// `PtypString8`: bytes in the code page of the operation.
        0x001E => String8(Ptr<CharString>) = "lpszA",
        /// `PtypBinary`.
        0x0102 => Binary(SizedPtr<u8>) = "bin",
        /// `PtypString`.
        0x001F => Unicode(Ptr<WcharString>) = "lpszW",
        /// `PtypGuid`.
        0x0048 => Guid(Ptr<FlatUid>) = "lpguid",
        /// `PtypTime`.
        0x0040 => Time(FileTime) = "ft",
        /// `PtypErrorCode`: the reason why the property has no value.
        0x000A => Error(ErrorCode) = "err",
        /// `PtypMultipleInteger16`.
        0x1002 => MultipleInteger16(SizedPtr<i16>) = "MVi",
        /// `PtypMultipleInteger32`.
        0x1003 => MultipleInteger32(SizedPtr<i32>) = "MVl",
        /// `PtypMultipleString8`.
        0x101E => MultipleString8(SizedPtr<Ptr<CharString>>) = "MVszA",
        /// `PtypMultipleBinary`.
        0x1102 => MultipleBinary(SizedPtr<SizedPtr<u8>>) = "MVbin",
        /// `PtypMultipleGuid`.
        0x1048 => MultipleGuid(SizedPtr<Ptr<FlatUid>>) = "MVguid",
        /// `PtypMultipleString`.
        0x101F => MultipleUnicode(SizedPtr<Ptr<WcharString>>) = "MVszW",
        /// `PtypMultipleTime`.
        0x1040 => MultipleTime(SizedPtr<FileTime>) = "MVft",
        /// `PtypNull`, with a reserved number.
        0x0001 => Null(i32) = "lReserved",
        /// `PtypObject`, that is `PtypEmbeddedTable`, with a reserved number.
        0x000D => Object(i32) = "lReserved",
        /// `PtypUnspecified`, with a reserved number.
        0x0000 => Unspecified(i32) = "lReserved",
    }
}

impl Value {
    /// The type of the tags of this value.
    pub fn prop_type(&self) -> PropType {
        u16::try_from(self.discriminant()).map_or(PropType::PtypUnspecified, PropType)
    }
}

ndr_struct! {
    /// `PropertyValue_r`: a property and its value ([MS-OXNSPI] 2.2.2.12).
    #[derive(Debug, Clone, PartialEq)]
    pub struct PropertyValue as "PropertyValue_r" {
        /// The tag of the property, whose type should be that of the value.
        pub tag: PropTag = "ulPropTag",
        /// Reserved, zero.
        pub reserved: u32 = "ulReserved",
        /// The value, of the type of the tag.
        pub value: Value = "Value",
    }
}

impl PropertyValue {
    /// Creates the property `tag` with `value`; the type of the tag is set to that of the value.
    pub fn new(tag: PropTag, value: Value) -> Self {
        Self { tag: tag.with_type(value.prop_type()), reserved: 0, value }
    }
}

ndr_struct! {
    /// `PropertyRow_r`: a row of a table ([MS-OXNSPI] 2.2.3).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct PropertyRow as "PropertyRow_r" {
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The properties, in the order of the requested columns.
        pub properties: SizedPtr<PropertyValue> = "lpProps",
    }
}

impl PropertyRow {
    /// Creates a row of `properties`.
    pub const fn new(properties: Vec<PropertyValue>) -> Self {
        Self { reserved: 0, properties: SizedPtr::new(properties) }
    }

    /// The value of the property `tag`, of any type.
    pub fn get(&self, tag: PropTag) -> Option<&Value> {
        let mut properties = self.properties.as_slice().iter();
        properties.find(|property| property.tag.is_same_property(tag)).map(|property| &property.value)
    }
}

/// `PropertyRowSet_r`: the rows of a table ([MS-OXNSPI] 2.2.4).
pub type PropertyRowSet = Counted<PropertyRow>;
