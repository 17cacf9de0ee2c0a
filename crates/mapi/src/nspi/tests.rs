//! Tests of the calls of NSPI.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rpc::ndr::{CharString, ContextHandle, Counted, Params, Ptr, SizedArray, SizedPtr, WcharString};
use wire::{Decode, Encode, Endian, FileTime, Guid, Utf16};

use super::*;
use crate::ErrorCode;
use crate::property::{BitmapOperator, FuzzyLevel, PropTag, RelationalOperator};

fn char_ptr() -> impl Strategy<Value = Ptr<CharString>> {
    option::of(vec(1u8.., 0..12).prop_map(CharString::new)).prop_map(Ptr::from)
}

fn wchar_ptr() -> impl Strategy<Value = Ptr<WcharString>> {
    let text = vec(1u16.., 0..12)
        .prop_map(|units| WcharString { text: Utf16::from_units(units), ..WcharString::default() });
    option::of(text).prop_map(Ptr::from)
}

fn guid_ptr() -> impl Strategy<Value = Ptr<FlatUid>> {
    option::of(any::<[u8; 16]>().prop_map(FlatUid)).prop_map(Ptr::from)
}

fn sized<T: std::fmt::Debug + Clone>(item: impl Strategy<Value = T>) -> impl Strategy<Value = SizedPtr<T>> {
    prop_oneof![
        vec(item, 0..5).prop_map(SizedPtr::new),
        any::<u32>().prop_map(|count| SizedPtr { count, ..SizedPtr::NULL }),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i16>().prop_map(Value::Integer16),
        any::<i32>().prop_map(Value::Integer32),
        any::<u16>().prop_map(Value::Boolean),
        char_ptr().prop_map(Value::String8),
        sized(any::<u8>()).prop_map(Value::Binary),
        wchar_ptr().prop_map(Value::Unicode),
        guid_ptr().prop_map(Value::Guid),
        any::<u64>().prop_map(|time| Value::Time(FileTime(time))),
        any::<u32>().prop_map(|code| Value::Error(ErrorCode(code))),
        sized(any::<i16>()).prop_map(Value::MultipleInteger16),
        sized(any::<i32>()).prop_map(Value::MultipleInteger32),
        sized(char_ptr()).prop_map(Value::MultipleString8),
        sized(sized(any::<u8>())).prop_map(Value::MultipleBinary),
        sized(guid_ptr()).prop_map(Value::MultipleGuid),
        sized(wchar_ptr()).prop_map(Value::MultipleUnicode),
        sized(any::<u64>().prop_map(FileTime)).prop_map(Value::MultipleTime),
        any::<i32>().prop_map(Value::Null),
        any::<i32>().prop_map(Value::Object),
        any::<i32>().prop_map(Value::Unspecified),
    ]
}

fn property_value() -> impl Strategy<Value = PropertyValue> {
    (any::<u32>(), any::<u32>(), value()).prop_map(|(tag, reserved, value)| PropertyValue {
        tag: PropTag(tag),
        reserved,
        value,
    })
}

fn row() -> impl Strategy<Value = PropertyRow> {
    (any::<u32>(), sized(property_value()))
        .prop_map(|(reserved, properties)| PropertyRow { reserved, properties })
}

fn rows() -> impl Strategy<Value = Ptr<PropertyRowSet>> {
    option::of(vec(row(), 0..4).prop_map(Counted)).prop_map(Ptr::from)
}

fn tags<T: std::fmt::Debug + Clone>(tag: fn(u32) -> T) -> impl Strategy<Value = TagArray<T>> {
    (vec(any::<u32>().prop_map(tag), 0..6), 0..3u32).prop_map(|(values, spare)| TagArray { values, spare })
}

fn tags_ptr<T: std::fmt::Debug + Clone>(tag: fn(u32) -> T) -> impl Strategy<Value = Ptr<TagArray<T>>> {
    option::of(tags(tag)).prop_map(Ptr::from)
}

fn stat() -> impl Strategy<Value = Stat> {
    (any::<[u32; 8]>(), any::<i32>()).prop_map(|([a, b, c, d, e, f, g, h], delta)| Stat {
        sort_type: a,
        container_id: MId(b),
        current_rec: MId(c),
        delta,
        num_pos: d,
        total_recs: e,
        code_page: f,
        template_locale: g,
        sort_locale: h,
    })
}

fn handle() -> impl Strategy<Value = ContextHandle> {
    (any::<u32>(), any::<[u8; 16]>())
        .prop_map(|(attributes, uuid)| ContextHandle { attributes, uuid: Guid::from_le(uuid) })
}

fn restriction() -> impl Strategy<Value = Restriction> {
    let value = || option::of(property_value().prop_map(Box::new)).prop_map(Ptr::from);
    let leaf = prop_oneof![
        (any::<u32>(), any::<u32>(), value()).prop_map(|(level, tag, value)| {
            let (fuzzy_level, tag) = (FuzzyLevel(level), PropTag(tag));
            RestrictionUnion::Content(ContentRestriction { fuzzy_level, tag, value })
        }),
        (any::<u32>(), any::<u32>(), value()).prop_map(|(relop, tag, value)| {
            let (relop, tag) = (RelationalOperator(relop), PropTag(tag));
            RestrictionUnion::Property(PropertyRestriction { relop, tag, value })
        }),
        any::<[u32; 3]>().prop_map(|[a, b, c]| {
            let (tag1, tag2) = (PropTag(b), PropTag(c));
            RestrictionUnion::CompareProps(ComparePropsRestriction {
                relop: RelationalOperator(a),
                tag1,
                tag2,
            })
        }),
        any::<[u32; 3]>().prop_map(|[a, tag, mask]| {
            let (operator, tag) = (BitmapOperator(a), PropTag(tag));
            RestrictionUnion::BitMask(BitMaskRestriction { operator, tag, mask })
        }),
        any::<[u32; 3]>().prop_map(|[a, tag, size]| {
            let (relop, tag) = (RelationalOperator(a), PropTag(tag));
            RestrictionUnion::Size(SizeRestriction { relop, tag, size })
        }),
        any::<[u32; 3]>().prop_map(|[reserved1, tag, reserved2]| {
            RestrictionUnion::Exist(ExistRestriction { reserved1, tag: PropTag(tag), reserved2 })
        }),
    ]
    .prop_map(Restriction::new);
    leaf.prop_recursive(4, 16, 4, |inner| {
        let boxed = option::of(inner.clone().prop_map(Box::new)).prop_map(Ptr::from);
        prop_oneof![
            sized(inner.clone()).prop_map(RestrictionUnion::And),
            sized(inner).prop_map(RestrictionUnion::Or),
            boxed.clone().prop_map(RestrictionUnion::Not),
            (any::<u32>(), boxed).prop_map(|(object, restriction)| {
                RestrictionUnion::SubRestriction(SubRestriction { object: PropTag(object), restriction })
            }),
        ]
        .prop_map(Restriction::new)
    })
}

fn name() -> impl Strategy<Value = PropertyName> {
    (guid_ptr(), any::<u32>(), any::<i32>()).prop_map(|(guid, reserved, id)| PropertyName {
        guid,
        reserved,
        id,
    })
}

/// Requests of all operations according to the IDL.
fn request() -> impl Strategy<Value = Request> {
    let common = || (handle(), any::<[u32; 4]>(), stat(), tags_ptr(PropTag), tags_ptr(MId));
    prop_oneof![
        (common(), guid_ptr(), option::of(any::<i32>()), 0..12u16)
            .prop_map(|(common, guid, delta, which)| simple_request(common, guid, delta, which)),
        (common(), sized(any::<u32>().prop_map(MId))).prop_map(
            |((handle, [flags, count, ..], stat, prop_tags, _), table)| {
                Request::QueryRows(QueryRowsRequest { handle, flags, stat, table, count, prop_tags })
            }
        ),
        (common(), property_value()).prop_map(
            |((handle, [reserved, ..], stat, prop_tags, table), target)| {
                Request::SeekEntries(SeekEntriesRequest { handle, reserved, stat, target, table, prop_tags })
            }
        ),
        (common(), option::of(restriction()), option::of(name())).prop_map(
            |(
                (handle, [reserved1, reserved2, requested, _], stat, prop_tags, reserved),
                filter,
                prop_name,
            )| {
                let (filter, prop_name) = (Ptr::from(filter), Ptr::from(prop_name));
                Request::GetMatches(GetMatchesRequest {
                    handle,
                    reserved1,
                    stat,
                    reserved,
                    reserved2,
                    filter,
                    prop_name,
                    requested,
                    prop_tags,
                })
            }
        ),
        (common(), tags(MId)).prop_map(|((handle, [reserved, ..], stat, _, out_mids), in_mids)| {
            Request::ResortRestriction(ResortRestrictionRequest { handle, reserved, stat, in_mids, out_mids })
        }),
        (common(), row()).prop_map(|((handle, [reserved, ..], stat, prop_tags, _), row)| {
            Request::ModProps(ModPropsRequest { handle, reserved, stat, prop_tags, row })
        }),
        (common(), char_ptr()).prop_map(|((handle, [flags, a, code_page, locale_id], ..), dn)| {
            let display_type = DisplayType(a);
            Request::GetTemplateInfo(GetTemplateInfoRequest {
                handle,
                flags,
                display_type,
                dn,
                code_page,
                locale_id,
            })
        }),
        (common(), sized(sized(any::<u8>()))).prop_map(|((handle, [flags, tag, mid, _], ..), entry_ids)| {
            let (prop_tag, mid) = (PropTag(tag), MId(mid));
            Request::ModLinkAtt(ModLinkAttRequest { handle, flags, prop_tag, mid, entry_ids })
        }),
        (handle(), any::<Vec<u8>>())
            .prop_map(|(handle, rest)| Request::DeleteEntries(DeleteEntriesRequest { handle, rest })),
        (common(), vec(option::of(name()).prop_map(Ptr::from), 0..4)).prop_map(
            |((handle, [reserved, flags, ..], ..), names)| {
                let names = SizedArray(names);
                Request::GetIDsFromNames(GetIDsFromNamesRequest { handle, reserved, flags, names })
            }
        ),
        (common(), vec(char_ptr(), 0..4), any::<bool>()).prop_map(
            |((handle, [reserved, ..], stat, prop_tags, _), names, map)| {
                let names = Counted(names);
                if map {
                    Request::DNToMId(DNToMIdRequest { handle, reserved, names })
                } else {
                    Request::ResolveNames(ResolveNamesRequest { handle, reserved, stat, prop_tags, names })
                }
            }
        ),
        (common(), vec(wchar_ptr(), 0..4)).prop_map(
            |((handle, [reserved, ..], stat, prop_tags, _), names)| {
                let names = Counted(names);
                Request::ResolveNamesW(ResolveNamesWRequest { handle, reserved, stat, prop_tags, names })
            }
        ),
    ]
}

type Common = (ContextHandle, [u32; 4], Stat, Ptr<PropertyTagArray>, Ptr<MIdArray>);

/// Requests that consist only of integers and tag lists.
fn simple_request(common: Common, guid: Ptr<FlatUid>, delta: Option<i32>, which: u16) -> Request {
    let (handle, [a, b, c, _], stat, prop_tags, _) = common;
    match which {
        0 => Request::Bind(BindRequest { flags: a, stat, server_guid: guid }),
        1 => Request::Unbind(UnbindRequest { handle, reserved: a }),
        2 => Request::UpdateStat(UpdateStatRequest { handle, reserved: a, stat, delta: Ptr::from(delta) }),
        3 => Request::GetPropList(GetPropListRequest { handle, flags: a, mid: MId(b), code_page: c }),
        4 => Request::GetProps(GetPropsRequest { handle, flags: a, stat, prop_tags }),
        5 => Request::GetSpecialTable(GetSpecialTableRequest { handle, flags: a, stat, version: b }),
        6 => Request::QueryColumns(QueryColumnsRequest { handle, reserved: a, flags: b }),
        7 => Request::GetNamesFromIDs(GetNamesFromIDsRequest { handle, reserved: a, guid, prop_tags }),
        _ => {
            let (mid1, mid2) = (MId(b), MId(c));
            Request::CompareMIds(CompareMIdsRequest { handle, reserved: a, stat, mid1, mid2 })
        }
    }
}

/// Responses of all operations according to the IDL.
fn response() -> impl Strategy<Value = Response> {
    let code = || any::<u32>().prop_map(ErrorCode);
    let row = || option::of(row()).prop_map(Ptr::from);
    prop_oneof![
        (stat(), rows(), tags_ptr(MId), code(), 0..7u16, any::<u32>()).prop_map(
            |(stat, rows, mids, return_value, which, version)| match which {
                0 => Response::QueryRows(QueryRowsResponse { stat, rows, return_value }),
                1 => Response::SeekEntries(SeekEntriesResponse { stat, rows, return_value }),
                2 => Response::GetMatches(GetMatchesResponse { stat, mids, rows, return_value }),
                3 => Response::GetSpecialTable(GetSpecialTableResponse { version, rows, return_value }),
                4 => Response::ResolveNames(ResolveNamesResponse { mids, rows, return_value }),
                5 => Response::ResolveNamesW(ResolveNamesWResponse { mids, rows, return_value }),
                _ => Response::ResortRestriction(ResortRestrictionResponse {
                    stat,
                    out_mids: mids,
                    return_value
                }),
            }
        ),
        (row(), code(), any::<bool>()).prop_map(|(row, return_value, properties)| {
            if properties {
                Response::GetProps(GetPropsResponse { row, return_value })
            } else {
                Response::GetTemplateInfo(GetTemplateInfoResponse { data: row, return_value })
            }
        }),
        (handle(), guid_ptr(), stat(), option::of(any::<i32>()), code(), 0..8u16).prop_map(
            |(handle, server_guid, stat, delta, return_value, which)| match which {
                0 => Response::Bind(BindResponse { server_guid, handle, return_value }),
                1 => Response::Unbind(UnbindResponse { handle, return_value }),
                2 => Response::UpdateStat(UpdateStatResponse { stat, delta: Ptr::from(delta), return_value }),
                3 => Response::ModProps(ModPropsResponse { return_value }),
                4 => Response::ModLinkAtt(ModLinkAttResponse { return_value }),
                5 => Response::DeleteEntries(DeleteEntriesResponse { return_value }),
                _ => Response::CompareMIds(CompareMIdsResponse { result: delta.unwrap_or(-1), return_value }),
            }
        ),
        (tags_ptr(PropTag), option::of(vec(name(), 0..4)), tags_ptr(MId), code(), 0..5u16).prop_map(
            |(prop_tags, names, mids, return_value, which)| match which {
                0 => Response::GetPropList(GetPropListResponse { prop_tags, return_value }),
                1 => Response::QueryColumns(QueryColumnsResponse { columns: prop_tags, return_value }),
                2 => Response::GetIDsFromNames(GetIDsFromNamesResponse { prop_tags, return_value }),
                3 => Response::DNToMId(DNToMIdResponse { mids, return_value }),
                _ => {
                    let names = Ptr::from(names.map(Counted));
                    Response::GetNamesFromIDs(GetNamesFromIDsResponse { prop_tags, names, return_value })
                }
            }
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn requests_round_trip(request in request()) {
        let stub = request.encode().unwrap();
        let (decoded, rest) = Request::decode(request.opnum(), &stub, Endian::Little).unwrap();
        prop_assert_eq!(rest.len(), 0);
        prop_assert_eq!(decoded.encode().unwrap(), stub);
        prop_assert_eq!(decoded.context_handle(), request.context_handle());
        prop_assert_eq!(decoded, request);
    }

    #[test]
    fn responses_round_trip(response in response()) {
        let stub = response.encode().unwrap();
        let (decoded, rest) = Response::decode(response.opnum(), &stub, Endian::Little).unwrap();
        prop_assert_eq!(rest.len(), 0);
        prop_assert_eq!(decoded.encode().unwrap(), stub);
        prop_assert_eq!(decoded.return_value(), response.return_value());
        prop_assert_eq!(decoded, response);
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes: Vec<u8>, opnum in 0..22u16, big: bool) {
        let endian = if big { Endian::Big } else { Endian::Little };
        let _ = Request::decode(opnum, &bytes, endian);
        let _ = Response::decode(opnum, &bytes, endian);
    }

    #[test]
    fn values_round_trip_as_property_values(value in value()) {
        let shared = value.to_value();
        prop_assert_eq!(shared.prop_type(), value.prop_type());
        let back = Value::try_from(shared.clone()).unwrap();
        prop_assert_eq!(back.to_value(), shared);
    }

    #[test]
    fn entry_ids_round_trip(uid: [u8; 16], display_type: u32, mid: u32, name in vec(1u8.., 0..40)) {
        let ephemeral = EphemeralEntryId {
            provider_uid: FlatUid(uid),
            display_type: DisplayType(display_type),
            mid: MId(mid),
        };
        let bytes = ephemeral.to_bytes().unwrap();
        prop_assert_eq!(bytes.len(), 32);
        prop_assert_eq!(EntryId::from_bytes(&bytes).unwrap(), EntryId::Ephemeral(ephemeral));
        let permanent = PermanentEntryId { display_type: DisplayType(display_type), distinguished_name: name };
        let bytes = permanent.to_bytes().unwrap();
        prop_assert_eq!(EntryId::from_bytes(&bytes).unwrap(), EntryId::Permanent(permanent));
    }
}

#[test]
fn a_permanent_entry_id_is_laid_out_as_specified() {
    let id =
        PermanentEntryId { display_type: DisplayType::DT_DISTLIST, distinguished_name: b"/o=L".to_vec() };
    let bytes = id.to_bytes().unwrap();
    assert_eq!(bytes[..4], [0, 0, 0, 0]);
    assert_eq!(
        FlatUid(bytes[4..20].try_into().unwrap()).guid().to_string(),
        "c840a7dc-42c0-1a10-b4b9-08002b2fe182"
    );
    assert_eq!(bytes[20..], *b"\x01\0\0\0\x01\0\0\0/o=L\0");
    let id = PermanentEntryId { distinguished_name: b"a\0b".to_vec(), ..id };
    assert!(id.to_bytes().is_err());
}

#[test]
fn distinguished_names_in_entry_ids_are_visited() {
    let id =
        PermanentEntryId { display_type: DisplayType::DT_MAILUSER, distinguished_name: b"/cn=EXCH".to_vec() };
    let other = SizedPtr::new(b"no entry id".to_vec());
    let values = SizedPtr::new(vec![other.clone(), SizedPtr::new(id.to_bytes().unwrap())]);
    let mut value = PropertyValue::new(PropTag::PidTagUserX509Certificate, Value::MultipleBinary(values));
    value.visit_texts_mut(&mut |place, text| {
        assert_eq!(place, TextKind::EntryId(PropTag::PidTagUserX509Certificate));
        let Text::Char(text) = text else { panic!() };
        *text = b"/cn=proxy.lab.test".to_vec();
    });
    let Value::MultipleBinary(values) = value.value else { panic!() };
    assert_eq!(values.as_slice()[0], other);
    let changed = PermanentEntryId::from_bytes(values.as_slice()[1].as_slice()).unwrap();
    assert_eq!(changed.distinguished_name, b"/cn=proxy.lab.test");
}

#[test]
fn an_undocumented_operation_keeps_its_bytes_but_no_foreign_byte_order() {
    let stub = [&[0; 20], &b"whatever"[..]].concat();
    let (request, rest) = Request::decode(15, &stub, Endian::Little).unwrap();
    assert_eq!((request.encode().unwrap(), rest.len()), (stub.clone(), 0));
    assert!(Request::decode(15, &stub, Endian::Big).is_err());
}

#[test]
fn a_deep_restriction_is_refused() {
    let level = [2u32, 2, 1].map(u32::to_le_bytes).concat();
    let mut stub = GetMatchesRequest {
        handle: ContextHandle::NULL,
        reserved1: 0,
        stat: Stat::default(),
        reserved: Ptr::NULL,
        reserved2: 0,
        filter: Ptr::NULL,
        prop_name: Ptr::NULL,
        requested: 0,
        prop_tags: Ptr::NULL,
    }
    .encode_stub()
    .unwrap();
    stub.truncate(68);
    stub.extend_from_slice(&1u32.to_le_bytes());
    stub.extend(level.repeat(100_000));
    let error = Request::decode(5, &stub, Endian::Little).unwrap_err();
    assert!(matches!(error.kind, wire::ErrorKind::TooDeep { .. }));
}
