//! NTLM against `sspi`, which others wrote after Windows' own interface, both ways round.

use std::sync::Arc;
use std::time::SystemTime;

use identity::accounts::AccountFile;
use identity::{
    Acceptor, AcceptorConfig, Account, ActingLevel, Authority, BindingPolicy, Channel, ChannelBindings,
    ContextCounters, Credentials, Initiator, InitiatorConfig, Mechanism, MessageSecurity, NtHash,
    NtlmAcceptorConfig, NtlmInitiatorConfig, OsRandom, Password, Policy, Protection, ServerNames, Settings,
    Step,
};
use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, CredentialUse, DataRepresentation, EncryptionFlags, Ntlm,
    SecurityBuffer, SecurityBufferFlags, SecurityBufferRef, ServerRequestFlags, Sspi, SspiImpl, Username,
};
use wire::{FileTime, Now};

const USER: &str = "alice";
const DOMAIN: &str = "LAB";
const RIGHT: &str = "Pässword 1";
const WRONG: &str = "pässword 1";
/// What stands before and after a sealed stub in a PDU, and is signed with it.
const HEAD: [u8; 24] = *b"the header of a request.";
const TAIL: [u8; 8] = *b"trailer.";

type Refused = String;

fn now() -> Now {
    // The other end looks at the real clock, and so must this.
    #[expect(clippy::disallowed_methods, reason = "the clock of a test")]
    Now::at(FileTime::from_system(SystemTime::now()))
}

/// Every set of requirements of a client of `sspi` that affects its flags.
fn requirements() -> impl Iterator<Item = ClientRequestFlags> {
    let all = [
        ClientRequestFlags::INTEGRITY,
        ClientRequestFlags::CONFIDENTIALITY,
        ClientRequestFlags::REPLAY_DETECT,
        ClientRequestFlags::SEQUENCE_DETECT,
        ClientRequestFlags::MUTUAL_AUTH,
        ClientRequestFlags::USE_DCE_STYLE,
    ];
    (0..1_u32 << all.len()).map(move |mask| {
        let chosen = all.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0);
        chosen.fold(ClientRequestFlags::empty(), |flags, (_, flag)| flags | *flag)
    })
}

fn account() -> Arc<AccountFile> {
    let mut accounts = AccountFile::default();
    let nt_hash = NtHash::from_password(RIGHT);
    accounts.set(Account::new(USER, DOMAIN, nt_hash)).unwrap();
    Arc::new(accounts)
}

fn proxy_acceptor(
    policy: &Policy,
    mut ntlm: NtlmAcceptorConfig,
    bindings: Option<ChannelBindings>,
) -> Box<dyn Acceptor> {
    let names = ServerNames {
        nb_computer: "PROXY".into(),
        nb_domain: DOMAIN.into(),
        dns_computer: "proxy.lab.test".into(),
        dns_domain: "lab.test".into(),
    };
    ntlm.names = names;
    let (authority, contexts) = (Authority::new("accounts"), ContextCounters::new());
    let config = AcceptorConfig {
        accounts: account(),
        policy: policy.clone(),
        authority,
        contexts,
        settings: Settings::of(ntlm),
    };
    Mechanism::NTLM.acceptor(&Arc::new(config), Channel::http(bindings)).unwrap()
}

fn proxy_initiator(password: &str, protection: Protection) -> Box<dyn Initiator> {
    let config = InitiatorConfig {
        credentials: Credentials::password(USER, DOMAIN, &Password::new(password)),
        target_name: "exchangeMDB/exch.lab.test".into(),
        protection,
        level: ActingLevel::Impersonate,
        authority: Authority::new("exch"),
        contexts: ContextCounters::new(),
        settings: Settings::of(NtlmInitiatorConfig {
            workstation: "PROXY".into(),
            ..NtlmInitiatorConfig::default()
        }),
    };
    Mechanism::NTLM.initiator(&config, Channel::RPC).unwrap()
}

fn sspi_identity(password: &str) -> AuthIdentity {
    let username = Username::new(USER, Some(DOMAIN)).unwrap();
    AuthIdentity { username, password: password.to_owned().into() }
}

fn token(bytes: Vec<u8>) -> Vec<SecurityBuffer> {
    vec![SecurityBuffer::new(bytes, BufferType::Token)]
}

/// The client of `sspi` authenticates to the proxy's acceptor.
fn sspi_authenticates(
    password: &str,
    asks: ClientRequestFlags,
    mut sspi: Ntlm,
    mut proxy: Box<dyn Acceptor>,
) -> Result<(Ntlm, Box<dyn MessageSecurity>), Refused> {
    let identity = sspi_identity(password);
    let handle = sspi.acquire_credentials_handle().with_credential_use(CredentialUse::Outbound);
    let mut credentials = handle.with_auth_data(&identity).execute(&mut sspi).unwrap().credentials_handle;
    let mut received = token(Vec::new());
    for _ in 0..2 {
        let mut sent = token(Vec::new());
        let mut call = sspi
            .initialize_security_context()
            .with_credentials_handle(&mut credentials)
            .with_context_requirements(asks)
            .with_target_data_representation(DataRepresentation::Native)
            .with_target_name("HTTP/proxy.lab.test")
            .with_input(&mut received)
            .with_output(&mut sent);
        sspi.initialize_security_context_impl(&mut call).unwrap().resolve_to_result().unwrap();
        match proxy.step(&sent[0].buffer, now(), &mut OsRandom).map_err(|refusal| refusal.to_string())? {
            Step::Continue(answer) => received = token(answer),
            Step::Done { context, security, .. } => {
                assert_eq!(context.principal().to_string(), format!("{DOMAIN}\\{USER}"));
                return Ok((sspi, security));
            }
        }
    }
    panic!("the handshake has three tokens and is not over")
}

/// The proxy's initiator authenticates to the server of `sspi`. `change` changes the initiator's last token.
fn proxy_authenticates(
    mut proxy: Box<dyn Initiator>,
    change: impl Fn(&mut Vec<u8>),
) -> Result<(Ntlm, Box<dyn MessageSecurity>), Refused> {
    let mut sspi = Ntlm::new();
    let identity = sspi_identity(RIGHT);
    let handle = sspi.acquire_credentials_handle().with_credential_use(CredentialUse::Inbound);
    let mut credentials = handle.with_auth_data(&identity).execute(&mut sspi).unwrap().credentials_handle;
    let mut answer = Vec::new();
    for _ in 0..2 {
        let (sent, done) = match proxy.step(&answer, now(), &mut OsRandom).unwrap() {
            Step::Continue(sent) => (sent, None),
            Step::Done { token, security, .. } => {
                let mut last = token.unwrap();
                change(&mut last);
                (last, Some(security))
            }
        };
        let (mut received, mut buffers) = (token(sent), token(Vec::new()));
        let call = sspi
            .accept_security_context()
            .with_credentials_handle(&mut credentials)
            .with_context_requirements(ServerRequestFlags::ALLOCATE_MEMORY)
            .with_target_data_representation(DataRepresentation::Native)
            .with_input(&mut received)
            .with_output(&mut buffers);
        let said = sspi.accept_security_context_impl(call).unwrap().resolve_to_result();
        said.map_err(|error| error.to_string())?;
        if let Some(security) = done {
            sspi.complete_auth_token(&mut []).map_err(|error| error.to_string())?;
            return Ok((sspi, security));
        }
        answer = std::mem::take(&mut buffers[0].buffer);
    }
    panic!("the handshake has three tokens and is not over")
}

/// The parts of a PDU as `sspi` wants them: the stub alone is sealed, and all of it is signed.
fn pdu<'a>(
    head: &'a mut [u8],
    stub: &'a mut [u8],
    tail: &'a mut [u8],
    signature: &'a mut [u8],
) -> [SecurityBufferRef<'a>; 4] {
    let signed = SecurityBufferFlags::SECBUFFER_READONLY_WITH_CHECKSUM;
    [
        SecurityBufferRef::data_buf(head).with_flags(signed),
        SecurityBufferRef::data_buf(stub),
        SecurityBufferRef::data_buf(tail).with_flags(signed),
        SecurityBufferRef::token_buf(signature),
    ]
}

/// Several sealed stubs in both directions, and at the end a changed one, which is rejected.
fn converse((mut sspi, mut proxy): (Ntlm, Box<dyn MessageSecurity>)) {
    let (mut head, mut tail) = (HEAD, TAIL);
    for length in [1, 7, 16, 5_840] {
        let plain: Vec<u8> = (0_u8..=255).cycle().take(length).collect();

        let (mut stub, mut signature) = (plain.clone(), [0; 16]);
        let mut buffers = pdu(&mut head, &mut stub, &mut tail, &mut signature);
        sspi.encrypt_message(EncryptionFlags::empty(), &mut buffers).unwrap();
        assert!(length < 7 || stub != plain);
        proxy.unseal(&HEAD, &mut stub, &TAIL, &signature).unwrap();
        assert_eq!(stub, plain);

        let mut signature = proxy.seal(&HEAD, &mut stub, &TAIL).unwrap();
        assert!(length < 7 || stub != plain);
        let mut buffers = pdu(&mut head, &mut stub, &mut tail, &mut signature);
        sspi.decrypt_message(&mut buffers).unwrap();
        assert_eq!(stub, plain);
    }
    let (mut stub, mut signature) = (*b"changed on the way", [0; 16]);
    let mut buffers = pdu(&mut head, &mut stub, &mut tail, &mut signature);
    sspi.encrypt_message(EncryptionFlags::empty(), &mut buffers).unwrap();
    stub[0] ^= 1;
    assert!(proxy.unseal(&HEAD, &mut stub, &TAIL, &signature).is_err());
}

fn strict() -> NtlmAcceptorConfig {
    NtlmAcceptorConfig { require_mic: true, ..NtlmAcceptorConfig::default() }
}

#[test]
fn a_client_of_sspi_is_accepted_with_the_right_password_and_any_requirements() {
    for asks in requirements() {
        let (sspi, proxy) =
            sspi_authenticates(RIGHT, asks, Ntlm::new(), proxy_acceptor(&Policy::default(), strict(), None))
                .unwrap();
        let sealing = ClientRequestFlags::CONFIDENTIALITY | ClientRequestFlags::USE_DCE_STYLE;
        assert_eq!(proxy.can_seal(), asks.intersects(sealing), "{asks:?}");
        assert_eq!(proxy.can_sign(), asks.intersects(sealing | ClientRequestFlags::INTEGRITY), "{asks:?}");
        if proxy.can_seal() {
            converse((sspi, proxy));
        }
    }
}

#[test]
fn a_client_of_sspi_is_never_accepted_with_a_wrong_password() {
    let lax = NtlmAcceptorConfig { allow_legacy: true, require_128: false, ..NtlmAcceptorConfig::default() };
    for asks in requirements() {
        for rules in [strict(), NtlmAcceptorConfig::default(), lax.clone()] {
            let refused =
                sspi_authenticates(WRONG, asks, Ntlm::new(), proxy_acceptor(&Policy::default(), rules, None))
                    .map(|_| ());
            assert_eq!(refused, Err(identity::AuthError::InvalidCredentials.to_string()), "{asks:?}");
        }
    }
}

#[test]
fn a_client_of_sspi_is_accepted_by_its_channel_as_the_policy_requires() {
    let asks = ClientRequestFlags::CONFIDENTIALITY;
    let bindings = |hash: &[u8]| [b"tls-server-end-point:", hash].concat();
    let (right, wrong) = (bindings(&[1; 32]), bindings(&[2; 32]));
    for (policy, sent, enters) in [
        (BindingPolicy::Ignore, Some(&wrong), true),
        (BindingPolicy::Ignore, None, true),
        (BindingPolicy::Allow, Some(&right), true),
        (BindingPolicy::Allow, Some(&wrong), false),
        (BindingPolicy::Allow, None, true),
        (BindingPolicy::Require, Some(&right), true),
        (BindingPolicy::Require, Some(&wrong), false),
        (BindingPolicy::Require, None, false),
    ] {
        for password in [RIGHT, WRONG] {
            let mut sspi = Ntlm::new();
            if let Some(sent) = sent {
                sspi.set_channel_bindings(sent);
            }
            let policy = Policy { bindings: policy, ..Policy::default() };
            let proxy =
                proxy_acceptor(&policy, strict(), Some(ChannelBindings::tls_server_end_point(&[1; 32])));
            let said = sspi_authenticates(password, asks, sspi, proxy);
            assert_eq!(said.is_ok(), enters && password == RIGHT, "{policy:?} {sent:?}");
        }
    }
}

#[test]
fn the_initiator_is_accepted_with_the_right_password_only() {
    for (name, protection) in
        [("none", Protection::None), ("sign", Protection::Sign), ("seal", Protection::Seal)]
    {
        let (sspi, proxy) = proxy_authenticates(proxy_initiator(RIGHT, protection), |_| {}).unwrap();
        if proxy.can_seal() {
            converse((sspi, proxy));
        }
        assert!(proxy_authenticates(proxy_initiator(WRONG, protection), |_| {}).is_err(), "{name}");
    }
}

/// The server of `sspi` checks the message integrity code of the proxy's initiator.
#[test]
fn the_integrity_code_of_the_initiator_is_right_and_checked() {
    let offset = identity::ntlm::Authenticate::MIC_OFFSET;
    for bit in [0, 127] {
        let proxy = proxy_initiator(RIGHT, Protection::Seal);
        assert!(proxy_authenticates(proxy, |last| last[offset + bit / 8] ^= 1 << (bit % 8)).is_err());
    }
    let proxy = proxy_initiator(RIGHT, Protection::Seal);
    assert!(proxy_authenticates(proxy, |last| last[offset..offset + 16].fill(0)).is_err());
}
