//! Strategies for bodies of every type.

use std::num::NonZeroU8;

use mapi::ErrorCode;
use mapi::emsmdb::RpcFlags;
use mapi::mapihttp::nspi::*;
use mapi::mapihttp::{AuxiliaryBuffer, Failure, Maybe, OperationResponse, SizedBytes, String8, emsmdb, nspi};
use mapi::nspi::{DisplayType, EntryId, EphemeralEntryId, FlatUid, MId, PermanentEntryId, Stat};
use mapi::property::{
    FlaggedValue, FuzzyLevel, PropTag, PropType, PropertyList, PropertyRow, PropertyValue,
    RelationalOperator, Restriction, TaggedValue,
};
use proptest::collection::vec;
use proptest::prelude::*;
use wire::{Encode, FileTime, Guid, Utf16};

fn maybe<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Maybe<T>> {
    let present = (1..=u8::MAX, value)
        .prop_map(|(flag, value)| Maybe::Present(NonZeroU8::new(flag).expect("not zero"), value));
    prop_oneof![1 => Just(Maybe::Absent), 3 => present].boxed()
}

fn stat() -> impl Strategy<Value = Stat> {
    (any::<[u32; 8]>(), any::<i32>()).prop_map(|(n, delta)| Stat {
        sort_type: n[0],
        container_id: MId(n[1]),
        current_rec: MId(n[2]),
        delta,
        num_pos: n[3],
        total_recs: n[4],
        code_page: n[5],
        template_locale: n[6],
        sort_locale: n[7],
    })
}

/// A text that does not begin with the byte that some clients send before texts.
fn text8() -> impl Strategy<Value = String8> {
    (proptest::option::of(1..=0xFE_u8), vec(1..=u8::MAX, 0..8)).prop_map(|(first, rest)| {
        String8(first.into_iter().flat_map(|first| [vec![first], rest.clone()].concat()).collect())
    })
}

fn text16() -> impl Strategy<Value = Utf16> {
    (0x20..=0x7E_u16, vec(1..=u16::MAX, 0..8))
        .prop_map(|(first, rest)| Utf16::from_units([vec![first], rest].concat()))
}

fn aux() -> impl Strategy<Value = AuxiliaryBuffer> {
    prop_oneof![
        Just(AuxiliaryBuffer::NONE),
        Just(AuxiliaryBuffer::OMITTED),
        vec(any::<u8>(), 0..20).prop_map(AuxiliaryBuffer::new),
    ]
}

fn mids() -> impl Strategy<Value = Vec<MId>> {
    vec(any::<u32>().prop_map(MId), 0..5)
}

fn tags() -> impl Strategy<Value = Vec<PropTag>> {
    vec(any::<u32>().prop_map(PropTag), 0..5)
}

fn value() -> BoxedStrategy<PropertyValue> {
    prop_oneof![
        any::<i32>().prop_map(PropertyValue::Integer32),
        any::<bool>().prop_map(PropertyValue::Boolean),
        any::<u32>().prop_map(|code| PropertyValue::Error(ErrorCode(code))),
        text8().prop_map(|text| PropertyValue::String8(text.0)),
        text16().prop_map(PropertyValue::Unicode),
        vec(any::<u8>(), 0..12).prop_map(PropertyValue::Binary),
        entry_id().prop_map(PropertyValue::Binary),
        any::<u64>().prop_map(|time| PropertyValue::Time(FileTime(time))),
        vec(text16(), 0..3).prop_map(PropertyValue::MultipleUnicode),
        vec(any::<i32>(), 0..3).prop_map(PropertyValue::MultipleInteger32),
        Just(PropertyValue::Absent(PropType::PtypObject)),
        Just(PropertyValue::Absent(PropType::PtypString)),
    ]
    .boxed()
}

fn tagged() -> impl Strategy<Value = TaggedValue> {
    (any::<u16>(), value())
        .prop_map(|(id, value)| TaggedValue::new(PropTag::new(id, value.prop_type()), value))
}

fn list() -> impl Strategy<Value = PropertyList> {
    vec(tagged(), 0..4).prop_map(PropertyList)
}

fn restriction() -> BoxedStrategy<Restriction> {
    let leaf = prop_oneof![
        tagged().prop_map(|value| Restriction::Property {
            relop: RelationalOperator::RELOP_EQ,
            tag: value.tag,
            value,
        }),
        tagged().prop_map(|value| Restriction::Content {
            fuzzy_level: FuzzyLevel::FL_PREFIX,
            tag: value.tag,
            value,
        }),
        any::<u32>().prop_map(|tag| Restriction::Exist { tag: PropTag(tag) }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Restriction::And),
            inner.prop_map(|inner| Restriction::Not(Box::new(inner))),
        ]
    })
    .boxed()
}

/// A filter that compares a value, which shows whether value flags are written.
fn filter() -> impl Strategy<Value = Filter> {
    (tagged(), restriction(), any::<bool>()).prop_map(|(value, rest, value_flags)| {
        let first = Restriction::Property { relop: RelationalOperator::RELOP_LT, tag: value.tag, value };
        Filter { restriction: Restriction::Or(vec![first, rest]), value_flags }
    })
}

fn table() -> impl Strategy<Value = ColumnsAndRows> {
    let columns = vec((any::<u16>(), value()), 0..4);
    (columns, vec(vec((any::<bool>(), any::<u32>()), 4), 0..3), any::<bool>()).prop_map(
        |(columns, rows, standard)| {
            let tag = |(id, value): &(u16, PropertyValue)| PropTag::new(*id, value.prop_type());
            let rows = rows.into_iter().map(|choices| {
                let values = columns.iter().map(|(_, value)| value.clone());
                if standard {
                    return PropertyRow::Standard(values.collect());
                }
                let flagged =
                    values.zip(choices).map(|(value, (is_present, code))| match (is_present, code % 2) {
                        (true, _) => FlaggedValue::Value(value),
                        (false, 0) => FlaggedValue::Absent(value.prop_type()),
                        (false, _) => FlaggedValue::Error(value.prop_type(), ErrorCode(code)),
                    });
                PropertyRow::Flagged(flagged.collect())
            });
            ColumnsAndRows { rows: rows.collect(), columns: columns.iter().map(tag).collect() }
        },
    )
}

fn entry_id() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<([u8; 16], u32)>().prop_map(|(uid, mid)| EntryId::Ephemeral(EphemeralEntryId {
            provider_uid: FlatUid(uid),
            display_type: DisplayType(0),
            mid: MId(mid),
        })),
        text8().prop_map(|name| EntryId::Permanent(PermanentEntryId {
            display_type: DisplayType(0),
            distinguished_name: name.0,
        })),
    ]
    .prop_map(|id| id.to_bytes().expect("an entry id"))
}

fn entry_ids() -> impl Strategy<Value = EntryIds> {
    (vec(entry_id(), 1..4), any::<bool>()).prop_map(|(ids, sized)| EntryIds { ids, sized })
}

fn names<T: Clone + std::fmt::Debug + 'static>(
    name: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Names<T>> {
    let form =
        prop_oneof![Just(NamesForm::Specified), Just(NamesForm::Flagged), Just(NamesForm::DoubleTerminated)];
    (vec(name, 1..4), form).prop_map(|(names, form)| Names { names, form })
}

fn wide_dn() -> impl Strategy<Value = WideDn> {
    (text16(), any::<bool>()).prop_map(|(name, double_terminated)| WideDn { name, double_terminated })
}

fn property_name() -> impl Strategy<Value = PropertyName> {
    (any::<[u8; 16]>(), any::<u32>()).prop_map(|(guid, id)| PropertyName { guid: Guid::from_le(guid), id })
}

fn bytes() -> impl Strategy<Value = SizedBytes> {
    vec(any::<u8>(), 0..40).prop_map(|bytes| SizedBytes(bytes.into()))
}

/// A response with these fields, or one to an operation that was not performed.
fn response<T: Clone + std::fmt::Debug + 'static>(
    body: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<OperationResponse<T>> {
    let failure = (1..=u32::MAX, aux())
        .prop_map(|(code, aux)| OperationResponse::Failure(Failure { status_code: ErrorCode(code), aux }));
    prop_oneof![4 => body.prop_map(OperationResponse::Complete), 1 => failure].boxed()
}

/// A strategy for each struct: its fields, each with the strategy for it.
macro_rules! bodies {
    ($($module:ident::$enum:ident::$variant:ident($type:ident { $($field:ident: $strategy:expr),* $(,)? });)*) => {
        prop_oneof![$(
            ($($strategy,)*).prop_map(|($($field,)*)| $module::$type { $($field,)* })
                .prop_map($module::$enum::$variant).boxed()
        ),*]
    };
    (responses $($module:ident::$variant:ident($type:ident { $($field:ident: $strategy:expr),* $(,)? });)*) => {
        prop_oneof![$(
            response((any::<u32>().prop_map(ErrorCode), $($strategy,)*)
                .prop_map(|(error_code, $($field,)*)| $module::$type { error_code, $($field,)* }))
                .prop_map($module::Response::$variant).boxed()
        ),*]
    };
}

pub(crate) fn emsmdb_requests() -> impl Strategy<Value = emsmdb::Request> {
    let flags = || any::<u32>().prop_map(RpcFlags);
    bodies! {
        emsmdb::Request::Connect(ConnectRequest { user_dn: text8(), flags: any::<u32>(),
            default_code_page: any::<u32>(), lcid_sort: any::<u32>(), lcid_string: any::<u32>(), aux: aux() });
        emsmdb::Request::Execute(ExecuteRequest { flags: flags(), rop_buffer: bytes(), max_rop_out: any::<u32>(),
            aux: aux() });
        emsmdb::Request::Disconnect(DisconnectRequest { aux: aux() });
        emsmdb::Request::NotificationWait(NotificationWaitRequest { flags: any::<u32>(), aux: aux() });
    }
}

pub(crate) fn emsmdb_responses() -> impl Strategy<Value = emsmdb::Response> {
    bodies! { responses
        emsmdb::Connect(ConnectResponse { polls_max: any::<u32>(), retry_count: any::<u32>(),
            retry_delay: any::<u32>(), dn_prefix: text8(), display_name: text16(), aux: aux() });
        emsmdb::Execute(ExecuteResponse { flags: any::<u32>().prop_map(RpcFlags), rop_buffer: bytes(), aux: aux() });
        emsmdb::Disconnect(DisconnectResponse { aux: aux() });
        emsmdb::NotificationWait(NotificationWaitResponse { event_pending: any::<u32>(), aux: aux() });
    }
}

pub(crate) fn nspi_requests() -> impl Strategy<Value = nspi::Request> {
    let mid = || any::<u32>().prop_map(MId);
    bodies! {
        nspi::Request::Bind(BindRequest { flags: any::<u32>(), stat: maybe(stat()), aux: aux() });
        nspi::Request::Unbind(UnbindRequest { reserved: any::<u32>(), aux: aux() });
        nspi::Request::CompareMIds(CompareMIdsRequest { reserved: any::<u32>(), stat: maybe(stat()), mid1: mid(),
            mid2: mid(), aux: aux() });
        nspi::Request::DNToMId(DNToMIdRequest { reserved: any::<u32>(), names: maybe(names(text8())), aux: aux() });
        nspi::Request::GetMatches(GetMatchesRequest { reserved: any::<u32>(), stat: maybe(stat()),
            mids: maybe(mids()), interface_option_flags: any::<u32>(), filter: maybe(filter()),
            property_name: maybe(property_name()), row_count: any::<u32>(), columns: maybe(tags()), aux: aux() });
        nspi::Request::GetPropList(GetPropListRequest { flags: any::<u32>(), mid: mid(), code_page: any::<u32>(),
            aux: aux() });
        nspi::Request::GetProps(GetPropsRequest { flags: any::<u32>(), stat: maybe(stat()), prop_tags: maybe(tags()),
            aux: aux() });
        nspi::Request::GetSpecialTable(GetSpecialTableRequest { flags: any::<u32>(), stat: maybe(stat()),
            version: maybe(any::<u32>()), aux: aux() });
        nspi::Request::GetTemplateInfo(GetTemplateInfoRequest { flags: any::<u32>(),
            display_type: any::<u32>().prop_map(DisplayType), template_dn: maybe(text8()), code_page: any::<u32>(),
            locale_id: any::<u32>(), aux: aux() });
        nspi::Request::ModLinkAtt(ModLinkAttRequest { flags: any::<u32>(),
            prop_tag: any::<u32>().prop_map(PropTag), mid: mid(), entry_ids: maybe(entry_ids()), aux: aux() });
        nspi::Request::ModProps(ModPropsRequest { reserved: any::<u32>(), stat: maybe(stat()),
            prop_tags: maybe(tags()), values: maybe(list()), aux: aux() });
        nspi::Request::QueryColumns(QueryColumnsRequest { reserved: any::<u32>(), map_flags: any::<u32>(),
            aux: aux() });
        nspi::Request::QueryRows(QueryRowsRequest { flags: any::<u32>(), stat: maybe(stat()),
            explicit_table: mids(), row_count: any::<u32>(), columns: maybe(tags()), aux: aux() });
        nspi::Request::ResolveNames(ResolveNamesRequest { reserved: any::<u32>(), stat: maybe(stat()),
            prop_tags: maybe(tags()), names: maybe(names(text16())), aux: aux() });
        nspi::Request::ResortRestriction(ResortRestrictionRequest { reserved: any::<u32>(), stat: maybe(stat()),
            mids: maybe(mids()), aux: aux() });
        nspi::Request::SeekEntries(SeekEntriesRequest { reserved: any::<u32>(), stat: maybe(stat()),
            target: maybe(tagged()), explicit_table: maybe(mids()), columns: maybe(tags()), aux: aux() });
        nspi::Request::UpdateStat(UpdateStatRequest { reserved: any::<u32>(), stat: maybe(stat()),
            delta_requested: any::<u8>(), aux: aux() });
        nspi::Request::GetMailboxUrl(GetMailboxUrlRequest { flags: any::<u32>(), server_dn: wide_dn(), aux: aux() });
        nspi::Request::GetAddressBookUrl(GetAddressBookUrlRequest { flags: any::<u32>(), user_dn: wide_dn(),
            aux: aux() });
    }
}

pub(crate) fn nspi_responses() -> impl Strategy<Value = nspi::Response> {
    let uid = any::<[u8; 16]>().prop_map(FlatUid);
    bodies! { responses
        nspi::Bind(BindResponse { server_guid: uid, aux: aux() });
        nspi::Unbind(UnbindResponse { aux: aux() });
        nspi::DNToMId(DNToMIdResponse { mids: maybe(mids()), aux: aux() });
        nspi::GetMatches(GetMatchesResponse { stat: maybe(stat()), mids: maybe(mids()), rows: maybe(table()),
            aux: aux() });
        nspi::GetPropList(GetPropListResponse { prop_tags: maybe(tags()), aux: aux() });
        nspi::GetProps(GetPropsResponse { code_page: any::<u32>(), values: maybe(list()), aux: aux() });
        nspi::GetSpecialTable(GetSpecialTableResponse { code_page: any::<u32>(), version: maybe(any::<u32>()),
            rows: maybe(vec(list(), 0..3)), aux: aux() });
        nspi::GetTemplateInfo(GetTemplateInfoResponse { code_page: any::<u32>(), row: maybe(list()), aux: aux() });
        nspi::ModLinkAtt(ModLinkAttResponse { aux: aux() });
        nspi::ModProps(ModPropsResponse { aux: aux() });
        nspi::QueryRows(QueryRowsResponse { stat: maybe(stat()), rows: maybe(table()), aux: aux() });
        nspi::QueryColumns(QueryColumnsResponse { columns: maybe(tags()), aux: aux() });
        nspi::ResolveNames(ResolveNamesResponse { code_page: any::<u32>(), mids: maybe(mids()), rows: maybe(table()),
            aux: aux() });
        nspi::ResortRestriction(ResortRestrictionResponse { stat: maybe(stat()), mids: maybe(mids()), aux: aux() });
        nspi::SeekEntries(SeekEntriesResponse { stat: maybe(stat()), rows: maybe(table()), aux: aux() });
        nspi::UpdateStat(UpdateStatResponse { stat: maybe(stat()), delta: maybe(any::<i32>()), aux: aux() });
        nspi::GetMailboxUrl(GetMailboxUrlResponse { server_url: text16(), aux: aux() });
        nspi::GetAddressBookUrl(GetAddressBookUrlResponse { server_url: text16(), aux: aux() });
    }
}
