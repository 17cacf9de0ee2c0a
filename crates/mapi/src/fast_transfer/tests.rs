//! Tests of FastTransfer streams.

use std::borrow::Cow;

use proptest::prelude::*;
use wire::{Decode, Encode, ErrorKind, FileTime, Guid, Utf16, Writer};

use super::Marker as M;
use super::*;
use crate::ErrorCode;
use crate::property::{PropTag, PropType};

mod vectors;

fn tokens(bytes: &[u8], cut: usize, limits: Limits) -> wire::Result<(Vec<String>, Vec<u8>)> {
    let (mut shown, mut again) = (Vec::new(), Writer::new());
    let mut tokenizer = Tokenizer::new(limits);
    let mut visit = |token: Token<'_>| {
        token.write(&mut again)?;
        match token {
            Token::Piece { bytes, .. } => shown.extend(bytes.iter().map(|byte| format!("{byte:02x}"))),
            other => shown.push(format!("{other:?}")),
        }
        Ok(())
    };
    tokenizer.feed(&bytes[..cut], &mut visit)?;
    tokenizer.feed(&bytes[cut..], &mut visit)?;
    tokenizer.finish()?;
    assert_eq!(tokenizer.position(), bytes.len());
    Ok((shown, again.into_vec()))
}

fn stream(tokens: &[Token<'_>]) -> Vec<u8> {
    let mut w = Writer::new();
    for token in tokens {
        token.write(&mut w).unwrap();
    }
    w.into_vec()
}

fn text(text: &str) -> Value<'static> {
    Value::Bytes(Cow::Owned(wire::utf16le_bytes(&format!("{text}\0"))))
}

fn property(tag: PropTag, value: Value<'static>) -> Token<'static> {
    Token::Property(Property::new(tag, value))
}

#[test]
fn the_given_idset_is_binary_despite_its_integer_type() {
    let bytes =
        [0x03, 0x00, 0x17, 0x40, 2, 0, 0, 0, 0xAA, 0xBB, 0x14, 0x00, 0x14, 0x40, 0, 0, 0, 0, 0, 0, 0, 0];
    let tree = Tree::read(&bytes, TreeLimits::default()).unwrap();
    let given = tree.properties().next().unwrap();
    assert_eq!(
        (given.info.tag, &given.value),
        (PropTag::MetaTagIdsetGiven, &Value::Bytes(Cow::Borrowed(&[0xAA, 0xBB])))
    );
    assert_eq!(tree.to_bytes().unwrap(), bytes);
}

#[test]
fn the_type_may_be_a_code_page() {
    let info = PropInfo::new(PropTag::PidTagSubject.with_type(PropType(0x84E4)));
    let token = Token::Property(Property { info, value: Value::Bytes(Cow::Borrowed(b"abc\0")) });
    let bytes = stream(&[token]);
    assert_eq!(bytes, [0xE4, 0x84, 0x37, 0x00, 4, 0, 0, 0, b'a', b'b', b'c', 0]);
    let tree = Tree::read(&bytes, TreeLimits::default()).unwrap();
    assert_eq!(tree.properties().next().unwrap().text().as_deref(), Some("abc"));
}

#[test]
fn large_values_are_returned_in_pieces_without_buffering() {
    let value = vec![7; 1000];
    let info = PropInfo::new(PropTag::PidTagBody);
    let bytes = stream(&[
        Token::Marker(Marker::StartMessage),
        Token::Large { info: info.clone(), length: 1000 },
        Token::Piece { bytes: &value, is_last: true },
        Token::Marker(Marker::EndMessage),
    ]);
    let limits = Limits { value: 999, multiple: 0 };
    let mut tokenizer = Tokenizer::new(limits);
    let (mut pieces, mut lasts, mut others) = (0, 0, 0);
    for piece in bytes.chunks(10) {
        let visit = |token: Token<'_>| {
            match token {
                Token::Piece { bytes, is_last } => {
                    (pieces, lasts) = (pieces + bytes.len(), lasts + u32::from(is_last));
                }
                Token::Property(_) => panic!("too large"),
                Token::Marker(_) | Token::Large { .. } => others += 1,
            }
            Ok(())
        };
        tokenizer.feed(piece, visit).unwrap();
        assert!(tokenizer.pending().len() < 16);
    }
    assert_eq!((pieces, lasts, others), (1000, 1, 3));
    tokenizer.finish().unwrap();

    let limits = TreeLimits { tokens: limits, large: 600, ..TreeLimits::default() };
    let tree = Tree::read(&bytes, limits).unwrap();
    let message = tree.groups().next().unwrap();
    let Node::Large(large) = &message.nodes[0] else { panic!("a large value") };
    assert_eq!((large.kept.len(), large.is_shortened), (600, true));
    assert!(tree.to_bytes().is_err(), "what was not kept cannot be written");
}

#[test]
fn false_lengths_buffer_nothing() {
    let lies = [
        vec![0x02, 0x11, 0xFF, 0x0F, 0xFF, 0xFF, 0xFF, 0xFF],
        vec![0x03, 0x10, 0xFF, 0x0F, 0xFF, 0xFF, 0xFF, 0xFF],
        vec![0x02, 0x11, 0xFF, 0x0F, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
    ];
    for lie in &lies {
        let mut tokenizer = Tokenizer::new(Limits::default());
        let mut result = tokenizer.feed(lie, |_| Ok(()));
        for _ in 0..0x3_0000 {
            result = result.and_then(|()| tokenizer.feed(&[0; 64], |_| Ok(())));
        }
        assert!(tokenizer.pending().len() < 0x20_0000);
        let error = result.unwrap_err();
        assert!(matches!(error.kind, ErrorKind::TooLong { .. }), "{error}");
    }
    let mut name = vec![0x02, 0x01, 0x00, 0x80];
    name.extend([7; 16]);
    name.push(1);
    let mut tokenizer = Tokenizer::new(Limits::default());
    tokenizer.feed(&name, |_| Ok(())).unwrap();
    let error = tokenizer.feed(&[b'x'; 4096], |_| Ok(())).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::TooLong { .. }), "{error}");
    assert_eq!(tokenizer.feed(&[0], |_| Ok(())), Err(error.clone()), "an error stays");
    assert_eq!(tokenizer.finish(), Err(error));
}

#[test]
fn a_malformed_stream_is_refused_with_the_offset() {
    let bytes = [0x0C, 0x40, 0x03, 0x00].map(|_| 0u8);
    let error = Tree::read(&bytes, TreeLimits::default()).unwrap_err();
    assert_eq!(error.structure, "FastTransfer");
    let mut bytes =
        stream(&[Token::Marker(Marker::StartMessage), property(PropTag::PidTagSubject, text("x"))]);
    let place = bytes.len();
    bytes.extend([0xFD, 0x00, 0x01, 0x00, 0, 0]);
    let error = Tree::read(&bytes, TreeLimits::default()).unwrap_err();
    assert_eq!((error.field, error.offset), ("propType", place));
    let kind = [&[0x02, 0x01, 0x00, 0x80][..], &[0; 16], &[2], &[0; 30]].concat();
    assert_eq!(Tree::read(&kind, TreeLimits::default()).unwrap_err().field, "Kind");
}

#[test]
fn unbalanced_markers_are_refused() {
    let read = |markers: &[Marker]| {
        let tokens: Vec<_> = markers.iter().map(|marker| Token::Marker(*marker)).collect();
        let mut builder = TreeBuilder::new(TreeLimits::default());
        builder.feed(&stream(&tokens)).and_then(|()| builder.may_end()).map(|()| builder.finish())
    };
    assert!(read(&[M::StartMessage, M::EndMessage]).is_ok());
    assert!(read(&[M::StartFAIMsg, M::EndMessage]).is_ok());
    assert!(read(&[M::StartMessage]).is_err());
    assert!(read(&[M::EndMessage]).is_err());
    assert!(read(&[M::StartMessage, M::EndEmbed]).is_err());
    assert!(read(&[M::StartMessage, M::NewAttach, M::EndMessage]).is_err());
    assert!(read(&[M::IncrSyncDel, M::EndMessage]).is_err());

    let tree = read(&[
        M::IncrSyncProgressMode,
        M::IncrSyncProgressPerMsg,
        M::IncrSyncChg,
        M::IncrSyncMessage,
        M::StartRecip,
        M::EndToRecip,
        M::NewAttach,
        M::StartEmbed,
        M::EndEmbed,
        M::EndAttach,
        M::IncrSyncChg,
        M::IncrSyncMessage,
        M::IncrSyncDel,
        M::IncrSyncRead,
        M::IncrSyncStateBegin,
        M::IncrSyncStateEnd,
        M::IncrSyncEnd,
    ])
    .unwrap();
    let tops: Vec<_> = tree.groups().map(|group| group.marker).collect();
    assert_eq!(
        tops,
        [
            M::IncrSyncProgressMode,
            M::IncrSyncProgressPerMsg,
            M::IncrSyncChg,
            M::IncrSyncChg,
            M::IncrSyncDel,
            M::IncrSyncRead,
            M::IncrSyncStateBegin,
            M::IncrSyncEnd
        ]
    );
    let change = tree.groups().nth(2).unwrap();
    let message = change.groups_with(M::IncrSyncMessage).next().unwrap();
    assert_eq!(message.groups_with(M::StartRecip).count(), 1);
    assert_eq!(message.groups_with(M::NewAttach).next().unwrap().groups_with(M::StartEmbed).count(), 1);
}

#[test]
fn depth_nodes_and_bytes_are_bounded() {
    let deep = stream(&vec![Token::Marker(Marker::StartEmbed); 10_000]);
    let error = Tree::read(&deep, TreeLimits::default()).unwrap_err();
    assert_eq!((error.kind, error.offset), (ErrorKind::TooDeep { limit: 64 }, 4 * 64));
    let wide = stream(&vec![Token::Marker(Marker::IncrSyncEnd); 100]);
    let limits = TreeLimits { nodes: 99, ..TreeLimits::default() };
    assert!(matches!(Tree::read(&wide, limits).unwrap_err().kind, ErrorKind::TooLong { limit: 99, .. }));
    let much = stream(&vec![property(PropTag::PidTagBody, text(&"x".repeat(1000))); 10]);
    let limits = TreeLimits { total: 10_000, ..TreeLimits::default() };
    assert!(matches!(Tree::read(&much, limits).unwrap_err().kind, ErrorKind::TooLong { .. }));
}

#[test]
fn an_encoder_refuses_ambiguous_tokens() {
    let refused = |token: Token<'_>| token.write(&mut Writer::new()).is_err();
    assert!(refused(property(PropTag::PidTagSubject, Value::Integer32(1))));
    assert!(refused(property(PropTag::PidTagImportance, Value::Integer64(1))));
    assert!(refused(property(PropTag(0x8001_0003), Value::Integer32(1))), "a name is missing");
    let one = Multiple { count: 1, items: Cow::Borrowed(&[1, 2, 3]) };
    assert!(refused(property(PropTag(0x1234_1003), Value::Multiple(one))));
    let key = PropNameKey::Text(Cow::Borrowed(&[b'a', 0, 0, 0]));
    let info = PropInfo { tag: PropTag(0x8001_0003), name: Some(PropName { set: Guid::NIL, key }) };
    assert!(refused(Token::Property(Property { info, value: Value::Integer32(1) })));
}

#[test]
fn structures_in_values_round_trip() {
    let progress = ProgressInformation {
        fai_message_count: 1,
        normal_message_count: 2,
        normal_message_total_size: 1 << 40,
        ..ProgressInformation::default()
    };
    let bytes = progress.to_bytes().unwrap();
    assert_eq!(bytes.len(), 32);
    assert_eq!(ProgressInformation::from_bytes(&bytes), Ok(progress));

    let named = |key| GroupProperty { tag: PropTag(0x8000_001F), name: Some(key) };
    let groups = PropertyGroupInfo {
        group_id: 9,
        reserved: 0,
        groups: vec![
            PropertyGroup(vec![GroupProperty { tag: PropTag::PidTagSubject, name: None }]),
            PropertyGroup(vec![
                named(GroupPropertyName::Lid(Guid::NIL, 0x8501)),
                named(GroupPropertyName::Text(Guid::NIL, Utf16::new("Keywords"))),
            ]),
        ],
    };
    assert_eq!(PropertyGroupInfo::from_bytes(&groups.to_bytes().unwrap()), Ok(groups));
    assert!(PropertyGroupInfo::from_bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]).is_err());

    let replicas = FolderReplicaInfo {
        folder_long_term_id: [3; 24],
        cheap_server_dn_count: 1,
        server_dns: vec![b"/o=a".to_vec(), Vec::new()],
        ..FolderReplicaInfo::default()
    };
    assert_eq!(FolderReplicaInfo::from_bytes(&replicas.to_bytes().unwrap()), Ok(replicas));
}

fn info() -> impl Strategy<Value = Option<PropName<'static>>> {
    let name = prop::collection::vec(1u16.., 0..6).prop_map(|units| {
        PropNameKey::Text(units.into_iter().flat_map(u16::to_le_bytes).collect::<Vec<_>>().into())
    });
    let key = prop_oneof![any::<u32>().prop_map(PropNameKey::Lid), name];
    let named = (any::<[u8; 16]>(), key).prop_map(|(set, key)| PropName { set: Guid::from_le(set), key });
    prop::option::weighted(0.2, named)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..20)
}

fn value() -> impl Strategy<Value = (PropType, Value<'static>)> {
    use PropType as T;
    let fixed = prop_oneof![
        any::<i16>().prop_map(|x| (T::PtypInteger16, Value::Integer16(x))),
        any::<i32>().prop_map(|x| (T::PtypInteger32, Value::Integer32(x))),
        any::<f32>().prop_map(|x| (T::PtypFloating32, Value::Floating32(x))),
        any::<f64>().prop_map(|x| (T::PtypFloatingTime, Value::Floating64(x))),
        any::<i64>().prop_map(|x| (T::PtypCurrency, Value::Integer64(x))),
        any::<u32>().prop_map(|x| (T::PtypErrorCode, Value::Error(ErrorCode(x)))),
        any::<u16>().prop_map(|x| (T::PtypBoolean, Value::Boolean(x))),
        any::<u64>().prop_map(|x| (T::PtypTime, Value::Time(FileTime(x)))),
        any::<[u8; 16]>().prop_map(|x| (T::PtypGuid, Value::Guid(Guid::from_le(x)))),
    ];
    let types =
        [T::PtypString, T::PtypString8, T::PtypBinary, T::PtypObject, T::PtypServerId, T(0x84E4), T(0xFDE9)];
    let variable = (prop::sample::select(types.to_vec()), bytes())
        .prop_map(|(kind, bytes)| (kind, Value::Bytes(bytes.into())));
    let numbers = prop::collection::vec(any::<[u8; 8]>(), 0..4).prop_map(|items| {
        let count = u32::try_from(items.len()).unwrap();
        (T::PtypMultipleTime, Value::Multiple(Multiple { count, items: items.concat().into() }))
    });
    let texts = prop::collection::vec(bytes(), 0..4).prop_map(|items| {
        let count = u32::try_from(items.len()).unwrap();
        let item = |item: &Vec<u8>| [&u32::try_from(item.len()).unwrap().to_le_bytes(), &item[..]].concat();
        let items: Vec<u8> = items.iter().flat_map(item).collect();
        (T::PtypMultipleBinary, Value::Multiple(Multiple { count, items: items.into() }))
    });
    prop_oneof![fixed, variable, numbers, texts]
}

fn any_property() -> impl Strategy<Value = Property<'static>> {
    (0u16..0x7FFF, info(), value()).prop_filter_map("a marker", |(id, name, (prop_type, value))| {
        let tag = PropTag::new(if name.is_some() { id | 0x8000 } else { id }, prop_type);
        let is_special = Marker::from_number(tag.0).is_some() || tag == PropTag::MetaTagIdsetGiven;
        (!is_special).then_some(Property { info: PropInfo { tag, name }, value })
    })
}

fn group(marker: Marker, nodes: Vec<Node>) -> Node {
    Node::Group(Group { marker, nodes, is_ended: marker.end().is_some() })
}

/// Trees that can be encoded: an element without an end marker must be followed by another marker.
fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let properties = || prop::collection::vec(any_property().prop_map(Node::Property), 0..4);
    let ended = [
        Marker::StartTopFld,
        Marker::StartSubFld,
        Marker::StartMessage,
        Marker::StartFAIMsg,
        Marker::StartRecip,
        Marker::NewAttach,
        Marker::StartEmbed,
    ];
    let content = properties().prop_recursive(4, 24, 4, move |inner| {
        let inner =
            (prop::sample::select(ended.to_vec()), inner).prop_map(|(marker, nodes)| group(marker, nodes));
        (properties(), prop::collection::vec(inner, 0..3)).prop_map(|(first, then)| [first, then].concat())
    });
    let sections =
        [Marker::IncrSyncDel, Marker::IncrSyncRead, Marker::IncrSyncProgressMode, Marker::FXErrorInfo];
    let section = prop_oneof![
        (prop::sample::select(sections.to_vec()), properties())
            .prop_map(|(marker, nodes)| group(marker, nodes)),
        (properties(), content.clone()).prop_map(|(header, message)| {
            group(Marker::IncrSyncChg, [header, vec![group(Marker::IncrSyncMessage, message)]].concat())
        }),
        properties().prop_map(|nodes| group(Marker::IncrSyncStateBegin, nodes)),
        Just(group(Marker::IncrSyncEnd, Vec::new())),
    ];
    (content, prop::collection::vec(section, 0..4)).prop_map(|(first, then)| [first, then].concat())
}

proptest! {
    #[test]
    fn trees_round_trip(nodes in nodes()) {
        let tree = Tree { nodes, cut: Vec::new() };
        let bytes = tree.to_bytes().unwrap();
        let read = Tree::read(&bytes, TreeLimits::default()).unwrap();
        prop_assert_eq!(read.to_bytes().unwrap(), bytes);
        prop_assert_eq!(format!("{read:?}"), format!("{tree:?}"));
        let _ = tree.to_string();
    }

    #[test]
    fn streams_may_be_split_anywhere(nodes in nodes(), value in 0usize..12) {
        let bytes = Tree { nodes, cut: Vec::new() }.to_bytes().unwrap();
        for limits in [Limits::default(), Limits { value, ..Limits::default() }] {
            let whole = tokens(&bytes, 0, limits).unwrap();
            prop_assert_eq!(&whole.1, &bytes);
            for cut in 0..bytes.len() {
                prop_assert_eq!(&tokens(&bytes, cut, limits).unwrap(), &whole);
                let limits = TreeLimits { tokens: limits, ..TreeLimits::default() };
                let part = Tree::read(&bytes[..cut], limits).unwrap();
                prop_assert_eq!(part.to_bytes().unwrap(), &bytes[..cut]);
            }
        }
    }

    #[test]
    fn decoding_byte_by_byte_yields_the_same_tokens(nodes in nodes()) {
        let bytes = Tree { nodes, cut: Vec::new() }.to_bytes().unwrap();
        let mut builder = TreeBuilder::new(TreeLimits::default());
        for byte in &bytes {
            builder.feed(&[*byte]).unwrap();
        }
        prop_assert_eq!(builder.finish().to_bytes().unwrap(), bytes);
    }
}
