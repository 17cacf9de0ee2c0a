//! Tests of the accounts file.

use super::*;
use crate::account_status::AccountStatus;

const FILE: &str = r#"
[[account]]
user = "alice"
domain = "LAB"
nt_hash = "A4F49C406510BDCAB6824EE7C30FD852"

[[account]]
user = "Bob"
domain = "LAB"
nt_hash = "31d6cfe0d16ae931b73c59d7e0c089c0"
disabled = true
"#;

#[test]
fn the_hash_is_that_of_the_specification() {
    // [MS-NLMP] 4.2.2.1.2.
    assert_eq!(NtHash::from_password("Password").to_hex().as_str(), "a4f49c406510bdcab6824ee7c30fd852");
}

#[test]
fn an_accounts_file_is_read_searched_and_written() {
    let file = AccountFile::parse(FILE).unwrap();
    let alice = file.find("lab", "ALICE").unwrap();
    assert_eq!((alice.user.as_str(), alice.domain.as_str(), alice.disabled), ("alice", "LAB", false));
    assert_eq!(alice.nt_hash.expose(), NtHash::from_password("Password").expose());
    assert!(file.find("LAB", "bob").unwrap().disabled);
    assert!(file.find("", "bob").is_some());
    assert!(file.find("OTHER", "bob").is_none());
    let again = AccountFile::parse(&file.to_toml().unwrap()).unwrap();
    assert_eq!(again.to_toml().unwrap(), file.to_toml().unwrap());
    assert_eq!(again.iter().count(), 2);
}

#[test]
fn accounts_are_added_replaced_and_removed() {
    let mut file = AccountFile::parse(FILE).unwrap();
    let account = |user: &str, domain: &str| Account::new(user, domain, NtHash::from_password("x"));
    assert!(file.set(account("ALICE", "lab")).unwrap().is_some());
    assert!(file.set(account("bob", "OTHER")).unwrap().is_none());
    assert_eq!(file.get("other", "BOB").map(ToString::to_string).as_deref(), Some("OTHER\\bob"));
    assert!(file.get("", "bob").is_none(), "an account is named by its domain and its user");
    assert!(file.find("", "bob").is_none(), "two accounts have that name: an empty domain is ambiguous");
    assert!(file.remove("LAB", "bob").is_some());
    assert!(file.remove("LAB", "bob").is_none());
    assert_eq!(file.iter().count(), 2);
    for (user, domain) in [("", "LAB"), ("a\\b", "LAB"), ("a", "L/B"), ("a\n", "LAB"), ("a", "L@B")] {
        assert!(matches!(file.set(account(user, domain)), Err(AccountError::Name(_))));
    }
}

#[test]
fn the_errors_of_all_accounts_of_a_file_are_reported() {
    let hash = "31d6cfe0d16ae931b73c59d7e0c089c0";
    let account = |user: &str, hash: &str| format!("[[account]]\nuser = '{user}'\nnt_hash = \"{hash}\"\n");
    let text =
        account("alice", "short") + &account("a/b", hash) + &account("bob", hash) + &account("BOB", hash);
    let error = AccountFile::parse(&text).unwrap_err().to_string();
    for part in ["line 2: nt_hash is not", "; line 5: invalid user", "; the name BOB denotes two accounts"] {
        assert!(error.contains(part), "expected {part:?}: {error}");
    }
    assert!(!error.contains("there may be more"), "{error}");
    let many: String = (0..100).map(|number| account(&format!("user{number}"), "short")).collect();
    let error = AccountFile::parse(&many).unwrap_err().to_string();
    assert_eq!(error.matches("line ").count(), 8);
    assert!(error.ends_with("; there may be more errors after these"), "{error}");
}

#[test]
fn an_invalid_accounts_file_is_rejected_without_quoting_hashes() {
    let unknown = FILE.replace("disabled", "disbled");
    let error = AccountFile::parse(&unknown).unwrap_err().to_string();
    assert!(error.contains("disbled"), "{error}");
    for bad in [
        FILE.replace("31d6cfe0", "zzzzzzzz"),
        FILE.replace("31d6cfe0", "31d6cf"),
        FILE.replace("nt_hash = \"31d6", "nt_hash = \"\"\"31d6"),
    ] {
        let error = AccountFile::parse(&bad).unwrap_err().to_string();
        assert!(!error.contains("b73c59d7"), "{error}");
    }
    let error = AccountFile::parse(&FILE.replace("31d6cfe0", "31d6cf")).unwrap_err().to_string();
    assert!(error.contains("line 8: "), "{error}");
}

#[test]
fn an_accounts_file_is_accessible_only_to_its_owner() {
    assert_eq!(check_permissions(0o100_600, 1000, 1000), Ok(()));
    assert_eq!(check_permissions(0o100_400, 0, 1000), Ok(()));
    assert_eq!(check_permissions(0o100_640, 1000, 1000), Err(AccountError::Mode { mode: 0o640 }));
    assert_eq!(check_permissions(0o100_604, 1000, 1000), Err(AccountError::Mode { mode: 0o604 }));
    assert!(check_permissions(0o100_600, 1001, 1000).is_err());
    let text = check_permissions(0o644, 1, 1).unwrap_err().to_string();
    assert!(text.contains("644") && text.contains("chmod 600"), "{text}");
}

#[test]
fn case_folds_one_character_to_one() {
    assert_eq!(fold_case("jürgen straße иван"), "JÜRGEN STRAßE ИВАН");
}

#[test]
fn secrets_are_not_printed() {
    let text = format!("{:?}", AccountFile::parse(FILE).unwrap());
    assert!(text.contains("[redacted]"), "{text}");
    assert!(!text.to_lowercase().contains("a4f4"), "{text}");
}

/// A file with one account for each user, domain and DNS name of a domain; four lines each.
fn file_of(accounts: &[(&str, &str, &str)]) -> String {
    let hash = NtHash::from_password("x");
    let entry = |(user, domain, dns): &(&str, &str, &str)| {
        let names = format!("domain = \"{domain}\"\ndns_domain = \"{dns}\"");
        format!("[[account]]\nuser = \"{user}\"\n{names}\nnt_hash = \"{}\"\n", hash.to_hex().as_str())
    };
    accounts.iter().map(entry).collect()
}

fn own_domain() -> DomainNames {
    DomainNames { netbios: "LAB".into(), dns: "lab.test".into() }
}

#[test]
fn each_spelling_of_a_name_denotes_one_account() {
    let text = file_of(&[
        ("alice", "LAB", ""),
        ("dora@mail.test", "", ""),
        ("eve", "", ""),
        ("frank", "EU", "eu.example.com"),
        ("grace", "lab.test", ""),
        ("heidi", "EU", ""),
        ("heidi", "UK", ""),
        ("ivan@eu", "EU", ""),
    ]);
    let file = AccountFile::parse(&text).unwrap().in_domain(own_domain()).unwrap();
    let found = |domain: &str, user: &str| file.find(domain, user).map(|account| account.to_string());
    for (means, spellings) in [
        (
            Some("LAB\\alice"),
            &[("", "alice"), ("", "lab\\Alice"), ("LAB", "alice"), ("lab.test", "alice")][..],
        ),
        (Some("LAB\\alice"), &[("", "alice@lab.test"), ("", "ALICE@LAB"), ("", "lab.test\\alice")]),
        (None, &[("", "alice@LAB.evil"), ("LAB.evil", "alice"), ("", "LAB.evil\\alice"), ("", "alice@la")]),
        (
            None,
            &[("", "alice@"), ("", "@lab"), ("", ""), ("LAB", ""), ("OTHER", "alice"), ("LAB", "LAB\\alice")],
        ),
        (Some("dora@mail.test"), &[("", "dora@mail.test"), ("", "\\Dora@MAIL.test"), ("mail.test", "dora")]),
        (None, &[("", "dora"), ("LAB", "dora"), ("", "dora@mail.test.evil"), ("LAB", "dora@mail.test")]),
        (Some("eve"), &[("", "eve"), ("", "EVE"), ("", "\\eve")]),
        (None, &[("", "eve@lab.test"), ("LAB", "eve")]),
        (Some("EU\\frank"), &[("", "frank@eu.example.com"), ("EU", "frank"), ("eu.example.com", "frank")]),
        (None, &[("", "frank@example.com"), ("", "frank@eu.example"), ("", "frank@lab.test")]),
        (Some("lab.test\\grace"), &[("", "grace"), ("LAB", "grace"), ("", "grace@lab.test")]),
        (None, &[("", "heidi"), ("", "heidi@lab.test")]),
        (Some("UK\\heidi"), &[("UK", "heidi"), ("", "heidi@uk"), ("", "uk\\heidi")]),
        (Some("EU\\ivan@eu"), &[("", "ivan@eu"), ("", "ivan@eu@eu"), ("eu", "ivan@eu")]),
    ] {
        for (domain, user) in spellings {
            assert_eq!(found(domain, user).as_deref(), means, "{user:?} of {domain:?}");
        }
    }
    assert_eq!(file.shared_names(), ["heidi"]);
}

#[test]
fn a_name_that_denotes_two_accounts_is_rejected_with_both_lines() {
    for (one, other) in [
        (("alice", "LAB", ""), ("Alice", "lab", "")),
        (("dora@lab.test", "", ""), ("dora", "LAB", "")),
        (("dora", "LAB", ""), ("dora@lab.test", "", "")),
        (("dora@eu.test", "", ""), ("dora", "EU", "eu.test")),
        (("dora@eu", "", ""), ("dora", "EU", "")),
        (("dora@eu", "X", ""), ("dora", "EU", "")),
        (("dora", "EU", ""), ("dora@eu", "X", "")),
        (("dora", "EU", "eu.test"), ("dora", "eu.test", "")),
        (("dora", "EU", "eu.test"), ("dora", "XX", "eu.test")),
        (("dora", "lab.test", ""), ("dora", "LAB", "")),
        (("bob", "", ""), ("bob", "LAB", "")),
        (("bob", "LAB", ""), ("bob", "", "")),
    ] {
        let parsed = AccountFile::parse(&file_of(&[("zoe", "LAB", ""), one, other]));
        let error = parsed.and_then(|file| file.in_domain(own_domain())).unwrap_err();
        let AccountError::Ambiguous { first, second, .. } = &error else { panic!("{error}") };
        assert_eq!((first.line, second.line), (7, 12), "{error}");
        assert!(error.to_string().contains("(line 7) and "), "{error}");
    }
}

#[test]
fn an_ambiguous_account_is_not_added_and_changes_nothing() {
    let mut file = AccountFile::parse(&file_of(&[("dora@eu.test", "", ""), ("dora", "EU", "")])).unwrap();
    let before = file.to_toml().unwrap();
    let dns_domain = "eu.test".to_owned();
    let account = Account { dns_domain, ..Account::new("dora", "EU", NtHash::from_password("x")) };
    assert!(matches!(file.set(account), Err(AccountError::Ambiguous { .. })));
    let account = Account::new("dora", "eu.test", NtHash::from_password("x"));
    assert!(matches!(file.set(account), Err(AccountError::Ambiguous { .. })));
    assert_eq!(file.to_toml().unwrap(), before);
    assert_eq!(file.find("", "dora@eu.test").unwrap().user, "dora@eu.test");
    assert_eq!(file.find("EU", "dora").unwrap().user, "dora");
}

#[test]
fn a_reload_keeps_only_the_status_of_unchanged_accounts() {
    let before =
        AccountFile::parse(&file_of(&[("alice", "LAB", ""), ("bob", "LAB", ""), ("carol", "", "")])).unwrap();
    let status = |user: &str| before.find("", user).unwrap().status;
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(status);
    let mut after =
        AccountFile::parse(&file_of(&[("Alice", "lab", "lab.test"), ("bob", "LAB", "")])).unwrap();
    let disabled = Account { disabled: true, ..after.find("", "bob").unwrap() };
    after.set(disabled).unwrap();
    assert_eq!(after.replace(&before), 2);
    assert_eq!([&alice, &bob, &carol].map(AccountStatus::is_revoked), [false, true, true]);

    // A new password, and an account that was added again: neither keeps its status.
    let mut last = AccountFile::parse(&file_of(&[("alice", "LAB", ""), ("carol", "", "")])).unwrap();
    last.set(Account::new("alice", "LAB", NtHash::from_password("y"))).unwrap();
    assert_eq!(last.replace(&after), 1);
    assert!(alice.is_revoked() && carol.is_revoked());
    assert!(["alice", "carol"].iter().all(|user| !last.find("", user).unwrap().status.is_revoked()));
}

#[test]
fn the_time_to_read_a_file_is_proportional_to_its_accounts() {
    let file = |accounts: usize| -> String {
        let hash = "a4f49c406510bdcab6824ee7c30fd852";
        let account =
            |index| format!("[[account]]\nuser = \"user{index}\"\ndomain = \"LAB\"\nnt_hash = \"{hash}\"\n");
        (0..accounts).map(account).collect()
    };
    // The shortest of several times is the least disturbed by other processes.
    let time = |text: &str| {
        let times = (0..5).map(|_| {
            let begin = std::time::Instant::now();
            AccountFile::parse(text).unwrap();
            begin.elapsed()
        });
        times.min().unwrap()
    };
    let (few, many) = (time(&file(2000)), time(&file(16_000)));
    assert!(many < few * 20, "{few:?} for 2,000 accounts, {many:?} for eight times as many");
}
