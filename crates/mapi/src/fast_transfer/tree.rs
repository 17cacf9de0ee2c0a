//! A whole `FastTransfer` stream as a tree, and its builder.

use std::mem;

use wire::{Error, ErrorKind, Result, Writer};

use super::limits::Limits;
use super::marker::Marker;
use super::path::MAX_DEPTH;
use super::property::{Layout, text_of};
use super::property::{PropInfo, Property, Value};
use super::tokenizer::{Token, Tokenizer};
use crate::property::{PropTag, PropType};

/// What a [`TreeBuilder`] holds at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeLimits {
    /// What the tokenizer below holds.
    pub tokens: Limits,
    /// How deep parts may lie in one another.
    pub depth: u32,
    /// Properties and parts altogether.
    pub nodes: u32,
    /// Bytes of each large value that are kept.
    pub large: usize,
    /// Bytes of all values altogether that are kept.
    pub total: usize,
}

impl Default for TreeLimits {
    /// 64 deep, a quarter of a million nodes, 64 MB in all, of which one value may take everything.
    fn default() -> Self {
        Self { tokens: Limits::default(), depth: 64, nodes: 1 << 18, large: 64 << 20, total: 64 << 20 }
    }
}

/// What a stream says, as the parts that it is made of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    /// Properties and parts that lie in no other.
    pub nodes: Vec<Node>,
    /// The first bytes of a token that the end of the stream cut off.
    pub cut: Vec<u8>,
}

/// Something in a part of a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A property.
    Property(Property<'static>),
    /// A property with a large value.
    Large(LargeValue),
    /// A part.
    Group(Group),
}

/// A property whose value was too large to be held as one.
#[derive(Debug, Clone, PartialEq)]
pub struct LargeValue {
    /// Which property.
    pub info: PropInfo<'static>,
    /// Bytes of the value.
    pub length: u32,
    /// The bytes that were kept, from the first one on: fewer than `length` where the limits or the end of the
    /// stream cut them off.
    pub kept: Vec<u8>,
    /// Whether the limits cut the value off.
    pub is_shortened: bool,
}

/// A part of a stream: what a marker begins, until a marker ends it or another one begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The marker that begins it; for [`Marker::IncrSyncEnd`] there is nothing within.
    pub marker: Marker,
    /// What is in it, in order.
    pub nodes: Vec<Node>,
    /// Whether the marker that ends such a part came. Always false for parts that none ends.
    pub is_ended: bool,
}

impl Group {
    /// An empty part, not ended.
    pub const fn new(marker: Marker) -> Self {
        Self { marker, nodes: Vec::new(), is_ended: false }
    }

    /// The properties that lie directly in it.
    pub fn properties(&self) -> impl Iterator<Item = &Property<'static>> {
        properties(&self.nodes)
    }

    /// The property with the id of `tag`, if it lies directly in it.
    pub fn get(&self, tag: PropTag) -> Option<&Property<'static>> {
        self.properties().find(|property| property.info.tag.is_same_property(tag))
    }

    /// The parts that lie directly in it.
    pub fn groups(&self) -> impl Iterator<Item = &Self> {
        groups(&self.nodes)
    }

    /// The parts that `marker` begins, among those that lie directly in it.
    pub fn parts(&self, marker: Marker) -> impl Iterator<Item = &Self> {
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
    /// The text of what was kept, if it is a text.
    pub fn text(&self) -> Option<String> {
        text_of(self.info.tag.prop_type(), &self.kept)
    }
}

impl Tree {
    /// Reads a whole stream, or the beginning of one.
    ///
    /// # Errors
    /// When it is malformed, or over the limits.
    pub fn read(bytes: &[u8], limits: TreeLimits) -> Result<Self> {
        let mut builder = TreeBuilder::new(limits);
        builder.feed(bytes)?;
        Ok(builder.finish())
    }

    /// The properties that lie in no part.
    pub fn properties(&self) -> impl Iterator<Item = &Property<'static>> {
        properties(&self.nodes)
    }

    /// The parts that lie in no other.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        groups(&self.nodes)
    }

    /// The stream. It is the one that was read, byte for byte.
    ///
    /// # Errors
    /// When a value was cut off by the limits, a property's value is not of its tag's type, or parts lie more
    /// than 64 deep.
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

/// Makes a tree of a stream whose bytes come in pieces.
#[derive(Debug, Clone, Default)]
pub struct TreeBuilder {
    tokenizer: Tokenizer,
    inner: Builder,
}

impl TreeBuilder {
    /// At the beginning of a stream.
    pub fn new(limits: TreeLimits) -> Self {
        let inner = Builder { limits, ..Builder::default() };
        Self { tokenizer: Tokenizer::new(limits.tokens), inner }
    }

    /// Reads `bytes`, which follow those before.
    ///
    /// # Errors
    /// When the stream is malformed or over the limits. From then on every call is answered with the same
    /// error; what was read before stays.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        let inner = &mut self.inner;
        self.tokenizer.feed(bytes, |token| inner.token(token))
    }

    /// What was read. Parts that did not end are as far as they came.
    pub fn finish(mut self) -> Tree {
        while !self.inner.open.is_empty() {
            self.inner.close(false);
        }
        Tree { nodes: self.inner.roots, cut: self.tokenizer.pending().to_vec() }
    }

    /// Succeeds where the stream may end: no token and no part that a marker has to end is open.
    ///
    /// # Errors
    /// When it may not.
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
    /// Parts that have begun, each in the one before.
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
                return Err(Error::invalid("marker", 0, u64::from(marker.0), "the end of what has begun"));
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
        None => "an end",
    }
}

fn over(field: &'static str, length: usize, limit: usize) -> Error {
    let wide = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
    Error::new(ErrorKind::TooLong { length: wide(length), limit: wide(limit) }, field, 0)
}

impl Node {
    /// The property with `value` and a tag of its type.
    pub fn property(tag: PropTag, value: Value<'static>) -> Self {
        Self::Property(Property::new(tag, value))
    }

    /// The property that the node is or holds a part of.
    pub const fn info(&self) -> Option<&PropInfo<'static>> {
        match self {
            Self::Property(property) => Some(&property.info),
            Self::Large(large) => Some(&large.info),
            Self::Group(_) => None,
        }
    }

    /// The type of the property.
    pub fn prop_type(&self) -> Option<PropType> {
        self.info().map(|info| info.tag.prop_type())
    }
}
