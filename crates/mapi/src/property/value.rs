//! Property values ([MS-OXCDATA] 2.11), restrictions and rule actions. The latter contain values and are values, so
//! that all are defined in one file.

use wire::{FileTime, Guid, Utf16};

use super::operators::{BitmapOperator, FuzzyLevel, RelationalOperator};
use super::tag::{PropTag, PropType};
use crate::ErrorCode;
use crate::data::id::{FolderId, MessageId};
use crate::data::server_id::ServerId;

/// The value of a property ([MS-OXCDATA] 2.11.1).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PropertyValue {
    /// No value, where the layout allows it: `PtypNull` anywhere; `PtypObject` in address books; texts, binary and
    /// multivalued properties that an address book marks as absent.
    Absent(PropType),
    /// `PtypInteger16`.
    Integer16(i16),
    /// `PtypInteger32`.
    Integer32(i32),
    /// `PtypInteger64`.
    Integer64(i64),
    /// `PtypFloating32`.
    Floating32(f32),
    /// `PtypFloating64`.
    Floating64(f64),
    /// `PtypCurrency`, in units of 1/10,000.
    Currency(i64),
    /// `PtypFloatingTime`, in days since 30 December 1899.
    FloatingTime(f64),
    /// `PtypBoolean`.
    Boolean(bool),
    /// `PtypBoolean` whose byte is neither 0 nor 1.
    RawBoolean(u8),
    /// `PtypErrorCode`: the reason why the property has no value.
    Error(ErrorCode),
    /// `PtypString8`: bytes in the code page of the session, without a terminator.
    String8(Vec<u8>),
    /// `PtypString`.
    Unicode(Utf16),
    /// `PtypTime`.
    Time(FileTime),
    /// `PtypGuid`.
    Guid(Guid),
    /// `PtypBinary`.
    Binary(Vec<u8>),
    /// `PtypObject`: the bytes that represent the object.
    Object(Vec<u8>),
    /// `PtypServerId`.
    ServerId(ServerId),
    /// `PtypRestriction`.
    Restriction(Box<Restriction>),
    /// `PtypRuleAction`.
    RuleAction(Box<RuleAction>),
    /// `PtypMultipleInteger16`.
    MultipleInteger16(Vec<i16>),
    /// `PtypMultipleInteger32`.
    MultipleInteger32(Vec<i32>),
    /// `PtypMultipleInteger64`.
    MultipleInteger64(Vec<i64>),
    /// `PtypMultipleFloating32`.
    MultipleFloating32(Vec<f32>),
    /// `PtypMultipleFloating64`.
    MultipleFloating64(Vec<f64>),
    /// `PtypMultipleCurrency`.
    MultipleCurrency(Vec<i64>),
    /// `PtypMultipleFloatingTime`.
    MultipleFloatingTime(Vec<f64>),
    /// `PtypMultipleString8`.
    MultipleString8(Vec<Vec<u8>>),
    /// `PtypMultipleString`.
    MultipleUnicode(Vec<Utf16>),
    /// `PtypMultipleTime`.
    MultipleTime(Vec<FileTime>),
    /// `PtypMultipleGuid`.
    MultipleGuid(Vec<Guid>),
    /// `PtypMultipleBinary`.
    MultipleBinary(Vec<Vec<u8>>),
    /// A multivalued text or binary property, some of whose values an address book marks as absent.
    PartlyAbsent {
        /// The values; absent ones are empty.
        values: Box<PropertyValue>,
        /// The indexes of the absent values, in ascending order.
        absent: Vec<u32>,
    },
    /// A value with its type, in a column of type `PtypUnspecified` (`TypedPropertyValue`, [MS-OXCDATA] 2.11.3).
    Typed(Box<TypedValue>),
}

/// A value with the type that was transmitted with it (`TypedPropertyValue`, [MS-OXCDATA] 2.11.3).
#[derive(Debug, Clone, PartialEq)]
pub struct TypedValue {
    /// The type. It has [`PropType::MULTIVALUE_INSTANCE`] if the value is one of several.
    pub prop_type: PropType,
    /// The value, which is not [`PropertyValue::Typed`] itself.
    pub value: PropertyValue,
}

impl TypedValue {
    /// Combines `value` with its type.
    pub fn new(value: PropertyValue) -> Self {
        Self { prop_type: value.prop_type(), value }
    }
}

/// A property tag and a value (`TaggedPropertyValue`, [MS-OXCDATA] 2.11.4).
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedValue {
    /// The tag, whose type is that of the value.
    pub tag: PropTag,
    /// The value, of the type of the tag.
    pub value: PropertyValue,
}

impl TaggedValue {
    /// Creates the property `tag` with `value`; the type of the tag is set to that of the value.
    pub fn new(tag: PropTag, value: PropertyValue) -> Self {
        Self { tag: tag.with_type(value.prop_type()), value }
    }

    /// The absent operand of a restriction, which only address books allow.
    pub const fn absent() -> Self {
        Self { tag: PropTag(0), value: PropertyValue::Absent(PropType::PtypUnspecified) }
    }

    /// Whether this is [`TaggedValue::absent`].
    pub fn is_absent(&self) -> bool {
        self.tag.0 == 0 && self.value == PropertyValue::Absent(PropType::PtypUnspecified)
    }
}

/// A condition on an object ([MS-OXCDATA] 2.12), which [`Display`](std::fmt::Display) formats as text.
#[derive(Debug, Clone, PartialEq)]
pub enum Restriction {
    /// All of these match.
    And(Vec<Self>),
    /// At least one of these matches.
    Or(Vec<Self>),
    /// This does not match.
    Not(Box<Self>),
    /// The value of a property contains a text or bytes.
    Content {
        /// The precision of the comparison.
        fuzzy_level: FuzzyLevel,
        /// The property whose value is examined.
        tag: PropTag,
        /// The text or bytes that the value must contain.
        value: TaggedValue,
    },
    /// The value of a property is compared with a constant by `relop`.
    Property {
        /// The comparison operator.
        relop: RelationalOperator,
        /// The property whose value is examined.
        tag: PropTag,
        /// The constant with which the value is compared.
        value: TaggedValue,
    },
    /// The values of two properties are compared by `relop`.
    CompareProperties {
        /// The comparison operator.
        relop: RelationalOperator,
        /// The first property.
        tag1: PropTag,
        /// The second property.
        tag2: PropTag,
    },
    /// Bits of the value of a property are set or not.
    BitMask {
        /// Whether the bits must be zero or not.
        operator: BitmapOperator,
        /// The property whose value is examined.
        tag: PropTag,
        /// The mask of the examined bits.
        mask: u32,
    },
    /// The size of the value of a property is compared with a number by `relop`.
    Size {
        /// The comparison operator.
        relop: RelationalOperator,
        /// The property whose value is examined.
        tag: PropTag,
        /// The size, in bytes.
        size: u32,
    },
    /// The object has a property.
    Exist {
        /// The property whose value is examined.
        tag: PropTag,
    },
    /// An object within the object matches.
    SubObject {
        /// The property that contains the objects.
        object: PropTag,
        /// The nested restriction.
        restriction: Box<Self>,
    },
    /// The nested restriction, with properties that the client stores; matches if there is no restriction.
    Comment {
        /// The properties of the client, at most 255.
        values: Vec<TaggedValue>,
        /// The nested restriction.
        restriction: Option<Box<Self>>,
    },
    /// The nested restriction, limited to a number of matching rows.
    Count {
        /// The maximum number of rows that match.
        count: u32,
        /// The nested restriction.
        restriction: Box<Self>,
    },
}

wire::wire_enum! {
    /// The type of a rule's action ([MS-OXORULE] 2.2.5.1).
    pub struct ActionType(u8) {
        /// Moves the message.
        OP_MOVE = 0x01,
        /// Copies the message.
        OP_COPY = 0x02,
        /// Replies to the message.
        OP_REPLY = 0x03,
        /// Sends an out-of-office reply.
        OP_OOF_REPLY = 0x04,
        /// Defers the action to the client.
        OP_DEFER_ACTION = 0x05,
        /// Rejects the message.
        OP_BOUNCE = 0x06,
        /// Forwards the message.
        OP_FORWARD = 0x07,
        /// Forwards the message to a delegate.
        OP_DELEGATE = 0x08,
        /// Sets a property of the message.
        OP_TAG = 0x09,
        /// Deletes the message.
        OP_DELETE = 0x0A,
        /// Marks the message as read.
        OP_MARK_AS_READ = 0x0B,
    }
}

/// The actions of a rule, in order ([MS-OXORULE] 2.2.5). In [`Layout::Rop`](super::Layout::Rop) they are those of a
/// standard rule, in other layouts those of an extended rule.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RuleAction(pub Vec<ActionBlock>);

/// An action of a rule ([MS-OXORULE] 2.2.5.1).
#[derive(Debug, Clone, PartialEq)]
pub struct ActionBlock {
    /// The type of the action.
    pub action_type: ActionType,
    /// The variant of the action ([MS-OXORULE] 2.2.5.1.1).
    pub flavor: u32,
    /// Flags that the client defines.
    pub flags: u32,
    /// The parameters of the action.
    pub data: ActionData,
}

/// The parameters of an action ([MS-OXORULE] 2.2.5.1.2).
#[derive(Debug, Clone, PartialEq)]
pub enum ActionData {
    /// For `OP_MOVE` and `OP_COPY`: the destination.
    MoveCopy {
        /// 1 if the folder is in this mailbox, 0 if not; only in standard rules.
        folder_in_this_store: Option<u8>,
        /// The entry id of the message store.
        store_eid: Vec<u8>,
        /// The folder: for a folder of this mailbox in standard rules, the bytes that
        /// [`ServerId::parse`](crate::data::ServerId::parse) decodes; otherwise an entry id.
        folder_eid: Vec<u8>,
    },
    /// For `OP_REPLY` and `OP_OOF_REPLY` in a standard rule: the reply template.
    Reply {
        /// The folder of the template.
        folder_id: FolderId,
        /// The message that is the template.
        message_id: MessageId,
        /// The GUID of the template.
        template_guid: Guid,
    },
    /// For `OP_REPLY` and `OP_OOF_REPLY` in an extended rule: the reply template.
    ReplyByEntryId {
        /// The entry id of the template.
        message_eid: Vec<u8>,
        /// The GUID of the template.
        template_guid: Guid,
    },
    /// For `OP_DEFER_ACTION`: data that the client interprets.
    Defer(Vec<u8>),
    /// For `OP_BOUNCE`: the reason.
    Bounce(u32),
    /// For `OP_FORWARD` and `OP_DELEGATE`: the recipients.
    Recipients(Vec<RecipientBlock>),
    /// For `OP_TAG`: the property to set.
    Tag(TaggedValue),
    /// For `OP_DELETE` and `OP_MARK_AS_READ`: no parameters.
    None,
    /// The bytes of an action whose type is unknown, or whose data have another form.
    Opaque(Vec<u8>),
}

/// A recipient of a rule action ([MS-OXORULE] 2.2.5.1.2.4.1).
#[derive(Debug, Clone, PartialEq)]
pub struct RecipientBlock {
    /// Reserved.
    pub reserved: u8,
    /// The properties of the recipient.
    pub properties: Vec<TaggedValue>,
}
