//! `mapiproxy account`: manages the accounts file.

use std::io::{BufRead, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use identity::accounts::AccountFile;
use identity::{Account, NtHash};
use zeroize::Zeroizing;

use crate::failure::Outcome;
use crate::files;

/// Operations on the accounts file.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Adds an account, or changes its password. Reads the password from the terminal, or else from standard
    /// input.
    Add(Add),
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
    /// The account's domain.
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
    /// Disables the account: authentication with it fails.
    #[arg(long)]
    disabled: bool,
}

/// Executes `command`.
pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Add(add) => set(&add),
        Command::Remove(named) => remove(&named),
        Command::List(file) => list(&file.accounts),
    }
}

fn set(add: &Add) -> Outcome {
    let Named { file, domain, user } = &add.named;
    let password = ask_password(user)?;
    let _lock = files::lock(&file.accounts)?;
    let mut accounts = if file.accounts.try_exists()? {
        files::read_accounts(&file.accounts)?
    } else {
        AccountFile::default()
    };
    let account = Account {
        dns_domain: add.dns_domain.clone(),
        disabled: add.disabled,
        ..Account::new(user, domain, NtHash::from_password(&password))
    };
    let old = accounts.set(account)?;
    files::write_accounts(&file.accounts, &accounts)?;
    let what = if old.is_some() { "changed" } else { "added" };
    Ok(writeln!(std::io::stdout(), "{what} {user} in {}", file.accounts.display())?)
}

/// Prompts twice at a terminal; otherwise reads the first line of standard input.
fn ask_password(user: &str) -> Result<Zeroizing<String>, Box<dyn std::error::Error>> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let first = Zeroizing::new(rpassword::prompt_password(format!("password of {user}: "))?);
        let second = Zeroizing::new(rpassword::prompt_password("repeat the password: ")?);
        if *first != *second {
            return Err("the two passwords differ; nothing was changed".into());
        }
        return non_empty(first);
    }
    let mut line = Zeroizing::new(String::new());
    stdin.lock().read_line(&mut line)?;
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
    if accounts.remove(domain, user).is_none() {
        return Err(format!(
            "no account {user} with domain {domain:?} in {}; `mapiproxy account list` lists the accounts",
            file.accounts.display()
        )
        .into());
    }
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
