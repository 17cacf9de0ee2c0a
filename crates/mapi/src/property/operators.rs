//! Kinds and operators of restrictions ([MS-OXCDATA] 2.12).

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
