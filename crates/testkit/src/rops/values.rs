//! Values in ROPs.

use mapi::ErrorCode;
use mapi::data::{
    ActionBlock, ActionData, ActionType, ChangeNumber, FolderId, Gid, GlobalCounter, LongTermId, MessageId,
    Order, PropertyName, PropertyProblem, PropertyProblemArray, RecipientFlags, RecipientRow, RuleAction,
    ServerId, SortOrder, SortOrderSet, Text, TypedString, X500Dn,
};
use mapi::property::{
    BitmapOperator, FlaggedValue, FuzzyLevel, PropTag, PropType, PropertyList, PropertyRow, PropertyValue,
    RelationalOperator, Restriction, Rows, TaggedValue, TypedValue,
};
use mapi::rop::property::Bool16;
use mapi::rop::shared::{GhostServers, Sized16};
use mapi::rop::{
    AsciiZ, Bool, Bytes8, Bytes16, Bytes32, DestHandleIndex, InputHandleIndex, List8, List16, List32,
    OutputHandleIndex, SizeOrSentinel,
};
use wire::{Bytes, FileTime, Guid, Utf16};

use super::sample::{Sample, SampleBy, sample, sample_newtypes};
use crate::input::Input;

impl Sample for u8 {
    fn sample(input: &mut Input<'_>) -> Self {
        input.byte()
    }
}

impl Sample for u16 {
    fn sample(input: &mut Input<'_>) -> Self {
        input.short()
    }
}

impl Sample for u32 {
    fn sample(input: &mut Input<'_>) -> Self {
        Self::from_le_bytes(array(input))
    }
}

impl Sample for u64 {
    fn sample(input: &mut Input<'_>) -> Self {
        Self::from_le_bytes(array(input))
    }
}

impl Sample for i32 {
    fn sample(input: &mut Input<'_>) -> Self {
        Self::from_le_bytes(array(input))
    }
}

impl Sample for i64 {
    fn sample(input: &mut Input<'_>) -> Self {
        Self::from_le_bytes(array(input))
    }
}

impl<T: Sample + Copy + Default, const N: usize> Sample for [T; N] {
    fn sample(input: &mut Input<'_>) -> Self {
        let mut items = [T::default(); N];
        items.fill_with(|| T::sample(input));
        items
    }
}

fn array<const N: usize>(input: &mut Input<'_>) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.fill_with(|| input.byte());
    bytes
}

impl Sample for Guid {
    fn sample(input: &mut Input<'_>) -> Self {
        Self::from_le(array(input))
    }
}

impl<T: Sample> Sample for Box<T> {
    fn sample(input: &mut Input<'_>) -> Self {
        Self::new(T::sample(input))
    }
}

/// A few values.
impl<T: Sample> Sample for Vec<T> {
    fn sample(input: &mut Input<'_>) -> Self {
        let count = input.byte() % 5;
        (0..count).map(|_| T::sample(input)).collect()
    }
}

impl Sample for Bytes {
    fn sample(input: &mut Input<'_>) -> Self {
        Vec::sample(input).into()
    }
}

sample_newtypes!(
    Bool,
    Bool16,
    Bytes8,
    Bytes16,
    Bytes32,
    ErrorCode,
    FileTime,
    FolderId,
    MessageId,
    ChangeNumber,
    GlobalCounter,
    Order,
    PropertyProblemArray,
    FuzzyLevel,
    PropertyList,
    OutputHandleIndex,
    InputHandleIndex,
    DestHandleIndex,
);

impl<T: Sample> Sample for List8<T> {
    fn sample(input: &mut Input<'_>) -> Self {
        Self(Sample::sample(input))
    }
}

impl<T: Sample> Sample for List16<T> {
    fn sample(input: &mut Input<'_>) -> Self {
        Self(Sample::sample(input))
    }
}

impl<T: Sample> Sample for List32<T> {
    fn sample(input: &mut Input<'_>) -> Self {
        Self(Sample::sample(input))
    }
}

sample! {
    Gid { replica, global_counter }
    LongTermId { gid, pad }
    PropertyProblem { index, tag, error_code }
    SortOrder { tag, order }
    GhostServers { cheap_servers_count, servers }
}

impl Sample for SizeOrSentinel {
    fn sample(input: &mut Input<'_>) -> Self {
        if input.byte().is_multiple_of(2) { Self(input.short()) } else { Self::SENTINEL }
    }
}

impl<T: Sample> SampleBy<SizeOrSentinel> for Option<T> {
    fn sample_by(input: &mut Input<'_>, by: &SizeOrSentinel) -> Self {
        by.is_sentinel().then(|| T::sample(input))
    }
}

/// Bytes without a zero.
fn text8(input: &mut Input<'_>) -> Vec<u8> {
    let mut text: Vec<u8> = Sample::sample(input);
    text.retain(|byte| *byte != 0);
    text
}

impl Sample for AsciiZ {
    fn sample(input: &mut Input<'_>) -> Self {
        Self(text8(input))
    }
}

impl Sample for Utf16 {
    fn sample(input: &mut Input<'_>) -> Self {
        let mut text: Vec<u16> = Sample::sample(input);
        text.retain(|unit| *unit != 0);
        Self::from_units(text)
    }
}

impl SampleBy<Bool> for Text {
    fn sample_by(input: &mut Input<'_>, by: &Bool) -> Self {
        if by.is_true() { Self::Unicode(Sample::sample(input)) } else { Self::String8(text8(input)) }
    }
}

impl Sample for TypedString {
    fn sample(input: &mut Input<'_>) -> Self {
        match input.byte() % 5 {
            0 => Self::None,
            1 => Self::Empty,
            2 => Self::String8(text8(input)),
            3 => Self::ReducedUnicode(text8(input)),
            _ => Self::Unicode(Sample::sample(input)),
        }
    }
}

impl Sample for PropertyName {
    fn sample(input: &mut Input<'_>) -> Self {
        let guid = Sample::sample(input);
        match input.byte() % 4 {
            0 => Self::Lid { guid, lid: Sample::sample(input) },
            1 => Self::Name { guid, name: Sample::sample(input) },
            2 => Self::RawName { guid, name: vec![input.byte(); 3] },
            _ => Self::None { guid },
        }
    }
}

impl Sample for SortOrderSet {
    fn sample(input: &mut Input<'_>) -> Self {
        let sort_orders: Vec<SortOrder> = Sample::sample(input);
        let count = u16::try_from(sort_orders.len()).unwrap_or_default();
        let categorized_count = input.short() % (count + 1);
        Self { categorized_count, expanded_count: input.short() % (categorized_count + 1), sort_orders }
    }
}

impl<T: Sample> Sample for Sized16<T> {
    fn sample(input: &mut Input<'_>) -> Self {
        match input.byte() % 4 {
            0 => Self::default(),
            // No restriction, list of properties or of ids begins so.
            1 => Self { value: None, trailing: vec![0xFE] },
            2 => Self { value: Some(Sample::sample(input)), trailing: Sample::sample(input) },
            _ => Self { value: Some(Sample::sample(input)), trailing: Vec::new() },
        }
    }
}

/// Types of columns.
const TYPES: [PropType; 30] = [
    PropType::PtypInteger32,
    PropType::PtypString,
    PropType::PtypBinary,
    PropType::PtypBoolean,
    PropType::PtypTime,
    PropType::PtypUnspecified,
    PropType::PtypNull,
    PropType::PtypInteger16,
    PropType::PtypFloating32,
    PropType::PtypFloating64,
    PropType::PtypCurrency,
    PropType::PtypFloatingTime,
    PropType::PtypErrorCode,
    PropType::PtypObject,
    PropType::PtypInteger64,
    PropType::PtypString8,
    PropType::PtypGuid,
    PropType::PtypServerId,
    PropType::PtypRestriction,
    PropType::PtypRuleAction,
    PropType::PtypMultipleInteger16,
    PropType::PtypMultipleInteger32,
    PropType::PtypMultipleInteger64,
    PropType::PtypMultipleFloating64,
    PropType::PtypMultipleString,
    PropType::PtypMultipleString8,
    PropType::PtypMultipleTime,
    PropType::PtypMultipleGuid,
    PropType::PtypMultipleBinary,
    PropType(0x301F),
];

impl Sample for PropTag {
    fn sample(input: &mut Input<'_>) -> Self {
        let prop_type = TYPES[usize::from(input.byte()) % TYPES.len()];
        Self::new(input.short(), prop_type)
    }
}

impl Sample for TaggedValue {
    fn sample(input: &mut Input<'_>) -> Self {
        let tag = PropTag::sample(input);
        Self { tag, value: value(input, tag.prop_type(), 1) }
    }
}

/// A value of a column's type, in which restrictions and actions are nested up to a maximum depth.
pub(super) fn value(input: &mut Input<'_>, prop_type: PropType, depth: u8) -> PropertyValue {
    use PropertyValue as V;
    let whole = |input: &mut Input<'_>| f64::from(i32::sample(input));
    match prop_type.of_value() {
        PropType::PtypUnspecified => {
            let prop_type = TYPES[usize::from(input.byte()) % TYPES.len()];
            let prop_type =
                if prop_type == PropType::PtypUnspecified { PropType::PtypInteger32 } else { prop_type };
            V::Typed(Box::new(TypedValue { prop_type, value: value(input, prop_type, depth) }))
        }
        PropType::PtypInteger16 => V::Integer16(i16::from_le_bytes(array(input))),
        PropType::PtypInteger32 => V::Integer32(Sample::sample(input)),
        PropType::PtypInteger64 => V::Integer64(Sample::sample(input)),
        PropType::PtypFloating32 => V::Floating32(f32::from(i16::from_le_bytes(array(input)))),
        PropType::PtypFloating64 => V::Floating64(whole(input)),
        PropType::PtypCurrency => V::Currency(Sample::sample(input)),
        PropType::PtypFloatingTime => V::FloatingTime(whole(input)),
        PropType::PtypErrorCode => V::Error(Sample::sample(input)),
        PropType::PtypBoolean => match input.byte() {
            0 => V::Boolean(false),
            1 => V::Boolean(true),
            odd => V::RawBoolean(odd),
        },
        PropType::PtypObject => V::Object(Sample::sample(input)),
        PropType::PtypString8 => V::String8(text8(input)),
        PropType::PtypString => V::Unicode(Sample::sample(input)),
        PropType::PtypTime => V::Time(Sample::sample(input)),
        PropType::PtypGuid => V::Guid(Sample::sample(input)),
        PropType::PtypServerId => V::ServerId(ServerId::parse(&Vec::sample(input))),
        PropType::PtypRestriction => V::Restriction(Box::new(restriction(input, depth))),
        PropType::PtypRuleAction => V::RuleAction(Box::new(rule_action(input, depth))),
        PropType::PtypBinary => V::Binary(Sample::sample(input)),
        PropType::PtypMultipleInteger16 => {
            V::MultipleInteger16(Vec::<[u8; 2]>::sample(input).into_iter().map(i16::from_le_bytes).collect())
        }
        PropType::PtypMultipleInteger32 => V::MultipleInteger32(Sample::sample(input)),
        PropType::PtypMultipleInteger64 => V::MultipleInteger64(Sample::sample(input)),
        PropType::PtypMultipleFloating64 => {
            V::MultipleFloating64(Vec::<i32>::sample(input).into_iter().map(f64::from).collect())
        }
        PropType::PtypMultipleString => V::MultipleUnicode(Sample::sample(input)),
        PropType::PtypMultipleString8 => {
            V::MultipleString8(Vec::<AsciiZ>::sample(input).into_iter().map(|text| text.0).collect())
        }
        PropType::PtypMultipleTime => V::MultipleTime(Sample::sample(input)),
        PropType::PtypMultipleGuid => V::MultipleGuid(Sample::sample(input)),
        PropType::PtypMultipleBinary => V::MultipleBinary(Sample::sample(input)),
        other => V::Absent(other),
    }
}

impl Sample for Restriction {
    fn sample(input: &mut Input<'_>) -> Self {
        restriction(input, 3)
    }
}

fn restriction(input: &mut Input<'_>, depth: u8) -> Restriction {
    use Restriction as R;
    let tag = PropTag::sample(input);
    let relop = RelationalOperator(u32::from(input.byte() % 7));
    if let Some(inner) = depth.checked_sub(1) {
        let boxed = |input: &mut Input<'_>| Box::new(restriction(input, inner));
        let many = |input: &mut Input<'_>| {
            let count = input.byte() % 4;
            (0..count).map(|_| restriction(input, inner)).collect()
        };
        match input.byte() % 12 {
            1 => return R::And(many(input)),
            2 => return R::Or(many(input)),
            3 => return R::Not(boxed(input)),
            4 => return R::SubObject { object: tag, restriction: boxed(input) },
            5 => return R::Comment { values: tagged_values(input, inner), restriction: Some(boxed(input)) },
            6 => return R::Count { count: Sample::sample(input), restriction: boxed(input) },
            7 => return R::Comment { values: tagged_values(input, inner), restriction: None },
            _ => {}
        }
    }
    let compared = |input: &mut Input<'_>| TaggedValue { tag, value: value(input, tag.prop_type(), 0) };
    let inner_allowed = !matches!(tag.prop_type(), PropType::PtypRestriction | PropType::PtypRuleAction);
    match input.byte() % 6 {
        1 if inner_allowed => R::Content { fuzzy_level: Sample::sample(input), tag, value: compared(input) },
        2 if inner_allowed => R::Property { relop, tag, value: compared(input) },
        3 => R::CompareProperties { relop, tag1: tag, tag2: Sample::sample(input) },
        4 => R::BitMask {
            operator: BitmapOperator(u32::from(input.byte() % 2)),
            tag,
            mask: Sample::sample(input),
        },
        5 => R::Size { relop, tag, size: Sample::sample(input) },
        _ => R::Exist { tag },
    }
}

fn tagged_values(input: &mut Input<'_>, depth: u8) -> Vec<TaggedValue> {
    let count = input.byte() % 3;
    let one = |input: &mut Input<'_>| {
        let tag = PropTag::sample(input);
        TaggedValue { tag, value: value(input, tag.prop_type(), depth) }
    };
    (0..count).map(|_| one(input)).collect()
}

fn rule_action(input: &mut Input<'_>, depth: u8) -> RuleAction {
    let one = |input: &mut Input<'_>| {
        let (action_type, data) = match input.byte() % 5 {
            0 => (ActionType::OP_DELETE, ActionData::None),
            1 => (ActionType::OP_BOUNCE, ActionData::Bounce(13)),
            2 => (ActionType::OP_DEFER_ACTION, ActionData::Defer(Sample::sample(input))),
            3 if depth > 0 => {
                let tag = PropTag::new(input.short(), PropType::PtypInteger32);
                (ActionType::OP_TAG, ActionData::Tag(TaggedValue { tag, value: PropertyValue::Integer32(7) }))
            }
            _ => (
                ActionType::OP_MOVE,
                ActionData::MoveCopy {
                    folder_in_this_store: Some(input.byte()),
                    store_eid: Sample::sample(input),
                    folder_eid: Sample::sample(input),
                },
            ),
        };
        ActionBlock { action_type, flavor: Sample::sample(input), flags: Sample::sample(input), data }
    };
    let count = input.byte() % 3;
    RuleAction((0..count).map(|_| one(input)).collect())
}

/// A row of `columns`.
pub(super) fn row(input: &mut Input<'_>, columns: &[PropTag]) -> PropertyRow {
    if input.byte().is_multiple_of(2) {
        return PropertyRow::Standard(columns.iter().map(|tag| value(input, tag.prop_type(), 1)).collect());
    }
    let place = |input: &mut Input<'_>, tag: &PropTag| {
        let prop_type = tag.prop_type();
        match input.byte() % 4 {
            0 => FlaggedValue::Absent(prop_type),
            1 => FlaggedValue::Error(prop_type, Sample::sample(input)),
            _ => FlaggedValue::Value(value(input, prop_type, 1)),
        }
    };
    PropertyRow::Flagged(columns.iter().map(|tag| place(input, tag)).collect())
}

/// Some rows of `columns`.
pub(super) fn rows(input: &mut Input<'_>, columns: &[PropTag]) -> Rows {
    let count = input.byte() % 4;
    Rows::new(columns.to_vec(), (0..count).map(|_| row(input, columns)).collect())
}

/// A recipient whose properties are the first ones of `columns`.
pub(super) fn recipient(input: &mut Input<'_>, columns: &[PropTag]) -> RecipientRow {
    let flags = RecipientFlags(input.short());
    let unicode = Bool(u8::from(flags.contains(RecipientFlags::UNICODE)));
    let kind = flags.0 & 0x07;
    let mut text = |flag: RecipientFlags| flags.contains(flag).then(|| Text::sample_by(input, &unicode));
    let email_address = text(RecipientFlags::EMAIL_ADDRESS);
    let display_name = text(RecipientFlags::DISPLAY_NAME);
    let simple_display_name = text(RecipientFlags::SIMPLE_DISPLAY_NAME);
    let transmittable_display_name = text(RecipientFlags::TRANSMITTABLE_DISPLAY_NAME);
    let columns = &columns[..usize::from(input.byte()) % (columns.len() + 1)];
    RecipientRow {
        flags,
        x500_dn: (kind == 1).then(|| X500Dn {
            address_prefix_used: input.byte(),
            display_type: input.byte(),
            dn: text8(input),
        }),
        entry_id: (kind >= 6).then(|| Sample::sample(input)),
        search_key: (kind >= 6).then(|| Sample::sample(input)),
        address_type: (kind == 0 && flags.contains(RecipientFlags::OUT_OF_STANDARD)).then(|| text8(input)),
        email_address,
        display_name,
        simple_display_name,
        transmittable_display_name,
        column_count: u16::try_from(columns.len()).unwrap_or_default(),
        properties: row(input, columns),
    }
}
