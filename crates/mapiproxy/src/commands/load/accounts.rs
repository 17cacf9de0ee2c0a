//! The users of a load, from a file.

use std::path::Path;

use identity::Password;

use crate::failure::Failure;
use crate::files;

/// A user who takes part.
#[derive(Debug)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: Password,
}

/// Reads a file with a user and a password a line, separated by blanks. Empty lines and those that begin with `#` are
/// skipped.
///
/// # Errors
/// If the file cannot be read, others have access to it, or a line has no password.
pub(super) fn read(path: &Path) -> Result<Vec<User>, Failure> {
    let text = files::read_secret(path)?;
    let mut users = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields = line.split_once([' ', '\t']).map(|(name, password)| (name, password.trim()));
        let Some((name, password)) = fields.filter(|(_, password)| !password.is_empty()) else {
            // The line is not quoted: it may be a password.
            let number = index + 1;
            return Err(format!("{}, line {number}: expected a user and a password", path.display()).into());
        };
        users.push(User { name: name.to_owned(), password: Password::new(password) });
    }
    if users.is_empty() {
        return Err(format!("{} has no user", path.display()).into());
    }
    Ok(users)
}
