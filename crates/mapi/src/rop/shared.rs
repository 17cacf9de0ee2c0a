//! Types of fields that several ROPs have.

use wire::{Reader, Result, Writer};

use super::field::{AsciiZ, Bool};
use super::format::Rop;
use crate::data::{
    ChangeNumber, FolderId, GlobalCounter, LongTermId, MessageId, PropertyName, PropertyProblemArray,
    SortOrder, SortOrderSet, Text, TypedString,
};
use crate::field::{Field, FieldBy, newtype_field};
use crate::inspect::{Inspect, Node};
use crate::property::{Layout, PropertyList, Restriction};

/// Implements [`Field`] for structures that implement [`wire::Decode`] and [`wire::Encode`].
macro_rules! coded_field {
    ($($name:ident as $size:literal),* $(,)?) => {
        $(impl $crate::field::Field<Rop> for $name {
            const MIN_SIZE: usize = $size;

            fn read(r: &mut ::wire::Reader<'_>, _field: &'static str) -> ::wire::Result<Self> {
                <Self as ::wire::Decode>::decode(r)
            }

            fn write(&self, w: &mut ::wire::Writer, _field: &'static str) -> ::wire::Result<()> {
                ::wire::Encode::encode(self, w)
            }
        })*
    };
}

newtype_field!(FolderId(u64));
newtype_field!(MessageId(u64));
newtype_field!(ChangeNumber(u64));
coded_field!(LongTermId as 24, SortOrder as 5, SortOrderSet as 6, GlobalCounter as 6);
coded_field!(PropertyName as 17, PropertyProblemArray as 2, TypedString as 1);

/// A text that is UTF-16 if an earlier Boolean is true.
impl FieldBy<Rop, Bool> for Text {
    fn read_by(r: &mut Reader<'_>, field: &'static str, by: &Bool) -> Result<Self> {
        Self::read(r, by.is_true(), field)
    }

    fn write_by(&self, w: &mut Writer, field: &'static str, by: &Bool) -> Result<()> {
        self.write(w, by.is_true(), field)
    }
}

/// A list of properties and values that is encoded with its 16-bit count.
impl Field<Rop> for PropertyList {
    const MIN_SIZE: usize = 2;

    fn read(r: &mut Reader<'_>, _field: &'static str) -> Result<Self> {
        Self::read_counted16(r, Layout::Rop)
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        self.write_counted16(w, Layout::Rop)
    }
}

impl Field<Rop> for Restriction {
    fn read(r: &mut Reader<'_>, _field: &'static str) -> Result<Self> {
        Self::read(r, Layout::Rop)
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        self.write(w, Layout::Rop)
    }
}

/// A structure that is encoded with its 16-bit size.
#[derive(Debug, Clone, PartialEq)]
pub struct Sized16<T> {
    /// The structure; `None` if there are no bytes, or the bytes cannot be decoded.
    pub value: Option<Box<T>>,
    /// The bytes after the structure; all bytes, if they cannot be decoded.
    pub trailing: Vec<u8>,
}

impl<T> Sized16<T> {
    /// Creates the structure `value` without trailing bytes.
    pub fn new(value: T) -> Self {
        Self { value: Some(Box::new(value)), trailing: Vec::new() }
    }
}

impl<T> Default for Sized16<T> {
    fn default() -> Self {
        Self { value: None, trailing: Vec::new() }
    }
}

impl<T: Inspect> Inspect for Sized16<T> {
    fn to_node(&self) -> Node {
        match &self.value {
            None if self.trailing.is_empty() => Node::Nothing,
            None => Node::Bytes(self.trailing.clone()),
            Some(value) if self.trailing.is_empty() => value.to_node(),
            Some(value) => Node::List(vec![value.to_node(), Node::Bytes(self.trailing.clone())]),
        }
    }
}

impl<T: Field<Rop>> Field<Rop> for Sized16<T> {
    const MIN_SIZE: usize = 2;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let size = r.u16(field)?;
        let mut sub = r.sub(usize::from(size), field)?;
        let all = sub.peek();
        if all.is_empty() {
            return Ok(Self::default());
        }
        Ok(T::read(&mut sub, field).map_or_else(
            |_| Self { value: None, trailing: all.to_vec() },
            |value| Self { value: Some(Box::new(value)), trailing: sub.rest().to_vec() },
        ))
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        let mark = w.mark16();
        if let Some(value) = &self.value {
            value.write(w, field)?;
        }
        w.bytes(&self.trailing);
        w.fill16(mark, w.since(mark, 2), field)
    }
}

/// The servers that have a public folder ([MS-OXCROPS] 2.2.3.6.2, 2.2.3.7.2, 2.2.4.1.2, 2.2.4.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GhostServers {
    /// The number of servers, from the first one on, with the lowest cost of access.
    pub cheap_servers_count: u16,
    /// The distinguished names of the servers, in ascending order of cost.
    pub servers: Vec<AsciiZ>,
}

impl Field<Rop> for GhostServers {
    const MIN_SIZE: usize = 4;

    fn read(r: &mut Reader<'_>, _field: &'static str) -> Result<Self> {
        let count = r.u16("ServersCount")?;
        let cheap_servers_count = r.u16("CheapServersCount")?;
        let count = r.elements(u32::from(count), 1, u32::MAX, "ServersCount")?;
        let mut servers = Vec::with_capacity(count.min(16));
        for _ in 0..count {
            servers.push(AsciiZ::read(r, "Servers")?);
        }
        Ok(Self { cheap_servers_count, servers })
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        w.len16(self.servers.len(), "ServersCount")?.u16(self.cheap_servers_count);
        self.servers.iter().try_for_each(|server| server.write(w, "Servers"))
    }
}

impl Inspect for GhostServers {
    fn to_node(&self) -> Node {
        Node::Fields(vec![
            ("CheapServersCount".into(), self.cheap_servers_count.to_node()),
            ("Servers".into(), self.servers.to_node()),
        ])
    }
}
