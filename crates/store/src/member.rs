//! A permission on a folder, and to whom it applies ([MS-OXCPERM] 2.2.4).

/// To whom a permission applies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Member {
    /// All users who are not listed.
    Default,
    /// Users who did not authenticate.
    Anonymous,
    /// A user or a list, by a name that is unique in the directory.
    User(String),
}

/// A permission on a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// `PidTagMemberId`, unique within the folder.
    pub id: i64,
    /// To whom it applies.
    pub member: Member,
    /// `PidTagMemberRights` ([MS-OXCPERM] 2.2.7).
    pub rights: u32,
}
