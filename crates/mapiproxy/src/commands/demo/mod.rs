//! `mapiproxy demo`: a test server, the proxy and clients on loopback addresses.

mod acts;
mod place;
mod screen;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use console::Live;
use lab::{Lab, LabConfig};
use tokio::sync::watch;

use self::acts::Acts;
use self::place::{PROXY, Place, SERVICE, quoted};
use self::screen::Screen;
use crate::commands::signals::Signals;
use crate::config::{self, Found, Problems};
use crate::failure::{Outcome, WithStatus};
use crate::wiring;

/// The exit status after Ctrl-C before the end of the demo, as shells report SIGINT.
const INTERRUPTED: u8 = 130;

/// The time limit for calls in progress at the end.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Keeps the proxy running until Ctrl-C, and prints commands that connect to it.
    #[arg(long)]
    stay: bool,
}

/// Starts the test server and the proxy on this machine, and clients that use them. Ctrl-C ends it at any moment, with
/// exit status 130 unless it was only waiting for Ctrl-C. Each demo has ports of its own, so several can run at once.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let screen = Screen::new();
    screen.text(
        "MAPIProxy demo: a test server, the proxy and two users, all on this machine. Ctrl-C ends it.",
    )?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(show(&screen, arguments.stay))
}

async fn show(screen: &Screen, stay: bool) -> Outcome {
    let mut signals = Signals::new()?;
    let place = &Place::new()?;
    let (stop, stopped) = watch::channel(false);
    let lab = Lab::new(LabConfig::default())?;
    let listening = lab::start(Arc::new(lab), place.lab()?).await?;
    let server = listening.http().ok_or("the test server has no address for HTTP")?;
    let path = place.configuration(&listening)?;
    let lab = net::spawn_system(listening.run(stopped));

    let (config, places) = config::load(&path)?;
    let mut found = Found::new(&path, &places);
    let stack = wiring::stack(&config, &mut found);
    Problems::none(found.problems)?;
    let (live, flows) = Live::reading();
    let running = wiring::start(&config, stack, Arc::new(live)).await?;
    let mapper = config.listen.endpoint_mapper.ok_or("the proxy has no endpoint mapper")?;
    let https = config.listen.https.ok_or("the proxy has no address for HTTPS")?;
    screen.text(&format!(
        "The test server EXCH1 at {server} has 300 mailboxes, and one account: {SERVICE}. The proxy {} at {https} has \
         the accounts of Alice and Bob, and signs in to the server as {SERVICE}.",
        config.name
    ))?;
    let acts = Acts { screen, place, proxy: (mapper, https), lab: server, flows };
    // Interrupted or failed, the servers are stopped, so that nothing is written when the files are removed.
    let ended = tokio::select! {
        ended = acts.play() => ended,
        () = signals.stop() => Err(WithStatus {
            text: "the demo was interrupted".to_owned(), status: INTERRUPTED,
        }.into()),
    };
    let ended = match ended {
        Ok(()) if stay => match commands(screen, place, mapper, https) {
            Ok(()) => {
                signals.stop().await;
                screen.text("Stopping.").map_err(Into::into)
            }
            Err(error) => Err(error.into()),
        },
        Ok(()) => next_steps(screen).map_err(Into::into),
        Err(error) => Err(error),
    };
    running.stop(tokio::time::sleep(STOP_TIMEOUT)).await;
    stop.send(true)?;
    lab.await?;
    ended
}

/// Commands that connect to the proxy while it runs.
fn commands(screen: &Screen, place: &Place, mapper: SocketAddr, https: SocketAddr) -> std::io::Result<()> {
    let (program, certificate) = (program(), quoted(&place.certificate()));
    let client = |server: &str, user: &str| {
        format!(
            "{program} client --server {server} --ca-file {certificate} --user {user} --domain LAB --password-file {}",
            quoted(&place.password_file(user))
        )
    };
    let url = format!("https://{PROXY}:{}", https.port());
    screen.heading("The proxy keeps running. Try in another terminal:")?;
    Screen::command(&format!("{} list", client(&url, "bob")))?;
    Screen::command(&format!("{} gal --search ma", client(&mapper.to_string(), "alice")))?;
    let target = "/autodiscover/autodiscover.json?Email=alice%40lab.test&Protocol=AutodiscoverV1";
    Screen::command(&format!("curl --silent --show-error --fail --cacert {certificate} '{url}{target}'"))?;
    screen.text("Ctrl-C ends the demo.")
}

/// What to do after the demo.
fn next_steps(screen: &Screen) -> std::io::Result<()> {
    let program = program();
    screen.heading("What to try next")?;
    Screen::command(&format!(
        "{program} demo --stay      keeps the proxy running, so that you can connect to it"
    ))?;
    Screen::command(&format!("{program} modules          lists the modules with their options"))?;
    Screen::command(&format!("{program} check --keys     prints a commented configuration template"))?;
    screen.text("README.md has an example configuration for your own server.")
}

/// The path by which this program was started.
fn program() -> String {
    let started = std::env::args_os().next().map_or_else(|| PathBuf::from("mapiproxy"), PathBuf::from);
    quoted(&started)
}
