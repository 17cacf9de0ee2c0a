//! Property values ([MS-OXCDATA] 2.11), and the restrictions and rule actions that hold values and are values
//! themselves. They contain one another, and so are defined in one place.

use wire::{FileTime, Guid, Utf16};

use super::operators::{BitmapOperator, FuzzyLevel, RelationalOperator};
use super::tag::{PropTag, PropType};
use crate::ErrorCode;
use crate::data::id::{FolderId, MessageId};
use crate::data::server_id::ServerId;

/// A property's value ([MS-OXCDATA] 2.11.1).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PropertyValue {
    /// No value, where its place allows that: `PtypNull` anywhere; `PtypObject` in address books; texts, bytes
    /// and multiple values that an address book says it has not got.
    None(PropType),
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
    /// `PtypCurrency`, in ten-thousandths.
    Currency(i64),
    /// `PtypFloatingTime`, in days since 30 December 1899.
    FloatingTime(f64),
    /// `PtypBoolean`.
    Boolean(bool),
    /// `PtypBoolean` whose byte is neither 0 nor 1.
    OddBoolean(u8),
    /// `PtypErrorCode`: why there is no value.
    Error(ErrorCode),
    /// `PtypString8`: bytes in the code page of the conversation, without a terminator.
    String8(Vec<u8>),
    /// `PtypString`.
    Unicode(Utf16),
    /// `PtypTime`.
    Time(FileTime),
    /// `PtypGuid`.
    Guid(Guid),
    /// `PtypBinary`.
    Binary(Vec<u8>),
    /// `PtypObject`, as the bytes that stand for it.
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
    /// Several texts or rows of bytes of which an address book says that some are absent.
    Sparse {
        /// The values, empty where they are absent.
        values: Box<PropertyValue>,
        /// The places of the absent ones, in rising order.
        absent: Vec<u32>,
    },
    /// A value together with its type, where a column's type is `PtypUnspecified` (`TypedPropertyValue`,
    /// [MS-OXCDATA] 2.11.3).
    Typed(Box<TypedValue>),
}

/// A value with the type that it was sent with (`TypedPropertyValue`, [MS-OXCDATA] 2.11.3).
#[derive(Debug, Clone, PartialEq)]
pub struct TypedValue {
    /// The type. It has [`PropType::MULTIVALUE_INSTANCE`] where the value is one of several.
    pub prop_type: PropType,
    /// The value, itself not [`PropertyValue::Typed`].
    pub value: PropertyValue,
}

impl TypedValue {
    /// `value` with its type.
    pub fn new(value: PropertyValue) -> Self {
        Self { prop_type: value.prop_type(), value }
    }
}

/// A property's tag with its value (`TaggedPropertyValue`, [MS-OXCDATA] 2.11.4).
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedValue {
    /// Which property; its type says what the value is.
    pub tag: PropTag,
    /// The value.
    pub value: PropertyValue,
}

impl TaggedValue {
    /// The property of `tag` with `value`, whose type the tag takes on.
    pub fn new(tag: PropTag, value: PropertyValue) -> Self {
        Self { tag: tag.with_type(value.prop_type()), value }
    }

    /// What stands for a value that a restriction lacks, which only address books allow.
    pub const fn absent() -> Self {
        Self { tag: PropTag(0), value: PropertyValue::None(PropType::PtypUnspecified) }
    }

    /// Whether this is [`TaggedValue::absent`].
    pub fn is_absent(&self) -> bool {
        self.tag.0 == 0 && self.value == PropertyValue::None(PropType::PtypUnspecified)
    }
}

/// A condition on an object ([MS-OXCDATA] 2.12). Its `Display` is a sentence.
#[derive(Debug, Clone, PartialEq)]
pub enum Restriction {
    /// All of these hold.
    And(Vec<Self>),
    /// At least one of these holds.
    Or(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// A property's value contains another.
    Content {
        /// How precisely.
        fuzzy_level: FuzzyLevel,
        /// The property looked at.
        tag: PropTag,
        /// What it has to contain.
        value: TaggedValue,
    },
    /// A property's value compares to another.
    Property {
        /// How.
        relop: RelationalOperator,
        /// The property looked at.
        tag: PropTag,
        /// What it is compared to.
        value: TaggedValue,
    },
    /// Two properties compare.
    CompareProperties {
        /// How.
        relop: RelationalOperator,
        /// The first property.
        tag1: PropTag,
        /// The second property.
        tag2: PropTag,
    },
    /// Bits of a property are set or not.
    BitMask {
        /// Which of both.
        operator: BitmapOperator,
        /// The property looked at.
        tag: PropTag,
        /// The bits.
        mask: u32,
    },
    /// The size of a property's value compares to a number.
    Size {
        /// How.
        relop: RelationalOperator,
        /// The property looked at.
        tag: PropTag,
        /// The number of bytes.
        size: u32,
    },
    /// The object has a property.
    Exist {
        /// The property looked for.
        tag: PropTag,
    },
    /// This holds for an object within.
    SubObject {
        /// The property that holds the objects.
        object: PropTag,
        /// What has to hold.
        restriction: Box<Self>,
    },
    /// The restriction inside, if there is one; properties of the client's are kept with it.
    Comment {
        /// The notes, at most 255.
        values: Vec<TaggedValue>,
        /// What has to hold.
        restriction: Option<Box<Self>>,
    },
    /// This holds, and fewer than so many rows before this one met it.
    Count {
        /// How many rows.
        count: u32,
        /// What has to hold.
        restriction: Box<Self>,
    },
}

wire::wire_enum! {
    /// What a rule does ([MS-OXORULE] 2.2.5.1).
    pub struct ActionType(u8) {
        /// Moves the message.
        OP_MOVE = 0x01,
        /// Copies the message.
        OP_COPY = 0x02,
        /// Replies to the message.
        OP_REPLY = 0x03,
        /// Replies that its owner is out of office.
        OP_OOF_REPLY = 0x04,
        /// Leaves it to the client.
        OP_DEFER_ACTION = 0x05,
        /// Refuses the message.
        OP_BOUNCE = 0x06,
        /// Forwards the message.
        OP_FORWARD = 0x07,
        /// Sends the message on to a delegate.
        OP_DELEGATE = 0x08,
        /// Sets a property of the message.
        OP_TAG = 0x09,
        /// Deletes the message.
        OP_DELETE = 0x0A,
        /// Marks the message as read.
        OP_MARK_AS_READ = 0x0B,
    }
}

/// What a rule does, one after the other ([MS-OXORULE] 2.2.5). In [`Layout::Rop`](super::Layout::Rop) it is that of a
/// standard rule, in the others that of an extended one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RuleAction(pub Vec<ActionBlock>);

/// One thing that a rule does ([MS-OXORULE] 2.2.5.1).
#[derive(Debug, Clone, PartialEq)]
pub struct ActionBlock {
    /// What it is.
    pub action_type: ActionType,
    /// Variants of it.
    pub flavor: u32,
    /// What a client notes with it.
    pub flags: u32,
    /// The rest.
    pub data: ActionData,
}

/// What an action needs to know ([MS-OXORULE] 2.2.5.1.2).
#[derive(Debug, Clone, PartialEq)]
pub enum ActionData {
    /// Of `OP_MOVE` and `OP_COPY`: where to.
    MoveCopy {
        /// Whether the folder is in this mailbox, 1 or 0; only standard rules say so.
        folder_in_this_store: Option<u8>,
        /// The store's entry id.
        store_eid: Vec<u8>,
        /// The folder: in this mailbox what [`ServerId::parse`](crate::data::ServerId::parse) takes, in extended
        /// rules and elsewhere an entry id.
        folder_eid: Vec<u8>,
    },
    /// Of `OP_REPLY` and `OP_OOF_REPLY` in a standard rule: with what.
    Reply {
        /// The template's folder.
        folder_id: FolderId,
        /// The template.
        message_id: MessageId,
        /// The template's own id.
        template_guid: Guid,
    },
    /// Of `OP_REPLY` and `OP_OOF_REPLY` in an extended rule: with what.
    ReplyByEntryId {
        /// The template's entry id.
        message_eid: Vec<u8>,
        /// The template's own id.
        template_guid: Guid,
    },
    /// Of `OP_DEFER_ACTION`: what the client understands.
    Defer(Vec<u8>),
    /// Of `OP_BOUNCE`: for what reason.
    Bounce(u32),
    /// Of `OP_FORWARD` and `OP_DELEGATE`: the recipients.
    Recipients(Vec<RecipientBlock>),
    /// Of `OP_TAG`: the property to be set.
    Tag(TaggedValue),
    /// Of `OP_DELETE` and `OP_MARK_AS_READ`: nothing.
    None,
    /// Of an action that is not known, or whose data are of another shape: their bytes.
    Opaque(Vec<u8>),
}

/// A recipient of a rule action ([MS-OXORULE] 2.2.5.1.2.4.1).
#[derive(Debug, Clone, PartialEq)]
pub struct RecipientBlock {
    /// Reserved.
    pub reserved: u8,
    /// The recipient's properties.
    pub properties: Vec<TaggedValue>,
}
