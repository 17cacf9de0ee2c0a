//! Restrictions ([MS-OXCDATA] 2.12).

use super::{PropTag, TaggedValue};

wire::wire_enum! {
    /// The kinds of restriction ([MS-OXCDATA] 2.12).
    pub struct RestrictionType(u8) {
        /// All of several hold.
        AndRestriction = 0x00,
        /// At least one of several holds.
        OrRestriction = 0x01,
        /// Another does not hold.
        NotRestriction = 0x02,
        /// A text or bytes contain others.
        ContentRestriction = 0x03,
        /// A property compares to a value.
        PropertyRestriction = 0x04,
        /// A property compares to another.
        ComparePropertiesRestriction = 0x05,
        /// Bits of a property are set.
        BitMaskRestriction = 0x06,
        /// A value's size compares to a number.
        SizeRestriction = 0x07,
        /// A property exists.
        ExistRestriction = 0x08,
        /// Another holds for a message's recipients or attachments.
        SubObjectRestriction = 0x09,
        /// Another, with a comment.
        CommentRestriction = 0x0A,
        /// Another, for so many rows.
        CountRestriction = 0x0B,
    }
}

wire::wire_enum! {
    /// How two values compare ([MS-OXCDATA] 2.12.5.1).
    pub struct RelationalOperator(u32) {
        /// Less.
        RELOP_LT = 0x00,
        /// Less or equal.
        RELOP_LE = 0x01,
        /// Greater.
        RELOP_GT = 0x02,
        /// Greater or equal.
        RELOP_GE = 0x03,
        /// Equal.
        RELOP_EQ = 0x04,
        /// Not equal.
        RELOP_NE = 0x05,
        /// Like a regular expression; reserved.
        RELOP_RE = 0x06,
        /// A member of a distribution list.
        RELOP_MEMBER_OF_DL = 0x64,
    }
}

wire::wire_enum! {
    /// How bits are tested ([MS-OXCDATA] 2.12.7.1).
    pub struct BitmapOperator(u32) {
        /// None of the bits is set.
        BMR_EQZ = 0x00,
        /// One of the bits is set.
        BMR_NEZ = 0x01,
    }
}

wire::wire_flags! {
    /// How precisely contents have to match: where in the lower half, what is overlooked in the upper one
    /// ([MS-OXCDATA] 2.12.4.1). No bit in the lower half means the full string.
    pub struct FuzzyLevel(u32) {
        /// Anywhere within.
        FL_SUBSTRING = 0x0000_0001,
        /// At the beginning.
        FL_PREFIX = 0x0000_0002,
        /// Whatever the case.
        FL_IGNORECASE = 0x0001_0000,
        /// Whatever the accents.
        FL_IGNORENONSPACE = 0x0002_0000,
        /// Whatever can be overlooked.
        FL_LOOSE = 0x0004_0000,
    }
}

rpc::ndr_newtype!(RelationalOperator => u32, BitmapOperator => u32, FuzzyLevel => u32);

/// A condition on an object ([MS-OXCDATA] 2.12). Shown, it is a sentence for people to read.
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
    /// This holds, or anything where there is none; a program's notes are kept with it.
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

impl Restriction {
    /// The kind.
    pub const fn restriction_type(&self) -> RestrictionType {
        match self {
            Self::And(_) => RestrictionType::AndRestriction,
            Self::Or(_) => RestrictionType::OrRestriction,
            Self::Not(_) => RestrictionType::NotRestriction,
            Self::Content { .. } => RestrictionType::ContentRestriction,
            Self::Property { .. } => RestrictionType::PropertyRestriction,
            Self::CompareProperties { .. } => RestrictionType::ComparePropertiesRestriction,
            Self::BitMask { .. } => RestrictionType::BitMaskRestriction,
            Self::Size { .. } => RestrictionType::SizeRestriction,
            Self::Exist { .. } => RestrictionType::ExistRestriction,
            Self::SubObject { .. } => RestrictionType::SubObjectRestriction,
            Self::Comment { .. } => RestrictionType::CommentRestriction,
            Self::Count { .. } => RestrictionType::CountRestriction,
        }
    }

    /// The conditions directly within this one.
    pub fn children(&self) -> &[Self] {
        match self {
            Self::And(all) | Self::Or(all) => all,
            Self::Not(inner)
            | Self::SubObject { restriction: inner, .. }
            | Self::Count { restriction: inner, .. }
            | Self::Comment { restriction: Some(inner), .. } => std::slice::from_ref(inner),
            _ => &[],
        }
    }
}
