//! GUIDs ([MS-DTYP] 2.3.4).

use std::fmt;
use std::str::FromStr;

use crate::codec::{Decode, Encode};
use crate::error::{Error, ErrorKind, Result};
use crate::reader::Reader;
use crate::writer::Writer;

/// A GUID ([MS-DTYP] 2.3.4): three integers in the byte order of the structure, and eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Guid {
    /// The first four bytes, as an integer.
    pub data1: u32,
    /// The next two bytes, as an integer.
    pub data2: u16,
    /// The next two bytes, as an integer.
    pub data3: u16,
    /// The last eight bytes.
    pub data4: [u8; 8],
}

impl Guid {
    /// The GUID whose bits are all zero.
    pub const NIL: Self = Self::new(0, 0, 0, [0; 8]);

    /// Creates a GUID from its four parts.
    pub const fn new(data1: u32, data2: u16, data3: u16, data4: [u8; 8]) -> Self {
        Self { data1, data2, data3, data4 }
    }

    /// Decodes the little-endian form.
    pub const fn from_le(bytes: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, data4 @ ..] = bytes;
        Self {
            data1: u32::from_le_bytes([a, b, c, d]),
            data2: u16::from_le_bytes([e, f]),
            data3: u16::from_le_bytes([g, h]),
            data4,
        }
    }

    /// Encodes the little-endian form.
    pub const fn to_le(self) -> [u8; 16] {
        let [a, b, c, d] = self.data1.to_le_bytes();
        let [e, f] = self.data2.to_le_bytes();
        let [g, h] = self.data3.to_le_bytes();
        let [i, j, k, l, m, n, o, p] = self.data4;
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    }

    /// Whether all bits are zero.
    pub fn is_nil(&self) -> bool {
        *self == Self::NIL
    }
}

impl Encode for Guid {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.bytes(&self.to_le());
        Ok(())
    }
}

impl<'a> Decode<'a> for Guid {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self {
            data1: r.u32("Data1")?,
            data2: r.u16("Data2")?,
            data3: r.u16("Data3")?,
            data4: r.array("Data4")?,
        })
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, rest @ ..] = self.data4;
        write!(f, "{:08x}-{:04x}-{:04x}-{a:02x}{b:02x}-", self.data1, self.data2, self.data3)?;
        rest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}

impl FromStr for Guid {
    type Err = Error;

    /// Parses `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, with or without braces.
    fn from_str(text: &str) -> Result<Self> {
        let fault = Error::new(ErrorKind::Text { expected: "a GUID in its 8-4-4-4-12 form" }, "GUID", 0);
        let bare = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
        let parts: Vec<&str> = bare.split('-').collect();
        let &[a, b, c, d, e] = parts.as_slice() else { return Err(fault) };
        let lengths = [a.len(), b.len(), c.len(), d.len(), e.len()];
        if lengths != [8, 4, 4, 4, 12] || !bare.bytes().all(|x| x.is_ascii_hexdigit() || x == b'-') {
            return Err(fault);
        }
        let tail = u64::from_str_radix(&format!("{d}{e}"), 16).map_err(|_| fault.clone())?;
        Ok(Self {
            data1: u32::from_str_radix(a, 16).map_err(|_| fault.clone())?,
            data2: u16::from_str_radix(b, 16).map_err(|_| fault.clone())?,
            data3: u16::from_str_radix(c, 16).map_err(|_| fault.clone())?,
            data4: tail.to_be_bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_guid_has_the_text_form_of_the_specification() {
        let rfr: Guid = "1544f5e0-613c-11d1-93df-00c04fd7bd09".parse().unwrap();
        let bytes =
            [0xe0, 0xf5, 0x44, 0x15, 0x3c, 0x61, 0xd1, 0x11, 0x93, 0xdf, 0, 0xc0, 0x4f, 0xd7, 0xbd, 9];
        assert_eq!(rfr.to_le(), bytes);
        assert_eq!(rfr.to_string(), "1544f5e0-613c-11d1-93df-00c04fd7bd09");
        assert!("1544f5e0-613c-11d1-93df-00c04fd7bd0".parse::<Guid>().is_err());
        assert!("+544f5e0-613c-11d1-93df-00c04fd7bd09".parse::<Guid>().is_err());
    }

    proptest! {
        #[test]
        fn a_guid_survives_encoding_and_formatting(bytes: [u8; 16]) {
            let guid = Guid::from_le(bytes);
            prop_assert_eq!(guid.to_le(), bytes);
            prop_assert_eq!(Guid::from_bytes(&bytes).unwrap(), guid);
            prop_assert_eq!(guid.to_string().parse::<Guid>().unwrap(), guid);
        }
    }
}
