//! Prints the subjects of the newest messages in an inbox, by MAPI over HTTP:
//! `cargo run -p client --example inbox -- HOST DOMAIN USER DN [CA_FILE] < PASSWORD_FILE`

use std::error::Error;
use std::path::Path;

use client::{Client, ClientConfig, HttpServer, WellKnown, http_account};
use identity::{Mechanism, Password};
use mapi::property::PropTag;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, domain, user, dn, rest @ ..] = arguments.as_slice() else {
        return Err("expected HOST DOMAIN USER DN [CA_FILE]".into());
    };
    let password = std::io::read_to_string(std::io::stdin())?;
    let password = Password::new(password.lines().next().unwrap_or_default());
    let server = HttpServer::new(host, 443, rest.first().map(Path::new))?;
    let account = http_account(user, domain, &password, Mechanism::NTLM)?;
    let mailbox = Client::new(ClientConfig::http(server).with_account(account)).mailbox(dn).await?;
    let inbox = mailbox.folder(WellKnown::Inbox).await?;
    let newest = inbox.messages().sort(PropTag::PidTagMessageDeliveryTime, true).page(10);
    let mut messages = newest.open().await?;
    for _ in 0..10 {
        let Some(message) = messages.next().await? else { break };
        println!("{}", message.text(PropTag::PidTagSubject).unwrap_or_default());
    }
    drop((messages, inbox));
    mailbox.disconnect().await?;
    Ok(())
}
