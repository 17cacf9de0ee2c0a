//! Makes the directory's objects.

use std::collections::HashSet;

use mapi::nspi::MId;

use super::entry::{Entry, Kind, Person};
use super::fold::{ascii, fold};
use super::names::{CITY, DEPARTMENT, GIVEN, SURNAME, TITLE};
use crate::config::{LabConfig, ServerName};
use crate::random::Sequence;

/// The Minimal Entry ID of the first object; lower ones are containers, or reserved.
const FIRST_MID: u32 = 0x1000;

/// All objects of the directory that `config` describes: servers, lists, people.
pub(super) fn make(config: &LabConfig) -> Vec<Entry> {
    let mut random = Sequence::new(config.seed);
    let mut entries: Vec<Entry> =
        config.servers.iter().map(|name| server(config, name, &mut random)).collect();
    // Their identifiers do not change those of the others.
    let mut others = Sequence::new(!config.seed);
    let others =
        config.all_servers().skip(config.servers.len()).map(|name| server(config, name, &mut others));
    let others: Vec<Entry> = others.collect();
    entries.extend(DEPARTMENT.iter().map(|department| list(config, department, &mut random)));
    let mut taken: HashSet<String> = entries.iter().map(|entry| entry.alias.clone()).collect();
    for index in 0..config.people.max(config.aliases.len()) {
        let alias = config.aliases.get(index).map(String::as_str);
        let entry = person(config, index, alias, &mut taken, &mut random);
        entries.push(entry);
    }
    entries.extend(others);
    for (entry, mid) in entries.iter_mut().zip(FIRST_MID..) {
        entry.mid = MId(mid);
        entry.sort_name = fold(&entry.display_name);
    }
    join(&mut entries);
    entries
}

/// The network addresses of a server.
fn bindings(server: &ServerName) -> Vec<String> {
    vec![
        format!("ncacn_vns_spp:{}", server.name),
        format!("netbios:{}", server.name),
        format!("ncacn_np:{}", server.name),
        format!("ncacn_ip_tcp:{}", server.host),
    ]
}

fn server(config: &LabConfig, name: &ServerName, random: &mut Sequence) -> Entry {
    Entry {
        mid: MId::default(),
        sort_name: String::new(),
        kind: Kind::Server { bindings: bindings(name) },
        display_name: name.name.clone(),
        alias: name.name.clone(),
        dn: config.server_dn(&name.name),
        guid: random.guid(),
    }
}

fn list(config: &LabConfig, department: &str, random: &mut Sequence) -> Entry {
    let alias = format!("all-{}", ascii(department));
    Entry {
        mid: MId::default(),
        sort_name: String::new(),
        kind: Kind::List { smtp: format!("{alias}@{}", config.domain), members: Vec::new() },
        display_name: format!("All {department}"),
        dn: config.user_dn(&alias),
        alias,
        guid: random.guid(),
    }
}

fn person(
    config: &LabConfig,
    index: usize,
    alias: Option<&str>,
    taken: &mut HashSet<String>,
    random: &mut Sequence,
) -> Entry {
    let surname = random.pick(SURNAME).to_owned();
    let given = match alias {
        Some(alias) => capitalized(alias),
        None => random.pick(GIVEN).to_owned(),
    };
    let wanted = alias.map_or_else(|| format!("{}.{}", ascii(&given), ascii(&surname)), str::to_owned);
    let mut alias = wanted.clone();
    let mut number = 1_u32;
    while !taken.insert(alias.clone()) {
        number = number.saturating_add(1);
        alias = format!("{wanted}{number}");
    }
    let local = || index.checked_rem(config.servers.len()).and_then(|place| config.servers.get(place));
    let server = config.elsewhere.get(&alias).or_else(local);
    let extension = random.below(9000).saturating_add(1000);
    let person = Person {
        smtp: format!("{alias}@{}", config.domain),
        title: random.pick(TITLE).to_owned(),
        department: random.pick(DEPARTMENT).to_owned(),
        company: config.organisation.clone(),
        city: random.pick(CITY).to_owned(),
        office: format!("{}/{:03}", random.below(6), random.below(400)),
        phone: format!("+1 555 01{:02} {extension}", random.below(100)),
        mobile: format!("+1 555 01{:02} {:04}", random.below(100), random.below(10_000)),
        database: server.map(|server| config.database_dn(&server.name)).unwrap_or_default(),
        bindings: server.map(bindings).unwrap_or_default(),
        lists: Vec::new(),
        given,
        surname,
    };
    Entry {
        mid: MId::default(),
        sort_name: String::new(),
        display_name: format!("{} {}", person.given, person.surname),
        dn: config.user_dn(&alias),
        alias,
        guid: random.guid(),
        kind: Kind::Person(Box::new(person)),
    }
}

fn capitalized(alias: &str) -> String {
    let mut letters = alias.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Makes people members of the list of their department.
fn join(entries: &mut [Entry]) {
    let departments: Vec<(MId, String)> = entries
        .iter()
        .filter(|entry| matches!(entry.kind, Kind::List { .. }))
        .map(|entry| (entry.mid, entry.display_name.trim_start_matches("All ").to_owned()))
        .collect();
    let mut memberships = Vec::new();
    for entry in entries.iter_mut() {
        let Kind::Person(person) = &mut entry.kind else { continue };
        if let Some((list, _)) = departments.iter().find(|(_, name)| *name == person.department) {
            person.lists.push(*list);
            memberships.push((*list, entry.mid));
        }
    }
    for entry in entries.iter_mut() {
        if let Kind::List { members, .. } = &mut entry.kind {
            members.extend(memberships.iter().filter(|(list, _)| *list == entry.mid).map(|(_, mid)| *mid));
        }
    }
}
