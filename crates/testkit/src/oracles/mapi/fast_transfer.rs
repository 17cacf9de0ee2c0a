//! Oracle: FastTransfer streams.

use std::fmt::Write;

use mapi::fast_transfer::{
    FolderReplicaInfo, Limits, Node, ProgressInformation, PropertyGroupInfo, Token, Tokenizer, Tree,
    TreeBuilder, TreeLimits,
};
use wire::Writer;

use super::stubs::same_bytes;
use crate::input::{Input, cuts};

/// Streams of FastTransfer.
///
/// The first byte selects what the rest is: 0 the value of a property that has a structure, otherwise a stream.
/// The next three bytes of a stream select how it is divided, the limit of a value that is kept, and that of a
/// tree. However it is divided, the tokens or the error are the same; the tokens are encoded to the same bytes;
/// and the memory does not exceed the limits. The same applies to trees.
///
/// # Panics
/// If one of these properties is violated.
pub fn fast_transfer(data: &[u8]) {
    let mut input = Input::new(data);
    if input.byte() == 0 {
        return values(input.rest());
    }
    let (cut, value, total) = (input.byte(), input.byte(), input.byte());
    let limits = Limits { value: usize::from(value) * 4, multiple: usize::from(value) * 16 };
    let stream = input.rest();
    tokens(stream, cut, limits);
    let total = usize::from(total) * 256;
    let limits = TreeLimits { tokens: limits, depth: 16, nodes: 4096, large: total / 4, total };
    tree(stream, cut, limits);
    tree(stream, cut, TreeLimits::default());
}

fn values(bytes: &[u8]) {
    same_bytes::<ProgressInformation>(bytes);
    same_bytes::<PropertyGroupInfo>(bytes);
    same_bytes::<FolderReplicaInfo>(bytes);
}

/// The result of one division: tokens, with the pieces of a value joined, and bytes.
fn read(stream: &[u8], cut: u8, limits: Limits) -> (String, Vec<u8>, wire::Result<()>) {
    let (mut shown, mut written) = (String::new(), Writer::new());
    let mut tokenizer = Tokenizer::new(limits);
    let mut result = Ok(());
    for piece in cuts(cut, stream) {
        result = tokenizer.feed(piece, |token| {
            token.write(&mut written).expect("what was read can be written");
            match token {
                Token::Piece { bytes, .. } => bytes.iter().for_each(|byte| shown.push(char::from(*byte))),
                Token::Large { length, .. } => {
                    assert!(usize::try_from(length).is_ok_and(|length| length > limits.value));
                    write!(shown, "{token:?}").expect("a text grows");
                }
                token => write!(shown, "{token:?}").expect("a text grows"),
            }
            Ok(())
        });
        assert!(tokenizer.pending().len() <= 4096 + limits.value.max(limits.multiple), "bounded");
        if result.is_err() {
            break;
        }
    }
    assert!(tokenizer.position() <= stream.len());
    (shown, written.into_vec(), result.and_then(|()| tokenizer.finish()))
}

fn tokens(stream: &[u8], cut: u8, limits: Limits) {
    let whole = read(stream, 0, limits);
    assert!(stream.starts_with(&whole.1), "it encodes to the decoded bytes");
    if whole.2.is_ok() {
        assert_eq!(whole.1, stream);
    }
    assert_eq!(read(stream, cut, limits), whole, "however it is cut");
}

fn tree(stream: &[u8], cut: u8, limits: TreeLimits) {
    let mut builder = TreeBuilder::new(limits);
    let result = cuts(cut, stream).into_iter().try_for_each(|piece| builder.feed(piece));
    let may_end = builder.may_end();
    let tree = builder.finish();
    let _ = tree.to_string();
    let whole = Tree::read(stream, limits);
    assert_eq!(result.as_ref().err(), whole.as_ref().err(), "however it is cut");
    let Ok(whole) = whole else { return };
    assert_eq!(format!("{tree:?}"), format!("{whole:?}"), "however it is cut");
    let mut kept = 0;
    let is_whole = count(&tree.nodes, 0, limits, &mut kept);
    assert!(kept <= limits.total, "bounded");
    if is_whole {
        assert_eq!(tree.to_bytes().as_deref(), Ok(stream), "it encodes to the decoded bytes");
    } else {
        assert!(tree.to_bytes().is_err());
    }
    assert!(may_end.is_err() || tree.cut.is_empty());
}

/// Whether every large value is whole.
fn count(nodes: &[Node], depth: u32, limits: TreeLimits, kept: &mut usize) -> bool {
    assert!(depth <= limits.depth);
    let mut is_whole = true;
    for node in nodes {
        match node {
            Node::Property(property) => drop(property.text()),
            Node::Large(large) => {
                *kept += large.kept.len();
                is_whole &= !large.is_shortened;
            }
            Node::Group(group) => is_whole &= count(&group.nodes, depth + 1, limits, kept),
        }
    }
    is_whole
}
