//! Strategies for property values and the structures that contain them.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::{FileTime, Guid, Utf16};

use crate::ErrorCode;
use crate::data::{
    ActionBlock, ActionData, ActionType, FolderId, MessageId, RecipientBlock, RuleAction, ServerId,
};
use crate::property::{
    BitmapOperator, FuzzyLevel, Layout, PropTag, PropType, PropertyValue, RelationalOperator, Restriction,
    TaggedValue, TypedValue,
};

pub(crate) const LAYOUTS: [Layout; 4] =
    [Layout::Rop, Layout::Wide, Layout::AddressBook, Layout::AddressBookNoRestrictionFlag];

pub(crate) fn layout() -> impl Strategy<Value = Layout> {
    prop::sample::select(LAYOUTS.to_vec())
}

pub(crate) fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..9)
}

pub(crate) fn text8() -> impl Strategy<Value = Vec<u8>> {
    vec(1..=u8::MAX, 0..6)
}

pub(crate) fn unicode() -> impl Strategy<Value = Utf16> {
    vec(1..=u16::MAX, 0..6).prop_map(Utf16::from_units)
}

pub(crate) fn guid() -> impl Strategy<Value = Guid> {
    any::<[u8; 16]>().prop_map(Guid::from_le)
}

/// Numbers other than NaN, which does not compare as equal to itself.
fn float() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("a number", |value| !value.is_nan())
}

fn float32() -> impl Strategy<Value = f32> {
    any::<f32>().prop_filter("a number", |value| !value.is_nan())
}

fn server_id() -> impl Strategy<Value = ServerId> {
    prop_oneof![
        any::<(u64, u64, u32)>().prop_map(|(folder, message, instance)| ServerId::Ours {
            folder_id: FolderId(folder),
            message_id: MessageId(message),
            instance,
        }),
        vec(any::<u8>(), 0..30).prop_map(|bytes| ServerId::parse(&bytes)),
    ]
}

/// Single values that contain no other values.
fn simple() -> impl Strategy<Value = PropertyValue> {
    use PropertyValue as V;
    prop_oneof![
        Just(V::Absent(PropType::PtypNull)),
        any::<i16>().prop_map(V::Integer16),
        any::<i32>().prop_map(V::Integer32),
        any::<i64>().prop_map(V::Integer64),
        float32().prop_map(V::Floating32),
        float().prop_map(V::Floating64),
        any::<i64>().prop_map(V::Currency),
        float().prop_map(V::FloatingTime),
        any::<bool>().prop_map(V::Boolean),
        (2..=u8::MAX).prop_map(V::RawBoolean),
        any::<u32>().prop_map(|code| V::Error(ErrorCode(code))),
        text8().prop_map(V::String8),
        unicode().prop_map(V::Unicode),
        any::<u64>().prop_map(|time| V::Time(FileTime(time))),
        guid().prop_map(V::Guid),
        bytes().prop_map(V::Binary),
        server_id().prop_map(V::ServerId),
    ]
}

fn multiple() -> impl Strategy<Value = PropertyValue> {
    use PropertyValue as V;
    prop_oneof![
        vec(any::<i16>(), 0..5).prop_map(V::MultipleInteger16),
        vec(any::<i32>(), 0..5).prop_map(V::MultipleInteger32),
        vec(any::<i64>(), 0..5).prop_map(V::MultipleInteger64),
        vec(float32(), 0..5).prop_map(V::MultipleFloating32),
        vec(float(), 0..5).prop_map(V::MultipleFloating64),
        vec(any::<i64>(), 0..5).prop_map(V::MultipleCurrency),
        vec(float(), 0..5).prop_map(V::MultipleFloatingTime),
        vec(text8(), 0..5).prop_map(V::MultipleString8),
        vec(unicode(), 0..5).prop_map(V::MultipleUnicode),
        vec(any::<u64>().prop_map(FileTime), 0..5).prop_map(V::MultipleTime),
        vec(guid(), 0..5).prop_map(V::MultipleGuid),
        vec(bytes(), 0..5).prop_map(V::MultipleBinary),
    ]
}

/// Values that only some layouts can encode.
fn special(layout: Layout) -> BoxedStrategy<PropertyValue> {
    use PropertyValue as V;
    if !layout.marks_absent_values() {
        return bytes().prop_map(V::Object).boxed();
    }
    let absent = [
        PropType::PtypObject,
        PropType::PtypString,
        PropType::PtypString8,
        PropType::PtypBinary,
        PropType::PtypMultipleGuid,
    ];
    let partly_absent = vec(prop::option::of(unicode()), 1..6).prop_map(|texts| {
        let places = texts.iter().zip(0u32..);
        let absent: Vec<u32> = places.filter_map(|(text, place)| text.is_none().then_some(place)).collect();
        let values = V::MultipleUnicode(texts.into_iter().map(Option::unwrap_or_default).collect());
        if absent.is_empty() { values } else { V::PartlyAbsent { values: Box::new(values), absent } }
    });
    prop_oneof![prop::sample::select(absent.to_vec()).prop_map(V::Absent), partly_absent].boxed()
}

/// Values except [`PropertyValue::Typed`], with restrictions and actions nested `depth` levels deep.
pub(crate) fn plain(layout: Layout, depth: u32) -> BoxedStrategy<PropertyValue> {
    let flat = prop_oneof![6 => simple(), 3 => multiple(), 1 => special(layout)];
    if depth == 0 {
        return flat.boxed();
    }
    prop_oneof![
        8 => flat,
        1 => restriction(layout, depth).prop_map(|inner| PropertyValue::Restriction(Box::new(inner))),
        1 => rule_action(layout, depth).prop_map(|inner| PropertyValue::RuleAction(Box::new(inner))),
    ]
    .boxed()
}

/// Values of every kind.
pub(crate) fn value(layout: Layout) -> BoxedStrategy<PropertyValue> {
    prop_oneof![
        9 => plain(layout, 1),
        1 => plain(layout, 0).prop_map(|value| PropertyValue::Typed(Box::new(TypedValue::new(value)))),
    ]
    .boxed()
}

pub(crate) fn tagged(layout: Layout, depth: u32) -> BoxedStrategy<TaggedValue> {
    (any::<u16>(), plain(layout, depth))
        .prop_map(|(id, value)| TaggedValue::new(PropTag::new(id, value.prop_type()), value))
        .boxed()
}

fn tag() -> impl Strategy<Value = PropTag> {
    any::<u32>().prop_map(PropTag)
}

fn relop() -> impl Strategy<Value = RelationalOperator> {
    any::<u8>().prop_map(|relop| RelationalOperator(u32::from(relop)))
}

pub(crate) fn restriction(layout: Layout, depth: u32) -> BoxedStrategy<Restriction> {
    use Restriction as R;
    let inner = depth.saturating_sub(1);
    let compared = || {
        let absent = u32::from(layout == Layout::AddressBook);
        prop_oneof![9 => tagged(layout, inner), absent => Just(TaggedValue::absent())]
    };
    let leaf = prop_oneof![
        (any::<u32>(), tag(), compared()).prop_map(|(level, tag, value)| R::Content {
            fuzzy_level: FuzzyLevel(level),
            tag,
            value
        }),
        (relop(), tag(), compared()).prop_map(|(relop, tag, value)| R::Property { relop, tag, value }),
        (relop(), tag(), tag()).prop_map(|(relop, tag1, tag2)| R::CompareProperties { relop, tag1, tag2 }),
        (any::<u8>(), tag(), any::<u32>()).prop_map(|(operator, tag, mask)| R::BitMask {
            operator: BitmapOperator(u32::from(operator)),
            tag,
            mask
        }),
        (relop(), tag(), any::<u32>()).prop_map(|(relop, tag, size)| R::Size { relop, tag, size }),
        tag().prop_map(|tag| R::Exist { tag }),
    ];
    let comments = vec(tagged(layout, 0), 0..3);
    leaf.prop_recursive(3, 12, 3, move |one| {
        let boxed = || one.clone().prop_map(Box::new);
        prop_oneof![
            vec(one.clone(), 0..4).prop_map(R::And),
            vec(one.clone(), 0..4).prop_map(R::Or),
            boxed().prop_map(R::Not),
            (tag(), boxed()).prop_map(|(object, restriction)| R::SubObject { object, restriction }),
            (comments.clone(), prop::option::of(boxed()))
                .prop_map(|(values, restriction)| R::Comment { values, restriction }),
            (any::<u32>(), boxed()).prop_map(|(count, restriction)| R::Count { count, restriction }),
        ]
    })
    .boxed()
}

pub(crate) fn rule_action(layout: Layout, depth: u32) -> BoxedStrategy<RuleAction> {
    let inner = depth.saturating_sub(1);
    let recipients = vec(
        (any::<u8>(), vec(tagged(layout, inner), 0..3))
            .prop_map(|(reserved, properties)| RecipientBlock { reserved, properties }),
        0..3,
    );
    let here = any::<u8>().prop_map(move |here| (!layout.is_wide()).then_some(here));
    let reply = if layout.is_wide() {
        (bytes(), guid())
            .prop_map(|(message_eid, template_guid)| ActionData::ReplyByEntryId {
                message_eid,
                template_guid,
            })
            .boxed()
    } else {
        (any::<u64>(), any::<u64>(), guid())
            .prop_map(|(folder, message, template_guid)| ActionData::Reply {
                folder_id: FolderId(folder),
                message_id: MessageId(message),
                template_guid,
            })
            .boxed()
    };
    let data = prop_oneof![
        (prop::sample::select(vec![ActionType::OP_MOVE, ActionType::OP_COPY]), here, bytes(), bytes())
            .prop_map(|(kind, folder_in_this_store, store_eid, folder_eid)| (
                kind,
                ActionData::MoveCopy { folder_in_this_store, store_eid, folder_eid }
            )),
        reply.prop_map(|data| (ActionType::OP_OOF_REPLY, data)),
        bytes().prop_map(|bytes| (ActionType::OP_DEFER_ACTION, ActionData::Defer(bytes))),
        any::<u32>().prop_map(|code| (ActionType::OP_BOUNCE, ActionData::Bounce(code))),
        recipients.prop_map(|blocks| (ActionType::OP_FORWARD, ActionData::Recipients(blocks))),
        tagged(layout, inner).prop_map(|property| (ActionType::OP_TAG, ActionData::Tag(property))),
        Just((ActionType::OP_DELETE, ActionData::None)),
        Just((ActionType::OP_MARK_AS_READ, ActionData::Opaque(vec![1, 2, 3]))),
        bytes().prop_map(|bytes| (ActionType(0x77), ActionData::Opaque(bytes))),
    ];
    let block = (any::<(u32, u32)>(), data).prop_map(|((flavor, flags), (action_type, data))| ActionBlock {
        action_type,
        flavor,
        flags,
        data,
    });
    vec(block, 0..4).prop_map(RuleAction).boxed()
}
