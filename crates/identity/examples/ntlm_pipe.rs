//! One end of a handshake on a pipe, for tests against other implementations.
//!
//! Arguments: `initiator` or `acceptor`, then `ntlm` or `spnego`, then options as `name=value`: `user`,
//! `domain`, `password`, `protection` (`none`, `sign`, `seal`), `bindings` (application data in hex),
//! `policy` (`ignore`, `allow`, `require`), `mic` (`require`), `legacy` (`allow`).
//!
//! Lines of the input are commands, lines of the output their results, all bytes in hex. During the handshake an
//! input line is the peer's token (empty for none) and an output line is `token HEX`, `done HEX` or `refused WHY`.
//! After that: `seal BEFORE BODY AFTER` gives `BODY SIGNATURE`, `unseal BEFORE BODY AFTER SIGNATURE` gives `BODY`,
//! `sign …` and `verify …` do the same without encryption, `who` the principal. An empty part is written `-`.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::SystemTime;

use identity::accounts::AccountFile;
use identity::{
    Acceptor, AcceptorConfig, Account, ActingLevel, AuthError, Authority, BindingPolicy, Channel,
    ChannelBindings, ContextCounters, Credentials, Initiator, InitiatorConfig, Mechanism, MessageSecurity,
    NtHash, NtlmAcceptorConfig, NtlmInitiatorConfig, OsRandom, Password, Policy, Protection, SecurityContext,
    ServerNames, Settings, Step,
};
use wire::{FileTime, Now};

type Failure = Box<dyn Error>;

enum Handshake {
    Initiator(Box<dyn Initiator>),
    Acceptor(Box<dyn Acceptor>),
}

impl Handshake {
    fn step(&mut self, token: &[u8]) -> Result<Step, AuthError> {
        // A test's peers look at the real clock, and so must this.
        #[expect(clippy::disallowed_methods, reason = "the clock of a test program")]
        let now = Now::at(FileTime::from_system(SystemTime::now()));
        match self {
            Self::Initiator(initiator) => initiator.step(token, now, &mut OsRandom),
            Self::Acceptor(acceptor) => acceptor.step(token, now, &mut OsRandom),
        }
    }
}

struct Options(Vec<String>);

impl Options {
    fn get(&self, name: &str) -> &str {
        self.0.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (role, mechanism) = (arguments.next().ok_or("no role")?, arguments.next().ok_or("no mechanism")?);
    let options = Options(arguments.collect());
    let mechanism = if mechanism == "spnego" { Mechanism::SPNEGO } else { Mechanism::NTLM };
    let bindings = match options.get("bindings") {
        "" => None,
        text => Some(ChannelBindings::from_application_data(&unhex(text)?)),
    };
    let mut handshake = if role == "initiator" {
        Handshake::Initiator(mechanism.initiator(&initiator(&options), Channel::http(bindings))?)
    } else {
        Handshake::Acceptor(mechanism.acceptor(&acceptor(&options)?.into(), Channel::http(bindings))?)
    };

    let mut established = None;
    for line in stdin().lock().lines() {
        let line = line?;
        let answer = match &mut established {
            None => match handshake.step(&unhex(&line)?) {
                Ok(Step::Continue(token)) => format!("token {}", hex(&token)),
                Ok(Step::Done { token, context, security }) => {
                    established = Some((context, security));
                    format!("done {}", hex(&token.unwrap_or_default()))
                }
                Err(refusal) => format!("refused {refusal}"),
            },
            Some((context, security)) => {
                command(&line, context, &mut **security).unwrap_or_else(|error| format!("refused {error}"))
            }
        };
        writeln!(stdout(), "{answer}")?;
    }
    Ok(())
}

fn initiator(options: &Options) -> InitiatorConfig {
    let password = Password::new(options.get("password"));
    InitiatorConfig {
        credentials: Credentials::password(options.get("user"), options.get("domain"), &password),
        target_name: "HTTP/pipe.lab.test".into(),
        protection: match options.get("protection") {
            "none" => Protection::None,
            "sign" => Protection::Sign,
            _ => Protection::Seal,
        },
        level: ActingLevel::Impersonate,
        authority: Authority::new("peer"),
        contexts: ContextCounters::new(),
        settings: Settings::of(NtlmInitiatorConfig {
            workstation: "PIPE".into(),
            ..NtlmInitiatorConfig::default()
        }),
    }
}

fn acceptor(options: &Options) -> Result<AcceptorConfig, Failure> {
    let mut accounts = AccountFile::default();
    accounts.set(Account::new(
        options.get("user"),
        options.get("domain"),
        NtHash::from_password(options.get("password")),
    ))?;
    let legacy = options.get("legacy") == "allow";
    Ok(AcceptorConfig {
        accounts: std::sync::Arc::new(accounts),
        policy: Policy {
            bindings: match options.get("policy") {
                "ignore" => BindingPolicy::Ignore,
                "require" => BindingPolicy::Require,
                _ => BindingPolicy::Allow,
            },
            ..Policy::default()
        },
        authority: Authority::new("accounts"),
        contexts: ContextCounters::new(),
        settings: Settings::of(NtlmAcceptorConfig {
            names: ServerNames {
                nb_computer: "PIPE".into(),
                nb_domain: "LAB".into(),
                dns_computer: "pipe.lab.test".into(),
                dns_domain: "lab.test".into(),
            },
            require_mic: options.get("mic") == "require",
            allow_legacy: legacy,
            require_128: !legacy,
            ..NtlmAcceptorConfig::default()
        }),
    })
}

fn command(
    line: &str,
    context: &SecurityContext,
    security: &mut dyn MessageSecurity,
) -> Result<String, Failure> {
    let words: Vec<&str> = line.split(' ').collect();
    let parts: Vec<Vec<u8>> = words.iter().skip(1).map(|word| unhex(word)).collect::<Result<_, _>>()?;
    match (words.first().copied(), parts.as_slice()) {
        (Some("who"), []) => Ok(context.principal().to_string()),
        (Some("seal"), [before, body, after]) => {
            let mut body = body.clone();
            let signature = security.seal(before, &mut body, after)?;
            Ok(format!("{} {}", hex(&body), hex(&signature)))
        }
        (Some("unseal"), [before, body, after, signature]) => {
            let mut body = body.clone();
            security.unseal(before, &mut body, after, signature)?;
            Ok(hex(&body))
        }
        (Some("sign"), [before, body, after]) => Ok(hex(&security.sign(before, body, after)?)),
        (Some("verify"), [before, body, after, signature]) => {
            security.verify(before, body, after, signature)?;
            Ok("ok".into())
        }
        _ => Err("unknown command".into()),
    }
}

fn unhex(text: &str) -> Result<Vec<u8>, Failure> {
    if text == "-" {
        return Ok(Vec::new());
    }
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err("an odd number of digits".into());
    }
    pairs.iter().map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?)).collect()
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".into();
    }
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
