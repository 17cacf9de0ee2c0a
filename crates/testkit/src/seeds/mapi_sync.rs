//! Seeds for fuzzing synchronization and notifications.

use std::borrow::Cow;

use mapi::fast_transfer::{
    FolderReplicaInfo, Group, GroupProperty, GroupPropertyName, Marker, Multiple, Node, ProgressInformation,
    PropInfo, PropName, PropNameKey, Property, PropertyGroup, PropertyGroupInfo, Tree, Value,
};
use mapi::property::PropTag;
use mapi::rtf::{compress, store};
use wire::{Encode, Guid, Utf16, utf16le_bytes};

use crate::input::chosen;

/// A contents synchronisation that another implementation sent.
const CONTENTS: &[u8] = include_bytes!("../../../mapi/tests/data/fast_transfer_contents.bin");

fn group(marker: Marker, nodes: Vec<Node>) -> Node {
    Node::Group(Group { marker, nodes, is_ended: marker.end().is_some() })
}

fn node(tag: PropTag, value: Value<'static>) -> Node {
    Node::Property(Property::new(tag, value))
}

fn named(key: PropNameKey<'static>) -> Node {
    let name = Some(PropName { set: Guid::from_le([7; 16]), key });
    let info = PropInfo { tag: PropTag(0x8001_0003), name };
    Node::Property(Property { info, value: Value::Integer32(1) })
}

fn folder() -> Vec<Node> {
    let subject = Value::Bytes(utf16le_bytes("Grüße\0").into());
    let texts = Multiple { count: 2, items: Cow::Borrowed(&[2, 0, 0, 0, b'a', 0, 1, 0, 0, 0, 0]) };
    let numbers = Multiple { count: 2, items: Cow::Borrowed(&[1, 0, 0, 0, 2, 0, 0, 0]) };
    let embedded = group(Marker::StartEmbed, vec![node(PropTag::PidTagSubject, subject.clone())]);
    let message = vec![
        node(PropTag::PidTagSubject, subject),
        node(PropTag::MetaTagFXDelProp, Value::Integer32(0x0E12_000D)),
        node(PropTag(0x0037_84E4), Value::Bytes(Cow::Borrowed(b"x\0"))),
        node(PropTag(0x1234_101E), Value::Multiple(texts)),
        node(PropTag(0x1234_1003), Value::Multiple(numbers)),
        named(PropNameKey::Lid(0x8501)),
        named(PropNameKey::Text(utf16le_bytes("Keywords").into())),
        group(Marker::StartRecip, vec![node(PropTag::PidTagRowid, Value::Integer32(0))]),
        group(Marker::NewAttach, vec![node(PropTag::PidTagAttachNumber, Value::Integer32(0)), embedded]),
    ];
    let subfolder = group(Marker::StartSubFld, vec![node(PropTag::MetaTagEcWarning, Value::Integer32(0))]);
    vec![group(Marker::StartTopFld, vec![group(Marker::StartMessage, message), subfolder])]
}

fn sync() -> Vec<Node> {
    let progress = ProgressInformation::default().to_bytes().expect("a seed can be written");
    let state = [0x52, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 9, 0];
    let state = [&[7; 16][..], &state].concat();
    let given = node(PropTag::MetaTagIdsetGiven, Value::Bytes(state.into()));
    vec![
        group(Marker::IncrSyncProgressMode, vec![node(PropTag(0x0000_0102), Value::Bytes(progress.into()))]),
        group(Marker::IncrSyncProgressPerMsg, vec![node(PropTag(0x0000_000B), Value::Boolean(1))]),
        group(
            Marker::IncrSyncDel,
            vec![node(PropTag::MetaTagIdsetDeleted, Value::Bytes(Cow::Borrowed(&[1, 0, 0])))],
        ),
        group(Marker::IncrSyncStateBegin, vec![given]),
        group(Marker::IncrSyncEnd, Vec::new()),
    ]
}

pub(super) fn fast_transfer() -> Vec<Vec<u8>> {
    let bytes = |nodes| Tree { nodes, cut: Vec::new() }.to_bytes().expect("a seed can be written");
    let mut seeds = Vec::new();
    for stream in [bytes(folder()), bytes(sync()), CONTENTS.to_vec()] {
        seeds.push(chosen(&[1, 0, 255, 255], &stream));
        seeds.push(chosen(&[1, 9, 1, 2], &stream));
    }
    let name = GroupPropertyName::Text(Guid::NIL, Utf16::new("x"));
    let property = GroupProperty { tag: PropTag(0x8000_0003), name: Some(name) };
    let groups =
        PropertyGroupInfo { groups: vec![PropertyGroup(vec![property])], ..PropertyGroupInfo::default() };
    let replica = FolderReplicaInfo { server_dns: vec![b"/o=a".to_vec()], ..FolderReplicaInfo::default() };
    for value in [groups.to_bytes(), replica.to_bytes(), ProgressInformation::default().to_bytes()] {
        seeds.push(chosen(&[0], &value.expect("a seed can be written")));
    }
    seeds
}

pub(super) fn idsets() -> Vec<Vec<u8>> {
    let sets: [&[u8]; 5] = [
        &[0],
        &[6, 0, 0, 0, 0, 0, 9, 0],
        &[5, 0, 0, 0, 0, 1, 0x42, 0x10, 0x87, 3, 0x50, 0],
        &[4, 0, 0, 0, 1, 2, 0, 5, 2, 0, 7, 0x52, 1, 0, 1, 9, 0x50, 0],
        &[0x52, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 0],
    ];
    let mut seeds = Vec::new();
    for set in sets {
        seeds.push(chosen(&[0, 1, 0], &[set, &[2, 0], set].concat()));
        seeds.push(chosen(&[1], &[&[7; 16], set].concat()));
        for other in sets {
            let length = u8::try_from(set.len()).unwrap_or(u8::MAX);
            seeds.push(chosen(&[2, length, 0], &[set, other].concat()));
        }
    }
    seeds
}

pub(super) fn notifications() -> Vec<Vec<u8>> {
    let ids = [1, 0, 0, 0, 0, 0, 0, 0x0D].repeat(5);
    let of = |flags: u16, rest: &[u8]| chosen(&flags.to_le_bytes(), rest);
    let mail = [&ids[..16], &[4, 0, 0, 0, 0], b"IPM.Note\0"].concat();
    let row = [&[3, 0][..], &ids[..16], &[1, 0, 0, 0], &ids[..20], &[1, 0, 0]].concat();
    let tags = [1, 0, 0x1F, 0, 0x37, 0];
    vec![
        of(0x8002, &mail),
        of(0x0004, &[&ids[..16], &tags].concat()),
        of(0xC004, &[&ids[..24], &tags].concat()),
        of(0xC008, &[&ids[..16], &[0x2A]].concat()),
        of(0x3010, &[&ids[..8], &[255, 255], &ids[..8]].concat()),
        of(0x8020, &ids),
        of(0x0040, &ids),
        of(0x0080, &ids),
        of(0x8100, &row),
        of(0x0100, &[4, 0, 1, 0, 0, 0, 0, 0, 0, 9]),
        of(0x0100, &[1, 0]),
        of(0x0400, &[]),
    ]
}

pub(super) fn rtf() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 3] =
        [b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n", b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}", b""];
    let mut seeds = Vec::new();
    for text in texts {
        seeds.push(chosen(&[1], text));
        seeds.push(chosen(&[0], &compress(text).expect("a seed can be written")));
        seeds.push(chosen(&[0], &store(text).expect("a seed can be written")));
    }
    seeds
}
