//! Kinds and operators of restrictions ([MS-OXCDATA] 2.12).

wire::wire_enum! {
    /// `RestrictType`: the type of a restriction ([MS-OXCDATA] 2.12).
    pub struct RestrictionType(u8) {
        /// All restrictions of a list match ([MS-OXCDATA] 2.12.1).
        AndRestriction = 0x00,
        /// At least one restriction of a list matches ([MS-OXCDATA] 2.12.2).
        OrRestriction = 0x01,
        /// The inner restriction does not match ([MS-OXCDATA] 2.12.3).
        NotRestriction = 0x02,
        /// A text or binary property contains a value ([MS-OXCDATA] 2.12.4).
        ContentRestriction = 0x03,
        /// A property is compared with a value ([MS-OXCDATA] 2.12.5).
        PropertyRestriction = 0x04,
        /// A property is compared with another property ([MS-OXCDATA] 2.12.6).
        ComparePropertiesRestriction = 0x05,
        /// Bits of an integer property are set or clear ([MS-OXCDATA] 2.12.7).
        BitMaskRestriction = 0x06,
        /// The size of a property's value is compared with a number of bytes ([MS-OXCDATA] 2.12.8).
        SizeRestriction = 0x07,
        /// A property exists ([MS-OXCDATA] 2.12.9).
        ExistRestriction = 0x08,
        /// The inner restriction matches a recipient or attachment of a message ([MS-OXCDATA] 2.12.10).
        SubObjectRestriction = 0x09,
        /// The inner restriction, with properties that a client has added for its own use ([MS-OXCDATA] 2.12.11).
        CommentRestriction = 0x0A,
        /// The inner restriction, for a maximum number of rows ([MS-OXCDATA] 2.12.12).
        CountRestriction = 0x0B,
    }
}

wire::wire_enum! {
    /// The comparison of two values ([MS-OXCDATA] 2.12.5.1).
    pub struct RelationalOperator(u32) {
        /// The property is less than the value.
        RELOP_LT = 0x00,
        /// The property is less than or equal to the value.
        RELOP_LE = 0x01,
        /// The property is greater than the value.
        RELOP_GT = 0x02,
        /// The property is greater than or equal to the value.
        RELOP_GE = 0x03,
        /// The property equals the value.
        RELOP_EQ = 0x04,
        /// The property does not equal the value.
        RELOP_NE = 0x05,
        /// The property matches a regular expression; reserved.
        RELOP_RE = 0x06,
        /// The property is a member of a distribution list, whose entry id is the value.
        RELOP_MEMBER_OF_DL = 0x64,
    }
}

wire::wire_enum! {
    /// The test of the bits of a mask ([MS-OXCDATA] 2.12.7.1).
    pub struct BitmapOperator(u32) {
        /// None of the bits of the mask is set.
        BMR_EQZ = 0x00,
        /// At least one of the bits of the mask is set.
        BMR_NEZ = 0x01,
    }
}

wire::wire_flags! {
    /// The precision of a content match ([MS-OXCDATA] 2.12.4.1). The lower 16 bits give the position of the match, and
    /// zero means
    /// the full string; the upper 16 bits give the differences that are ignored.
    pub struct FuzzyLevel(u32) {
        /// The value occurs anywhere in the property.
        FL_SUBSTRING = 0x0000_0001,
        /// The property begins with the value.
        FL_PREFIX = 0x0000_0002,
        /// The comparison ignores case.
        FL_IGNORECASE = 0x0001_0000,
        /// The comparison ignores nonspacing characters, such as combining accents.
        FL_IGNORENONSPACE = 0x0002_0000,
        /// The comparison matches whenever possible, ignoring case and nonspacing characters.
        FL_LOOSE = 0x0004_0000,
    }
}
