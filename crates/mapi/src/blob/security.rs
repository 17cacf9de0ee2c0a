//! Security identifiers, ACLs and descriptors ([MS-DTYP] 2.4).

use std::fmt;

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

use crate::inspect::{Inspect, Node};

/// A security identifier ([MS-DTYP] 2.4.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sid {
    /// The authority that issued the identifier, in big-endian byte order.
    pub authority: [u8; 6],
    /// The domain and the account, relative to the authority.
    pub sub_authorities: Vec<u32>,
}

/// The maximum number of sub-authorities.
const MAX_SUB_AUTHORITIES: u8 = 15;

impl<'a> Decode<'a> for Sid {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let revision = r.u8("Revision")?;
        if revision != 1 {
            return Err(r.invalid("Revision", u64::from(revision), "1"));
        }
        let count = r.u8("SubAuthorityCount")?;
        if count > MAX_SUB_AUTHORITIES {
            return Err(r.invalid("SubAuthorityCount", u64::from(count), "at most 15"));
        }
        let authority = r.array("IdentifierAuthority")?;
        let sub_authorities = (0..count).map(|_| r.u32("SubAuthority")).collect::<Result<_>>()?;
        Ok(Self { authority, sub_authorities })
    }
}

impl Encode for Sid {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        let count =
            u8::try_from(self.sub_authorities.len()).ok().filter(|count| *count <= MAX_SUB_AUTHORITIES);
        let count = count.ok_or_else(|| w.invalid("SubAuthorityCount", 16, "at most 15"))?;
        w.u8(1).u8(count).bytes(&self.authority);
        for part in &self.sub_authorities {
            w.u32(*part);
        }
        Ok(())
    }
}

impl fmt::Display for Sid {
    /// Formats the identifier as in [MS-DTYP] 2.4.2.1: `S-1-5-21-1-2-3-500`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.authority;
        let authority = u64::from_be_bytes([0, 0, a, b, c, d, e, g]);
        if authority > u64::from(u32::MAX) {
            write!(f, "S-1-{authority:#014x}")?;
        } else {
            write!(f, "S-1-{authority}")?;
        }
        self.sub_authorities.iter().try_for_each(|part| write!(f, "-{part}"))
    }
}

impl Inspect for Sid {
    fn to_node(&self) -> Node {
        Node::Text(self.to_string())
    }
}

wire::wire_enum! {
    /// The type of an entry of an access control list ([MS-DTYP] 2.4.4.1).
    pub struct AceType(u8) {
        /// Allows access.
        ACCESS_ALLOWED = 0x00,
        /// Denies access.
        ACCESS_DENIED = 0x01,
        /// Causes access to be audited.
        SYSTEM_AUDIT = 0x02,
        /// Allows access to an object, a property set or a property.
        ACCESS_ALLOWED_OBJECT = 0x05,
        /// Denies access to an object, a property set or a property.
        ACCESS_DENIED_OBJECT = 0x06,
        /// Causes access to an object, a property set or a property to be audited.
        SYSTEM_AUDIT_OBJECT = 0x07,
        /// Allows access under a condition.
        ACCESS_ALLOWED_CALLBACK = 0x09,
        /// Denies access under a condition.
        ACCESS_DENIED_CALLBACK = 0x0A,
        /// Allows access to an object, a property set or a property under a condition.
        ACCESS_ALLOWED_CALLBACK_OBJECT = 0x0B,
        /// Denies access to an object, a property set or a property under a condition.
        ACCESS_DENIED_CALLBACK_OBJECT = 0x0C,
        /// Causes access to be audited under a condition.
        SYSTEM_AUDIT_CALLBACK = 0x0D,
        /// Causes access to an object, a property set or a property to be audited under a condition.
        SYSTEM_AUDIT_CALLBACK_OBJECT = 0x0F,
        /// The integrity level of the object.
        SYSTEM_MANDATORY_LABEL = 0x11,
        /// A claim about the object.
        SYSTEM_RESOURCE_ATTRIBUTE = 0x12,
        /// The central access policy of the object.
        SYSTEM_SCOPED_POLICY_ID = 0x13,
    }
}

/// An entry of an access control list ([MS-DTYP] 2.4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ace {
    /// The type of the entry.
    pub ace_type: AceType,
    /// How the entry is inherited and audited.
    pub flags: u8,
    /// What follows the header.
    pub body: AceBody,
}

/// An entry of an access control list after its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AceBody {
    /// Rights and a trustee, which all specified types have ([MS-DTYP] 2.4.4.2 to 2.4.4.16).
    Trustee {
        /// The access rights to which the entry applies.
        mask: u32,
        /// `ObjectType` and `InheritedObjectType`: the kinds of objects to which the entry applies, and which inherit
        /// it.
        object_types: [Option<Guid>; 2],
        /// The trustee to whom the entry applies.
        sid: Sid,
        /// `ApplicationData` or `AttributeData`: a condition or a claim.
        data: Vec<u8>,
    },
    /// The bytes of an entry of an unknown type.
    Unknown(Vec<u8>),
}

impl AceType {
    /// Whether the entry has GUIDs.
    const fn has_object_types(self) -> bool {
        matches!(
            self,
            Self::ACCESS_ALLOWED_OBJECT
                | Self::ACCESS_DENIED_OBJECT
                | Self::SYSTEM_AUDIT_OBJECT
                | Self::ACCESS_ALLOWED_CALLBACK_OBJECT
                | Self::ACCESS_DENIED_CALLBACK_OBJECT
                | Self::SYSTEM_AUDIT_CALLBACK_OBJECT
        )
    }
}

impl<'a> Decode<'a> for Ace {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let (ace_type, flags) = (AceType(r.u8("AceType")?), r.u8("AceFlags")?);
        let size = usize::from(r.u16("AceSize")?);
        let mut inner = r.sub(size.saturating_sub(4), "Ace")?;
        if ace_type.name().is_none() {
            return Ok(Self { ace_type, flags, body: AceBody::Unknown(inner.rest().to_vec()) });
        }
        let mask = inner.u32("Mask")?;
        let mut object_types = [None; 2];
        if ace_type.has_object_types() {
            let present = inner.u32("Flags")?;
            for (bit, slot) in [1, 2].into_iter().zip(&mut object_types) {
                if present & bit != 0 {
                    *slot = Some(Guid::decode(&mut inner)?);
                }
            }
        }
        let sid = Sid::decode(&mut inner)?;
        let body = AceBody::Trustee { mask, object_types, sid, data: inner.rest().to_vec() };
        Ok(Self { ace_type, flags, body })
    }
}

impl Inspect for Ace {
    fn to_node(&self) -> Node {
        let mut fields = vec![("type".into(), Node::Text(self.ace_type.to_string()))];
        if let AceBody::Trustee { mask, sid, .. } = &self.body {
            fields.push(("sid".into(), sid.to_node()));
            fields.push(("mask".into(), Node::Text(format!("{mask:#010x}"))));
        }
        if self.flags != 0 {
            fields.push(("flags".into(), Node::Text(format!("{:#04x}", self.flags))));
        }
        if let AceBody::Trustee { object_types, .. } = &self.body {
            let names = ["object_type", "inherited_object_type"];
            for (name, guid) in names.into_iter().zip(object_types) {
                fields.extend(guid.as_ref().map(|guid| (name.into(), guid.to_node())));
            }
        }
        let (AceBody::Trustee { data, .. } | AceBody::Unknown(data)) = &self.body;
        if !data.is_empty() {
            fields.push(("data".into(), Node::Bytes(data.clone())));
        }
        Node::Fields(fields)
    }
}

/// An access control list ([MS-DTYP] 2.4.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl(pub Vec<Ace>);

impl<'a> Decode<'a> for Acl {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        r.u16("AclRevision")?;
        let size = usize::from(r.u16("AclSize")?);
        let mut inner = r.sub(size.saturating_sub(4), "Acl")?;
        let count = inner.u16("AceCount")?;
        inner.u16("Sbz2")?;
        let count = inner.elements(u32::from(count), 4, u32::from(u16::MAX), "AceCount")?;
        let mut entries = Vec::with_capacity(count.min(16));
        for _ in 0..count {
            entries.push(Ace::decode(&mut inner)?);
        }
        Ok(Self(entries))
    }
}

/// A security descriptor: the access rights to an object ([MS-DTYP] 2.4.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityDescriptor {
    /// The control flags.
    pub control: u16,
    /// The owner of the object.
    pub owner: Option<Sid>,
    /// The primary group of the owner.
    pub group: Option<Sid>,
    /// The system ACL: the accesses that are audited.
    pub sacl: Option<Acl>,
    /// The discretionary ACL: the access of each trustee. If it is absent, all have full access.
    pub dacl: Option<Acl>,
}

/// Reads the structure at `offset` of `whole`; returns `None` if the offset is zero.
fn at<'a, T: Decode<'a>>(whole: &'a [u8], offset: u32) -> Result<Option<T>> {
    if offset == 0 {
        return Ok(None);
    }
    let mut r = Reader::new(whole);
    r.bytes(usize::try_from(offset).unwrap_or(usize::MAX), "Offset")?;
    T::decode(&mut r).map(Some)
}

impl<'a> Decode<'a> for SecurityDescriptor {
    /// Reads the remaining bytes of `r`.
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let whole = r.rest();
        let mut r = Reader::new(whole);
        let revision = r.u8("Revision")?;
        if revision != 1 {
            return Err(r.invalid("Revision", u64::from(revision), "1"));
        }
        r.u8("Sbz1")?;
        let control = r.u16("Control")?;
        let offsets =
            [r.u32("OffsetOwner")?, r.u32("OffsetGroup")?, r.u32("OffsetSacl")?, r.u32("OffsetDacl")?];
        let [owner, group, sacl, dacl] = offsets;
        let (owner, group) = (at(whole, owner)?, at(whole, group)?);
        Ok(Self { control, owner, group, sacl: at(whole, sacl)?, dacl: at(whole, dacl)? })
    }
}

impl Inspect for SecurityDescriptor {
    fn to_node(&self) -> Node {
        let mut fields = vec![("control".into(), Node::Text(format!("{:#06x}", self.control)))];
        let sids = [("owner", &self.owner), ("group", &self.group)];
        fields
            .extend(sids.into_iter().filter_map(|(name, sid)| Some((name.into(), sid.as_ref()?.to_node()))));
        let lists = [("dacl", &self.dacl), ("sacl", &self.sacl)];
        fields.extend(
            lists.into_iter().filter_map(|(name, acl)| Some((name.into(), acl.as_ref()?.0.to_node()))),
        );
        Node::Fields(fields)
    }
}

/// `PidTagSecurityDescriptor` and `PidTagExchangeNTSecurityDescriptor` as stores keep them: preceded by a header with
/// its length. The header is not specified; its form is that of MFCMAPI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSecurityDescriptor {
    /// The version of the format.
    pub version: u16,
    /// The parts of the descriptor that are present, as `SECURITY_INFORMATION` flags.
    pub information: u32,
    /// The security descriptor.
    pub descriptor: SecurityDescriptor,
}

impl<'a> Decode<'a> for StoreSecurityDescriptor {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let length = r.u16("HeaderLength")?;
        if length < 8 {
            return Err(r.invalid("HeaderLength", u64::from(length), "at least 8"));
        }
        let (version, information) = (r.u16("Version")?, r.u32("SecurityInformation")?);
        r.bytes(usize::from(length.saturating_sub(8)), "Header")?;
        Ok(Self { version, information, descriptor: SecurityDescriptor::decode(r)? })
    }
}

impl Inspect for StoreSecurityDescriptor {
    fn to_node(&self) -> Node {
        self.descriptor.to_node()
    }
}
