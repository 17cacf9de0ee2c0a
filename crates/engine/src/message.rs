//! A message: its bytes as received, and its body, decoded on access.

use bytes::Bytes;
use wire::{Budget, Endian, Error, Reader, Result};

use crate::work::Work;

/// The decoded form of a request or a response.
pub trait Body: Sized {
    /// Identifies the structure of the body: the operation to which it belongs.
    type Key: Copy;

    /// How much of a body is decoded, in units of a [`Budget`].
    const LIMIT: u32;

    /// Decodes the body of the operation `key` from the rest of `stub`, in the reader's byte order. Also returns the
    /// bytes that follow the body.
    ///
    /// # Errors
    /// If the bytes are not a valid body of this operation.
    fn read(key: Self::Key, stub: Reader<'_>) -> Result<(Self, &[u8])>;

    /// As [`Body::read`], from a whole stub in the byte order `endian`, up to the [limit](Body::LIMIT).
    ///
    /// # Errors
    /// As [`Body::read`].
    fn decode(key: Self::Key, stub: &[u8], endian: Endian) -> Result<(Self, &[u8])> {
        let budget = Budget::new(Self::LIMIT);
        let (body, rest) = Self::read(key, Reader::with_endian(stub, endian).within(&budget))?;
        // The rest is a part of the stub, and not of the reader with the budget.
        let from = stub.len().saturating_sub(rest.len());
        Ok((body, stub.get(from..).unwrap_or_default()))
    }

    /// Encodes the body, little-endian.
    ///
    /// # Errors
    /// If a value does not fit its field.
    fn encode(&self) -> Result<Vec<u8>>;
}

/// A request or a response: the bytes as received, and the body, which is decoded on access.
///
/// An unchanged message is forwarded as received. A body is encoded again only after [`Message::change`],
/// [`Message::replace`], or a [`Message::edit`] that changed it.
#[derive(Debug)]
pub struct Message<B: Body> {
    key: B::Key,
    endian: Endian,
    original: Bytes,
    decoded: Option<Result<B>>,
    /// How many of the original bytes follow the body. They are preserved when the body is encoded again.
    trailing: usize,
    changed: bool,
    /// What was decoded, all in all.
    work: Work,
}

impl<B: Body> Message<B> {
    /// Creates a message of the operation `key` that was received as `original`.
    pub const fn new(key: B::Key, original: Bytes, endian: Endian) -> Self {
        Self { key, endian, original, decoded: None, trailing: 0, changed: false, work: Work::NONE }
    }

    /// Creates a message of the proxy, which has no original bytes.
    pub const fn from_body(key: B::Key, body: B) -> Self {
        Self {
            key,
            endian: Endian::Little,
            original: Bytes::new(),
            decoded: Some(Ok(body)),
            trailing: 0,
            changed: true,
            work: Work::NONE,
        }
    }

    /// The operation to which the message belongs.
    pub const fn key(&self) -> B::Key {
        self.key
    }

    /// The decoded body.
    ///
    /// # Errors
    /// If the message cannot be decoded. It is forwarded as received nevertheless.
    pub fn view(&mut self) -> Result<&B> {
        match self.decode() {
            Ok(body) => Ok(body),
            Err(error) => Err(error.clone()),
        }
    }

    /// The body, if it was decoded before.
    pub const fn viewed(&self) -> Option<&B> {
        match &self.decoded {
            Some(Ok(body)) => Some(body),
            _ => None,
        }
    }

    /// The decoded body, to be changed. It will be encoded again.
    ///
    /// # Errors
    /// If the message cannot be decoded.
    pub fn change(&mut self) -> Result<&mut B> {
        self.decode().as_ref().map_err(Clone::clone)?;
        self.changed = true;
        self.decode().as_mut().map_err(|error| error.clone())
    }

    /// Calls `edit` with the decoded body. The body is encoded again only if `edit` returns `true`,
    /// which states that it changed the body. Returns what `edit` returned.
    ///
    /// # Errors
    /// If the message cannot be decoded.
    pub fn edit(&mut self, edit: impl FnOnce(&mut B) -> bool) -> Result<bool> {
        let body = self.decode().as_mut().map_err(|error| error.clone())?;
        let changed = edit(body);
        self.changed |= changed;
        Ok(changed)
    }

    /// Replaces the body. The original trailing bytes are preserved.
    pub fn replace(&mut self, body: B) {
        self.decoded = Some(Ok(body));
        self.changed = true;
    }

    /// Replaces the whole message by little-endian bytes.
    pub fn replace_bytes(&mut self, bytes: Bytes) {
        self.original = bytes;
        self.endian = Endian::Little;
        self.decoded = None;
        self.trailing = 0;
        self.changed = false;
    }

    /// The bytes as received.
    pub const fn original(&self) -> &Bytes {
        &self.original
    }

    /// The byte order of the original bytes.
    pub const fn original_endian(&self) -> Endian {
        self.endian
    }

    /// What was decoded of the message.
    pub(crate) const fn work(&self) -> Work {
        self.work
    }

    /// Drops the decoded body, and the changes to it.
    pub(crate) fn drop_body(&mut self) {
        self.decoded = None;
        self.changed = false;
    }

    /// Drops the decoded body, unless it was changed. It is decoded again on access.
    pub(crate) fn drop_view(&mut self) {
        if !self.changed {
            self.decoded = None;
        }
    }

    /// The message as it was received, not decoded. Shares its bytes.
    pub(crate) fn as_received(&self) -> Self {
        Self::new(self.key, self.original.clone(), self.endian)
    }

    /// How many bytes the decoded body takes, at most.
    pub(crate) fn decoded_bytes(&self) -> usize {
        let strings = self.original.len();
        self.decoded.as_ref().map_or(0, |_| self.work.bytes().saturating_add(strings))
    }

    /// Whether the body will be encoded again.
    pub(crate) const fn is_changed(&self) -> bool {
        self.changed
    }

    /// The bytes to forward, and their byte order.
    ///
    /// # Errors
    /// If a changed body cannot be encoded.
    pub fn outgoing(&self) -> Result<(Bytes, Endian)> {
        match &self.decoded {
            Some(Ok(body)) if self.changed => {
                let mut stub = body.encode()?;
                let from = self.original.len().saturating_sub(self.trailing);
                stub.extend_from_slice(self.original.get(from..).unwrap_or_default());
                Ok((Bytes::from(stub), Endian::Little))
            }
            _ => Ok((self.original.clone(), self.endian)),
        }
    }

    fn decode(&mut self) -> &mut Result<B, Error> {
        let Self { key, endian, original, decoded, trailing, work, .. } = self;
        decoded.get_or_insert_with(|| {
            let budget = Budget::new(B::LIMIT);
            let read = B::read(*key, Reader::sharing(original).in_order(*endian).within(&budget));
            work.add(Work::of(&budget));
            let (body, rest) = read?;
            *trailing = rest.len();
            Ok(body)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Pair(u16, u16);

    impl Body for Pair {
        const LIMIT: u32 = 10;
        type Key = ();
        fn read((): (), mut r: Reader<'_>) -> Result<(Self, &[u8])> {
            Ok((Self(r.u16("a")?, r.u16("b")?), r.rest()))
        }
        fn encode(&self) -> Result<Vec<u8>> {
            let mut w = wire::Writer::new();
            w.u16(self.0).u16(self.1);
            Ok(w.into_vec())
        }
    }

    #[test]
    fn a_message_that_was_only_read_keeps_its_trailing_bytes() {
        let mut message = Message::<Pair>::new((), Bytes::from_static(&[0, 1, 0, 2, 9, 9]), Endian::Big);
        assert_eq!(message.view().unwrap(), &Pair(1, 2));
        assert!(!message.edit(|_| false).unwrap());
        assert_eq!(message.outgoing().unwrap(), (Bytes::from_static(&[0, 1, 0, 2, 9, 9]), Endian::Big));
    }

    #[test]
    fn a_changed_message_is_encoded_again_and_keeps_its_trailing_bytes() {
        let mut message = Message::<Pair>::new((), Bytes::from_static(&[0, 1, 0, 2, 9]), Endian::Big);
        message.change().unwrap().0 = 7;
        assert_eq!(message.outgoing().unwrap(), (Bytes::from_static(&[7, 0, 2, 0, 9]), Endian::Little));
    }

    #[test]
    fn a_message_that_cannot_be_decoded_is_forwarded_unchanged() {
        let mut message = Message::<Pair>::new((), Bytes::from_static(&[1]), Endian::Little);
        assert!(message.view().is_err());
        assert!(message.change().is_err());
        assert_eq!(message.outgoing().unwrap().0, Bytes::from_static(&[1]));
    }
}
