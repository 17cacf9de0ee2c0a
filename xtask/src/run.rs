//! Running other programs.

use std::error::Error;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) type Fault = Box<dyn Error + Send + Sync>;
pub(crate) type Outcome<T = ()> = Result<T, Fault>;

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    command(program)
}

/// A program to be run at the repository's root, with nothing to read on its standard input.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// Prints `command` and runs it with its output shown.
pub(crate) fn show(command: &mut Command) -> Outcome {
    println!("$ {}", line(command));
    let status = command.status().map_err(|e| format!("{} cannot be started: {e}", line(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", line(command)).into()) }
}

/// Runs `command` without showing its output. Returns its standard output.
pub(crate) fn read(command: &mut Command) -> Outcome<String> {
    let output = command.output().map_err(|e| format!("{} cannot be started: {e}", line(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} ended with {}\n{said}", line(command), output.status).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether `command` can be started and succeeds. Its output is discarded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The folders of servers, which Debian leaves out of the PATH of users other than root.
const SERVERS: [&str; 2] = ["/usr/local/sbin", "/usr/sbin"];

/// The path of `program`: on the PATH, or in [`SERVERS`].
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    search_path().map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The folders in which programs are looked for.
pub(crate) fn search_path() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect::<Vec<_>>().into_iter().chain(SERVERS.map(PathBuf::from))
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
