//! Client and server versions ([MS-OXCRPC] 3.1.4.1.3.1).

use std::fmt;

/// The version of a client or server as transmitted: three words ([MS-OXCRPC] 3.1.4.1.3.1).
///
/// To compare versions, use [`Version::normalized`] or [`Version::at_least`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Version(pub [u16; 3]);

rpc::ndr_newtype!(Version => [u16; 3]);

/// The bit in the second word that is set if the first word contains both product numbers.
const NORMALIZED: u16 = 0x8000;

impl Version {
    /// The version `major.minor.build.revision` in the form that Exchange 2003 and later send; `None` if `build` is
    /// greater than 32,767.
    pub const fn new(major: u8, minor: u8, build: u16, revision: u16) -> Option<Self> {
        if build & NORMALIZED != 0 {
            return None;
        }
        Some(Self([u16::from_be_bytes([major, minor]), build | NORMALIZED, revision]))
    }

    /// The version `major.0.build.revision` in the form that Exchange 2000 and earlier send; `None` if `build` is
    /// greater than 32,767.
    pub const fn legacy(major: u16, build: u16, revision: u16) -> Option<Self> {
        if build & NORMALIZED != 0 {
            return None;
        }
        Some(Self([major, build, revision]))
    }

    /// Product major, product minor, build major and build minor number, in an order that compares.
    pub const fn normalized(self) -> [u16; 4] {
        let Self([product, build, revision]) = self;
        if build & NORMALIZED == 0 {
            return [product, 0, build, revision];
        }
        let [major, minor] = product.to_be_bytes();
        [u16::from_be_bytes([0, major]), u16::from_be_bytes([0, minor]), build & !NORMALIZED, revision]
    }

    /// Whether this version is equal to or later than `other`.
    pub fn at_least(self, other: Self) -> bool {
        self.normalized() >= other.normalized()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, build, revision] = self.normalized();
        write!(f, "{major}.{minor}.{build}.{revision}")
    }
}
