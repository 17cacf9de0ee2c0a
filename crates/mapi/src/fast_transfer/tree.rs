//! A FastTransfer stream as a tree, and its builder.

use std::mem;

use wire::{Error, ErrorKind, Result, Writer};

use super::limits::Limits;
use super::marker::Marker;
use super::path::MAX_DEPTH;
use super::property::{Layout, text_of};
use super::property::{PropInfo, Property, Value};
use super::tokenizer::{Token, Tokenizer};
use crate::property::{PropTag, PropType};

/// The limits of a [`TreeBuilder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeLimits {
    /// The limits of the tokenizer.
    pub tokens: Limits,
    /// The maximum nesting depth of groups; at most 64.
    pub depth: u32,
    /// The maximum number of properties and groups.
    pub nodes: u32,
    /// The maximum number of bytes that are kept of each large value.
    pub large: usize,
    /// The maximum number of bytes that are kept of all values together.
    pub total: usize,
}

impl Default for TreeLimits {
    /// A depth of 64, 262,144 nodes, and 64 MiB for all values together, which a single value may use up.
    fn default() -> Self {
        Self { tokens: Limits::default(), depth: 64, nodes: 1 << 18, large: 64 << 20, total: 64 << 20 }
    }
}

/// The decoded content of a stream.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    /// The properties and groups at the top level.
    pub nodes: Vec<Node>,
    /// The first bytes of a token that is incomplete at the end of the stream.
    pub cut: Vec<u8>,
}

/// An element of a group.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A property and its value.
    Property(Property<'static>),
    /// A property with a large value.
    Large(LargeValue),
    /// A nested group.
    Group(Group),
}

/// A property whose value exceeds [`Limits::value`].
#[derive(Debug, Clone, PartialEq)]
pub struct LargeValue {
    /// The tag and name of the property.
    pub info: PropInfo<'static>,
    /// The size of the value, in bytes.
    pub length: u32,
    /// The first bytes of the value: fewer than `length` if the value exceeds a limit or the stream ended.
    pub kept: Vec<u8>,
    /// Whether the value was shortened because it exceeds a limit.
    pub is_shortened: bool,
}

/// A group of elements: those from the marker that begins it to the marker that ends it or begins the next group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The marker that begins the group. After [`Marker::IncrSyncEnd`] the group is empty.
    pub marker: Marker,
    /// The elements of the group, in order.
    pub nodes: Vec<Node>,
    /// Whether the end marker was received. Always false for groups without an end marker.
    pub is_ended: bool,
}

impl Group {
    /// Creates an empty group that has not ended.
    pub const fn new(marker: Marker) -> Self {
        Self { marker, nodes: Vec::new(), is_ended: false }
    }

    /// The properties directly in the group.
    pub fn properties(&self) -> impl Iterator<Item = &Property<'static>> {
        properties(&self.nodes)
    }

    /// The property directly in the group that has the id of `tag`.
    pub fn get(&self, tag: PropTag) -> Option<&Property<'static>> {
        self.properties().find(|property| property.info.tag.is_same_property(tag))
    }

    /// The groups directly in the group.
    pub fn groups(&self) -> impl Iterator<Item = &Self> {
        groups(&self.nodes)
    }

    /// The groups directly in the group that begin with `marker`.
    pub fn groups_with(&self, marker: Marker) -> impl Iterator<Item = &Self> {
        self.groups().filter(move |group| group.marker == marker)
    }
}

fn properties(nodes: &[Node]) -> impl Iterator<Item = &Property<'static>> {
    nodes.iter().filter_map(|node| match node {
        Node::Property(property) => Some(property),
        Node::Large(_) | Node::Group(_) => None,
    })
}

fn groups(nodes: &[Node]) -> impl Iterator<Item = &Group> {
    nodes.iter().filter_map(|node| match node {
        Node::Group(group) => Some(group),
        Node::Large(_) | Node::Property(_) => None,
    })
}

impl LargeValue {
    /// The text of the kept bytes, if the property is a string.
    pub fn text(&self) -> Option<String> {
        text_of(self.info.tag.prop_type(), &self.kept)
    }
}

impl Tree {
    /// Decodes a stream, or the beginning of one.
    ///
    /// # Errors
    /// Fails if the stream is malformed, or exceeds `limits`.
    pub fn read(bytes: &[u8], limits: TreeLimits) -> Result<Self> {
        let mut builder = TreeBuilder::new(limits);
        builder.feed(bytes)?;
        Ok(builder.finish())
    }

    /// The properties at the top level.
    pub fn properties(&self) -> impl Iterator<Item = &Property<'static>> {
        properties(&self.nodes)
    }

    /// The groups at the top level.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        groups(&self.nodes)
    }

    /// Encodes the stream. The result is equal to the bytes that were decoded.
    ///
    /// # Errors
    /// Fails if a value was shortened, the value of a property does not match the type of its tag, or groups are nested
    /// more than 64 deep.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut w = Writer::new();
        write_nodes(&self.nodes, &mut w, 0)?;
        w.bytes(&self.cut);
        Ok(w.into_vec())
    }
}

fn write_nodes(nodes: &[Node], w: &mut Writer, depth: u32) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Error::new(ErrorKind::TooDeep { limit: MAX_DEPTH }, "marker", w.len()));
    }
    for node in nodes {
        match node {
            Node::Property(property) => property.write(w)?,
            Node::Large(large) => write_large(large, w)?,
            Node::Group(group) => {
                w.u32(group.marker.0);
                write_nodes(&group.nodes, w, depth.saturating_add(1))?;
                if let (true, Some(end)) = (group.is_ended, group.marker.end()) {
                    w.u32(end.0);
                }
            }
        }
    }
    Ok(())
}

fn write_large(large: &LargeValue, w: &mut Writer) -> Result<()> {
    let kept = u32::try_from(large.kept.len()).unwrap_or(u32::MAX);
    if large.is_shortened || kept > large.length || Layout::of(large.info.tag) != Some(Layout::Variable) {
        return Err(w.invalid("varSizeValue", u64::from(kept), "the whole value"));
    }
    Token::Large { info: large.info.clone(), length: large.length }.write(w)?;
    w.bytes(&large.kept);
    Ok(())
}

/// Builds the tree of a stream that is received in pieces.
#[derive(Debug, Clone, Default)]
pub struct TreeBuilder {
    tokenizer: Tokenizer,
    inner: Builder,
}

impl TreeBuilder {
    /// Creates a builder at the beginning of a stream.
    pub fn new(limits: TreeLimits) -> Self {
        let inner = Builder { limits, ..Builder::default() };
        Self { tokenizer: Tokenizer::new(limits.tokens), inner }
    }

    /// Decodes `bytes`, the next bytes of the stream.
    ///
    /// # Errors
    /// Fails if the stream is malformed or exceeds a limit. All further calls return the same error; the elements that
    /// were decoded before are kept.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        let inner = &mut self.inner;
        self.tokenizer.feed(bytes, |token| inner.token(token))
    }

    /// Returns the tree. Groups that did not end contain the elements that were decoded.
    pub fn finish(mut self) -> Tree {
        while !self.inner.open.is_empty() {
            self.inner.close(false);
        }
        Tree { nodes: self.inner.roots, cut: self.tokenizer.pending().to_vec() }
    }

    /// Checks that the stream may end here: no token is incomplete, and no group is open that an end marker has to end.
    ///
    /// # Errors
    /// Fails if the stream is incomplete or was malformed.
    pub fn may_end(&self) -> Result<()> {
        self.tokenizer.finish()?;
        match self.inner.open.iter().find_map(|group| group.marker.end()) {
            None => Ok(()),
            Some(end) => Err(Error::invalid("marker", self.tokenizer.position(), 0, expected(end))),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Builder {
    limits: TreeLimits,
    roots: Vec<Node>,
    /// The groups that have begun and not ended, outermost first.
    open: Vec<Group>,
    nodes: u32,
    total: usize,
}

impl Builder {
    fn token(&mut self, token: Token<'_>) -> Result<()> {
        match token {
            Token::Marker(marker) => self.marker(marker),
            Token::Property(property) => {
                self.total = self.total.saturating_add(size_of_value(&property));
                if self.total > self.limits.total {
                    return Err(over("propValue", self.total, self.limits.total));
                }
                self.push(Node::Property(property.into_owned()))
            }
            Token::Large { info, length } => {
                let info = info.into_owned();
                self.push(Node::Large(LargeValue { info, length, kept: Vec::new(), is_shortened: false }))
            }
            Token::Piece { bytes, .. } => {
                self.piece(bytes);
                Ok(())
            }
        }
    }

    fn piece(&mut self, bytes: &[u8]) {
        let nodes = self.open.last_mut().map_or(&mut self.roots, |group| &mut group.nodes);
        let Some(Node::Large(large)) = nodes.last_mut() else { return };
        let room = self.limits.large.saturating_sub(large.kept.len());
        let room = room.min(self.limits.total.saturating_sub(self.total));
        let kept = bytes.get(..room).unwrap_or(bytes);
        large.kept.extend_from_slice(kept);
        large.is_shortened |= kept.len() < bytes.len();
        self.total = self.total.saturating_add(kept.len());
    }

    fn marker(&mut self, marker: Marker) -> Result<()> {
        self.close_while(|group| group.marker.is_over_at(marker));
        if marker.is_end() {
            if self.open.last().is_none_or(|group| group.marker.end() != Some(marker)) {
                return Err(Error::invalid(
                    "marker",
                    0,
                    u64::from(marker.0),
                    "the end marker of the innermost open group",
                ));
            }
            self.close(true);
            return Ok(());
        }
        let limit = self.limits.depth.min(MAX_DEPTH);
        if self.open.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            return Err(Error::new(ErrorKind::TooDeep { limit }, "marker", 0));
        }
        self.count()?;
        self.open.push(Group::new(marker));
        Ok(())
    }

    fn push(&mut self, node: Node) -> Result<()> {
        self.count()?;
        self.open.last_mut().map_or(&mut self.roots, |group| &mut group.nodes).push(node);
        Ok(())
    }

    fn count(&mut self) -> Result<()> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > self.limits.nodes {
            let kind =
                ErrorKind::TooLong { length: u64::from(self.nodes), limit: u64::from(self.limits.nodes) };
            return Err(Error::new(kind, "element", 0));
        }
        Ok(())
    }

    fn close_while(&mut self, is_over: impl Fn(&Group) -> bool) {
        while self.open.last().is_some_and(&is_over) {
            self.close(false);
        }
    }

    fn close(&mut self, is_ended: bool) {
        let Some(mut group) = self.open.pop() else { return };
        group.is_ended = is_ended;
        group.nodes.shrink_to_fit();
        let nodes = self.open.last_mut().map_or(&mut self.roots, |group| &mut group.nodes);
        nodes.push(Node::Group(group));
    }
}

fn size_of_value(property: &Property<'_>) -> usize {
    mem::size_of::<Node>().saturating_add(match &property.value {
        Value::Bytes(bytes) => bytes.len(),
        Value::Multiple(multiple) => multiple.items.len(),
        _ => 0,
    })
}

const fn expected(end: Marker) -> &'static str {
    match end.name() {
        Some(name) => name,
        None => "an end marker",
    }
}

fn over(field: &'static str, length: usize, limit: usize) -> Error {
    let wide = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
    Error::new(ErrorKind::TooLong { length: wide(length), limit: wide(limit) }, field, 0)
}

impl Node {
    /// Creates a property with `value`, which must match the type of `tag`.
    pub fn property(tag: PropTag, value: Value<'static>) -> Self {
        Self::Property(Property::new(tag, value))
    }

    /// The tag and name of the property; `None` for a group.
    pub const fn info(&self) -> Option<&PropInfo<'static>> {
        match self {
            Self::Property(property) => Some(&property.info),
            Self::Large(large) => Some(&large.info),
            Self::Group(_) => None,
        }
    }

    /// The type of the property; `None` for a group.
    pub fn prop_type(&self) -> Option<PropType> {
        self.info().map(|info| info.tag.prop_type())
    }
}
