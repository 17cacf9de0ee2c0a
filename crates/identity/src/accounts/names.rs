//! Finds the account that a name denotes, in each of its spellings. All schemes use this look-up.

use std::collections::HashMap;

use super::account::Account;
use super::case::fold_case;

/// The two names of the domain that a server belongs to. They are equivalent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainNames {
    /// The NetBIOS name; may be empty.
    pub netbios: String,
    /// The DNS name; may be empty.
    pub dns: String,
}

impl DomainNames {
    /// The other name of `domain`, in upper case, if it is one of the two.
    fn other(&self, domain: &str) -> Option<String> {
        let (netbios, dns) = (fold_case(&self.netbios), fold_case(&self.dns));
        match domain {
            _ if netbios.is_empty() || dns.is_empty() => None,
            domain if domain == netbios => Some(dns),
            domain if domain == dns => Some(netbios),
            _ => None,
        }
    }
}

/// A spelling that denotes two accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conflict {
    /// The spelling.
    pub(super) name: String,
    /// The index of the account that has the spelling already.
    pub(super) place: usize,
}

/// The indices of accounts by each spelling of their names, in upper case.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    own: DomainNames,
    /// By user and domain: each pair denotes one account.
    full: HashMap<(String, String), usize>,
    /// Accounts with a domain by their user alone, which several domains may have.
    bare: HashMap<String, Vec<usize>>,
}

impl Names {
    /// Without accounts, for a server that belongs to the domain `own`.
    pub(super) fn of_domain(own: DomainNames) -> Self {
        Self { own, ..Self::default() }
    }

    /// The same domain, without accounts.
    pub(super) fn emptied(&self) -> Self {
        Self::of_domain(self.own.clone())
    }

    /// Adds `account`, whose index is `place`.
    ///
    /// # Errors
    /// The spelling that would denote another account too. Then nothing is added.
    pub(super) fn add(&mut self, place: usize, account: &Account) -> Result<(), Conflict> {
        let full = self.full_names(account);
        for key in &full {
            let spelled = spelled(key);
            let sharing = self.bare.get(&spelled).and_then(|places| places.first());
            if let Some(place) = self.full.get(key).or(sharing) {
                return Err(Conflict { name: spelled, place: *place });
            }
        }
        let user = fold_case(&account.user);
        if !account.domain.is_empty() {
            if let Some(place) = self.by_whole_name(&user).or_else(|| self.by_principal_name(&user)) {
                return Err(Conflict { name: user, place });
            }
            self.bare.entry(user).or_default().push(place);
        }
        self.full.extend(full.into_iter().map(|key| (key, place)));
        Ok(())
    }

    /// Each pair of user and domain that denotes only `account`.
    fn full_names(&self, account: &Account) -> Vec<(String, String)> {
        let (user, domain) = (fold_case(&account.user), fold_case(&account.domain));
        let dns = Some(fold_case(&account.dns_domain)).filter(|dns| !dns.is_empty() && *dns != domain);
        let other = dns.or_else(|| self.own.other(&domain));
        let mut names = vec![(user.clone(), domain.clone())];
        names.extend(other.map(|other| (user.clone(), other)));
        if domain.is_empty() {
            // An account whose name is a mail address is also found if a client splits the address.
            names.extend(principal_name(&user).map(|(user, domain)| (user.to_owned(), domain.to_owned())));
        }
        names
    }

    /// The index of the account that `user` of `domain` denotes; see [`super::account::Accounts::find`].
    pub(super) fn find(&self, domain: &str, user: &str) -> Option<usize> {
        let (domain, user) = match user.split_once('\\') {
            Some(parts) if domain.is_empty() => parts,
            _ => (domain, user),
        };
        let (domain, user) = (fold_case(domain), fold_case(user));
        if !domain.is_empty() {
            return self.full.get(&(user, domain)).copied();
        }
        let bare = match self.bare.get(&user).map(Vec::as_slice) {
            Some([one]) => Some(*one),
            _ => None,
        };
        self.by_whole_name(&user).or_else(|| self.by_principal_name(&user)).or(bare)
    }

    /// The index of the account that has exactly this user and domain.
    pub(super) fn own_name(&self, domain: &str, user: &str) -> Option<usize> {
        self.full.get(&(fold_case(user), fold_case(domain))).copied()
    }

    /// The index of one account for each user name that several domains have.
    pub(super) fn shared(&self) -> impl Iterator<Item = usize> {
        self.bare.values().filter(|places| places.len() > 1).filter_map(|places| places.first().copied())
    }

    /// The account `user` without a domain.
    fn by_whole_name(&self, user: &str) -> Option<usize> {
        self.full.get(&(user.to_owned(), String::new())).copied()
    }

    /// The account that has the user principal name `name`.
    fn by_principal_name(&self, name: &str) -> Option<usize> {
        let (user, domain) = principal_name(name)?;
        self.full.get(&(user.to_owned(), domain.to_owned())).copied()
    }
}

/// User and domain of a user principal name. The domain follows the last `@`.
fn principal_name(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('@').filter(|(user, domain)| !user.is_empty() && !domain.is_empty())
}

/// The spelling without a separate domain.
fn spelled((user, domain): &(String, String)) -> String {
    if domain.is_empty() { user.clone() } else { format!("{user}@{domain}") }
}
