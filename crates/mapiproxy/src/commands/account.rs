//! `mapiproxy account`: manages the accounts file.

use std::io::{BufRead, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use identity::accounts::{AccountError, AccountFile};
use identity::{Account, NtHash};
use zeroize::Zeroizing;

use crate::failure::Outcome;
use crate::files;

/// Operations on the accounts file.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Adds an account. Reads the password from the terminal, or else from standard input. Fails if the account exists.
    Add(Add),
    /// Changes the password of an account, and nothing else: a disabled account stays disabled. Reads the password like
    /// `add`.
    Password(Named),
    /// Disables an account: authentication with it fails.
    Disable(Named),
    /// Enables an account that was disabled.
    Enable(Named),
    /// Removes an account.
    Remove(Named),
    /// Lists the accounts, without their hashes.
    List(FileName),
}

/// The file.
#[derive(Debug, clap::Args)]
pub(crate) struct FileName {
    /// The accounts file. `add` creates it if it does not exist.
    #[arg(long, value_name = "FILE", default_value = "accounts.toml")]
    accounts: PathBuf,
}

/// An account.
#[derive(Debug, clap::Args)]
pub(crate) struct Named {
    #[command(flatten)]
    file: FileName,
    /// The account's domain, by its NetBIOS name, for example LAB.
    #[arg(long, value_name = "DOMAIN", default_value = "")]
    domain: String,
    /// The account's name.
    user: String,
}

/// An account to be added.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    #[command(flatten)]
    named: Named,
    /// The DNS name of the domain, for user names of the form user@DNS-DOMAIN.
    #[arg(long, value_name = "NAME", default_value = "")]
    dns_domain: String,
    /// Adds the account as disabled: authentication with it fails until `account enable`.
    #[arg(long)]
    disabled: bool,
}

/// Executes `command`.
pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Add(add) => self::add(&add),
        Command::Password(named) => {
            // A misspelt name is reported before the password is read.
            existing(&files::read_accounts(&named.file.accounts)?, &named)?;
            let nt_hash = NtHash::from_password(&read_password(&named.user)?);
            change(&named, "changed the password of", |old| Account { nt_hash, ..old })
        }
        Command::Disable(named) => change(&named, "disabled", |old| Account { disabled: true, ..old }),
        Command::Enable(named) => change(&named, "enabled", |old| Account { disabled: false, ..old }),
        Command::Remove(named) => remove(&named),
        Command::List(file) => list(&file.accounts),
    }
}

fn add(add: &Add) -> Outcome {
    let Named { file: FileName { accounts: path }, domain, user } = &add.named;
    let read = || -> Result<AccountFile, Box<dyn std::error::Error>> {
        let exists = path.try_exists().map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let accounts = if exists { files::read_accounts(path)? } else { AccountFile::default() };
        match accounts.get(domain, user) {
            Some(_) => {
                let arguments = arguments_of(&add.named);
                let why = format!(
                    "the account {user} with domain {domain:?} exists already in {}; nothing was changed. `mapiproxy \
                     account password {arguments}` changes its password",
                    path.display()
                );
                Err(why.into())
            }
            None => Ok(accounts),
        }
    };
    let added = |nt_hash| -> Result<AccountFile, Box<dyn std::error::Error>> {
        let account = Account {
            dns_domain: add.dns_domain.clone(),
            disabled: add.disabled,
            ..Account::new(user, domain, nt_hash)
        };
        let mut accounts = read()?;
        accounts.set(account).map_err(|error| not_added(&add.named, error))?;
        Ok(accounts)
    };
    // An account that cannot be added is reported before the password is read.
    added(NtHash::from_bytes([0; 16]))?;
    let nt_hash = NtHash::from_password(&read_password(user)?);
    let _lock = files::lock(path)?;
    files::write_accounts(path, &added(nt_hash)?)?;
    Ok(writeln!(std::io::stdout(), "added {user} in {}", path.display())?)
}

/// Why `named` cannot be added, and what to do.
fn not_added(Named { file, user, .. }: &Named, error: AccountError) -> String {
    let why = match error {
        AccountError::Ambiguous { name, first, .. } => format!(
            "the name {name} would denote two accounts, {first} and the new one; choose another name, or a domain with \
             --domain"
        ),
        AccountError::Name(name) if name.is_empty() => "the user name is empty".to_owned(),
        AccountError::Name(name) => match name.split_once('\\').filter(|_| name == *user) {
            Some((domain, user)) => format!("{name:?} includes a domain: write --domain {domain} {user}"),
            None => AccountError::Name(name).to_string(),
        },
        other => other.to_string(),
    };
    format!("{user} was not added to {}: {why}", file.accounts.display())
}

/// Replaces the account `named` by what `changed` returns for it, and prints `done` with its name.
fn change(named: &Named, done: &str, changed: impl FnOnce(Account) -> Account) -> Outcome {
    let path = &named.file.accounts;
    let _lock = files::lock(path)?;
    let mut accounts = files::read_accounts(path)?;
    let account = changed(existing(&accounts, named)?.clone());
    let user = account.user.clone();
    accounts.set(account)?;
    files::write_accounts(path, &accounts)?;
    Ok(writeln!(std::io::stdout(), "{done} {user} in {}", path.display())?)
}

/// The account `named`.
///
/// # Errors
/// If it is not one of `accounts`.
fn existing<'a>(accounts: &'a AccountFile, named: &Named) -> Result<&'a Account, Box<dyn std::error::Error>> {
    let Named { file, domain, user } = named;
    accounts.get(domain, user).ok_or_else(|| {
        let file = file.accounts.display();
        format!(
            "no account {user} with domain {domain:?} in {file}; `mapiproxy account list --accounts {file}` lists the \
             accounts"
        )
        .into()
    })
}

/// The arguments by which a command receives `named`.
fn arguments_of(named: &Named) -> String {
    let Named { file, domain, user } = named;
    let domain = if domain.is_empty() { String::new() } else { format!("--domain {domain} ") };
    format!("--accounts {} {domain}{user}", file.accounts.display())
}

/// Prompts twice at a terminal; otherwise reads the first line of standard input.
fn read_password(user: &str) -> Result<Zeroizing<String>, Box<dyn std::error::Error>> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let first = Zeroizing::new(rpassword::prompt_password(format!("password of {user}: "))?);
        let second = Zeroizing::new(rpassword::prompt_password("repeat the password: ")?);
        if *first != *second {
            return Err("the two passwords differ; nothing was changed".into());
        }
        return non_empty(first);
    }
    read_line(&mut stdin.lock())
}

/// The password in the first line of `input`.
fn read_line(input: &mut dyn BufRead) -> Result<Zeroizing<String>, Box<dyn std::error::Error>> {
    let mut line = Zeroizing::new(String::new());
    input.read_line(&mut line).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => {
            "the password on standard input is not UTF-8: nothing was changed; enter it as UTF-8".to_owned()
        }
        _ => format!("cannot read the password from standard input: {error}"),
    })?;
    non_empty(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn non_empty(password: Zeroizing<String>) -> Result<Zeroizing<String>, Box<dyn std::error::Error>> {
    if password.is_empty() {
        return Err("the password is empty".into());
    }
    if password.starts_with('\u{feff}') {
        return Err("the password begins with a byte order mark: enter it as UTF-8 without one".into());
    }
    Ok(password)
}

fn remove(named: &Named) -> Outcome {
    let Named { file, domain, user } = named;
    let _lock = files::lock(&file.accounts)?;
    let mut accounts = files::read_accounts(&file.accounts)?;
    existing(&accounts, named)?;
    accounts.remove(domain, user);
    files::write_accounts(&file.accounts, &accounts)?;
    Ok(writeln!(std::io::stdout(), "removed {user} from {}", file.accounts.display())?)
}

fn list(path: &Path) -> Outcome {
    let mut out = std::io::stdout();
    for account in files::read_accounts(path)?.iter() {
        let note = if account.disabled { "  (disabled)" } else { "" };
        writeln!(out, "{account}{note}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_not_utf_8_is_refused_with_what_to_do() {
        let read = |mut bytes: &[u8]| read_line(&mut bytes).map_err(|error| error.to_string());
        assert_eq!(read(b"gr\xc3\xbcn\r\n").unwrap().as_str(), "gr\u{fc}n");
        let error = read(b"gr\xfcn\n").unwrap_err();
        assert!(error.contains("not UTF-8") && error.contains("nothing was changed"), "{error}");
    }

    /// The file is read, changed and replaced. Concurrent changes must not be lost.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "the threads act for no user")]
    fn accounts_that_are_removed_concurrently_are_all_removed() {
        let folder = std::env::temp_dir().join(format!("mapiproxy-account-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let accounts = folder.join("accounts.toml");
        let mut file = AccountFile::default();
        let user = |number: usize| format!("user{number}");
        for number in 0..20 {
            file.set(Account::new(user(number), "", NtHash::from_bytes([0; 16]))).unwrap();
        }
        files::write_accounts(&accounts, &file).unwrap();
        std::thread::scope(|scope| {
            for number in 0..19 {
                let file = FileName { accounts: accounts.clone() };
                let named = Named { file, domain: String::new(), user: user(number) };
                scope.spawn(move || remove(&named).unwrap());
            }
        });
        let left = files::read_accounts(&accounts).unwrap();
        assert_eq!(left.iter().map(|account| account.user.clone()).collect::<Vec<_>>(), ["user19"]);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
