//! Objects of the directory.

use mapi::nspi::{DisplayType, MId};
use wire::Guid;

/// An object of the directory.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) mid: MId,
    pub(crate) kind: Kind,
    pub(crate) display_name: String,
    /// The folded display name, by which it is sorted and searched.
    pub(crate) sort_name: String,
    pub(crate) alias: String,
    /// The distinguished name.
    pub(crate) dn: String,
    pub(crate) guid: Guid,
}

/// The kind of an object.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Person(Box<Person>),
    List {
        smtp: String,
        members: Vec<MId>,
    },
    /// A mailbox server. Clients look it up by its distinguished name; it is in no address list.
    Server {
        bindings: Vec<String>,
    },
}

/// The details of a person.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) given: String,
    pub(crate) surname: String,
    pub(crate) smtp: String,
    pub(crate) title: String,
    pub(crate) department: String,
    pub(crate) company: String,
    pub(crate) city: String,
    pub(crate) office: String,
    pub(crate) phone: String,
    pub(crate) mobile: String,
    pub(crate) database: String,
    pub(crate) bindings: Vec<String>,
    pub(crate) lists: Vec<MId>,
}

impl Entry {
    pub(crate) const fn display_type(&self) -> DisplayType {
        match self.kind {
            Kind::Person(_) | Kind::Server { .. } => DisplayType::DT_MAILUSER,
            Kind::List { .. } => DisplayType::DT_DISTLIST,
        }
    }

    pub(crate) const fn is_listed(&self) -> bool {
        !matches!(self.kind, Kind::Server { .. })
    }

    pub(crate) fn smtp(&self) -> Option<&str> {
        match &self.kind {
            Kind::Person(person) => Some(&person.smtp),
            Kind::List { smtp, .. } => Some(smtp),
            Kind::Server { .. } => None,
        }
    }

    pub(crate) const fn person(&self) -> Option<&Person> {
        match &self.kind {
            Kind::Person(person) => Some(person),
            _ => None,
        }
    }
}
