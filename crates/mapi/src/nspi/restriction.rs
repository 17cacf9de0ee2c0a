//! Restrictions in NDR ([MS-OXNSPI] 2.2.5).

use rpc::ndr::{Ptr, SizedPtr};
use rpc::{ndr_struct, ndr_union};

use super::value::PropertyValue;
use crate::property::{BitmapOperator, FuzzyLevel, PropTag, RelationalOperator};

ndr_struct! {
    /// `Restriction_r`: a condition on an object ([MS-OXNSPI] 2.2.5.11).
    #[derive(Debug, Clone, PartialEq)]
    pub struct Restriction as "Restriction_r" {
        /// The kind of restriction, which is also the discriminant of the union.
        pub rt: u32 = "rt",
        /// The operands of the restriction.
        pub res: RestrictionUnion = "res",
    }
}

impl Restriction {
    /// Creates the restriction `res`.
    pub const fn new(res: RestrictionUnion) -> Self {
        Self { rt: res.discriminant(), res }
    }

    /// The restrictions directly within this one.
    pub fn children(&self) -> &[Self] {
        match &self.res {
            RestrictionUnion::And(list) | RestrictionUnion::Or(list) => list.as_slice(),
            RestrictionUnion::Not(inner) => inner.get().map_or(&[], |inner| std::slice::from_ref(inner)),
            RestrictionUnion::SubRestriction(sub) => {
                sub.restriction.get().map_or(&[], |inner| std::slice::from_ref(inner))
            }
            _ => &[],
        }
    }

    /// The restrictions directly within this one, for modification.
    pub fn children_mut(&mut self) -> &mut [Self] {
        match &mut self.res {
            RestrictionUnion::And(list) | RestrictionUnion::Or(list) => list.as_mut_slice(),
            RestrictionUnion::Not(inner) => match inner.get_mut() {
                Some(inner) => std::slice::from_mut(inner),
                None => &mut [],
            },
            RestrictionUnion::SubRestriction(sub) => match sub.restriction.get_mut() {
                Some(inner) => std::slice::from_mut(inner),
                None => &mut [],
            },
            _ => &mut [],
        }
    }
}

ndr_union! {
    /// `RestrictionUnion_r`: the operands of a restriction, by its kind ([MS-OXNSPI] 2.2.5.10).
    #[derive(Debug, Clone, PartialEq)]
    pub enum RestrictionUnion as "RestrictionUnion_r" {
        /// `AndRestriction_r`: all of these match.
        0 => And(SizedPtr<Restriction>) = "resAnd",
        /// `OrRestriction_r`: at least one of these matches.
        1 => Or(SizedPtr<Restriction>) = "resOr",
        /// `NotRestriction_r`: this does not match.
        2 => Not(Ptr<Box<Restriction>>) = "resNot",
        /// `ContentRestriction_r`: the value of a property contains a text or bytes.
        3 => Content(ContentRestriction) = "resContent",
        /// `PropertyRestriction_r`: the value of a property is compared with a constant.
        4 => Property(PropertyRestriction) = "resProperty",
        /// `ComparePropsRestriction_r`: the values of two properties compare.
        5 => CompareProps(ComparePropsRestriction) = "resCompareProps",
        /// `BitMaskRestriction_r`: bits of the value of a property are set or not.
        6 => BitMask(BitMaskRestriction) = "resBitMask",
        /// `SizeRestriction_r`: the size of a property's value is compared with a number.
        7 => Size(SizeRestriction) = "resSize",
        /// `ExistRestriction_r`: the object has a property.
        8 => Exist(ExistRestriction) = "resExist",
        /// `SubRestriction_r`: an object within the object matches.
        9 => SubRestriction(SubRestriction) = "resSubRestriction",
    }
}

ndr_struct! {
    /// `ContentRestriction_r`: the value of a property contains a text or bytes ([MS-OXNSPI] 2.2.5.3).
    #[derive(Debug, Clone, PartialEq)]
    pub struct ContentRestriction as "ContentRestriction_r" {
        /// The precision of the comparison.
        pub fuzzy_level: FuzzyLevel = "ulFuzzyLevel",
        /// The property whose value is examined.
        pub tag: PropTag = "ulPropTag",
        /// The text or bytes that the value must contain.
        pub value: Ptr<Box<PropertyValue>> = "lpProp",
    }
}

ndr_struct! {
    /// `PropertyRestriction_r`: the value of a property is compared with a constant ([MS-OXNSPI] 2.2.5.5).
    #[derive(Debug, Clone, PartialEq)]
    pub struct PropertyRestriction as "PropertyRestriction_r" {
        /// The comparison operator.
        pub relop: RelationalOperator = "relop",
        /// The property whose value is examined.
        pub tag: PropTag = "ulPropTag",
        /// The constant to which the value is compared.
        pub value: Ptr<Box<PropertyValue>> = "lpProp",
    }
}

ndr_struct! {
    /// `ComparePropsRestriction_r`: the values of two properties compare ([MS-OXNSPI] 2.2.5.6).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ComparePropsRestriction as "ComparePropsRestriction_r" {
        /// The comparison operator.
        pub relop: RelationalOperator = "relop",
        /// The first property.
        pub tag1: PropTag = "ulPropTag1",
        /// The second property.
        pub tag2: PropTag = "ulPropTag2",
    }
}

ndr_struct! {
    /// `BitMaskRestriction_r`: bits of the value of a property are set or not ([MS-OXNSPI] 2.2.5.4).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct BitMaskRestriction as "BitMaskRestriction_r" {
        /// Whether the bits must be zero or not.
        pub operator: BitmapOperator = "relBMR",
        /// The property whose value is examined.
        pub tag: PropTag = "ulPropTag",
        /// The mask of the examined bits.
        pub mask: u32 = "ulMask",
    }
}

ndr_struct! {
    /// `SizeRestriction_r`: the size of the value of a property is compared with a number ([MS-OXNSPI] 2.2.5.8).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct SizeRestriction as "SizeRestriction_r" {
        /// The comparison operator.
        pub relop: RelationalOperator = "relop",
        /// The property whose value is examined.
        pub tag: PropTag = "ulPropTag",
        /// The size, in bytes.
        pub size: u32 = "cb",
    }
}

ndr_struct! {
    /// `ExistRestriction_r`: the object has a property ([MS-OXNSPI] 2.2.5.9).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ExistRestriction as "ExistRestriction_r" {
        /// Reserved, zero.
        pub reserved1: u32 = "ulReserved1",
        /// The property whose value is examined.
        pub tag: PropTag = "ulPropTag",
        /// Reserved, zero.
        pub reserved2: u32 = "ulReserved2",
    }
}

ndr_struct! {
    /// `SubRestriction_r`: an object within the object matches ([MS-OXNSPI] 2.2.5.7).
    #[derive(Debug, Clone, PartialEq)]
    pub struct SubRestriction as "SubRestriction_r" {
        /// The property that contains the objects.
        pub object: PropTag = "ulSubObject",
        /// The restriction that an object must match.
        pub restriction: Ptr<Box<Restriction>> = "lpRes",
    }
}
