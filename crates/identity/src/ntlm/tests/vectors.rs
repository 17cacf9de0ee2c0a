//! The worked examples of [MS-NLMP] 4.2.

use wire::Decode as _;

use super::super::{crypto, flags::NegotiateFlags as F};
use super::*;

const SERVER: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
const CLIENT: [u8; 8] = [0xaa; 8];
const RANDOM_SESSION_KEY: [u8; 16] = [0x55; 16];
const PLAINTEXT: &str = "50 00 6c 00 61 00 69 00 6e 00 74 00 65 00 78 00 74 00";

const AUTHENTICATE_V1: &str = "
    4e 54 4c 4d 53 53 50 00 03 00 00 00 18 00 18 00 6c 00 00 00 18 00 18 00 84 00 00 00 0c 00 0c 00
    48 00 00 00 08 00 08 00 54 00 00 00 10 00 10 00 5c 00 00 00 10 00 10 00 9c 00 00 00 35 82 80 e2
    05 01 28 0a 00 00 00 0f 44 00 6f 00 6d 00 61 00 69 00 6e 00 55 00 73 00 65 00 72 00 43 00 4f 00
    4d 00 50 00 55 00 54 00 45 00 52 00 98 de f7 b8 7f 88 aa 5d af e2 df 77 96 88 a1 72 de f1 1c 7d
    5c cd ef 13 67 c4 30 11 f3 02 98 a2 ad 35 ec e6 4f 16 33 1c 44 bd be d9 27 84 1f 94 51 88 22 b1
    b3 f3 50 c8 95 86 82 ec bb 3e 3c b7";

const CHALLENGE_V1_EXTENDED: &str = "
    4e 54 4c 4d 53 53 50 00 02 00 00 00 0c 00 0c 00 38 00 00 00 33 82 0a 82 01 23 45 67 89 ab cd ef
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 06 00 70 17 00 00 00 0f 53 00 65 00 72 00 76 00
    65 00 72 00";

const AUTHENTICATE_V1_EXTENDED: &str = "
    4e 54 4c 4d 53 53 50 00 03 00 00 00 18 00 18 00 6c 00 00 00 18 00 18 00 84 00 00 00 0c 00 0c 00
    48 00 00 00 08 00 08 00 54 00 00 00 10 00 10 00 5c 00 00 00 00 00 00 00 9c 00 00 00 35 82 08 82
    05 01 28 0a 00 00 00 0f 44 00 6f 00 6d 00 61 00 69 00 6e 00 55 00 73 00 65 00 72 00 43 00 4f 00
    4d 00 50 00 55 00 54 00 45 00 52 00 aa aa aa aa aa aa aa aa 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 75 37 f8 03 ae 36 71 28 ca 45 82 04 bd e7 ca f8 1e 97 ed 26 83 26 72 32";

const CHALLENGE_V2: &str = "
    4e 54 4c 4d 53 53 50 00 02 00 00 00 0c 00 0c 00 38 00 00 00 33 82 8a e2 01 23 45 67 89 ab cd ef
    00 00 00 00 00 00 00 00 24 00 24 00 44 00 00 00 06 00 70 17 00 00 00 0f 53 00 65 00 72 00 76 00
    65 00 72 00 02 00 0c 00 44 00 6f 00 6d 00 61 00 69 00 6e 00 01 00 0c 00 53 00 65 00 72 00 76 00
    65 00 72 00 00 00 00 00";

const AUTHENTICATE_V2: &str = "
    4e 54 4c 4d 53 53 50 00 03 00 00 00 18 00 18 00 6c 00 00 00 54 00 54 00 84 00 00 00 0c 00 0c 00
    48 00 00 00 08 00 08 00 54 00 00 00 10 00 10 00 5c 00 00 00 10 00 10 00 d8 00 00 00 35 82 88 e2
    05 01 28 0a 00 00 00 0f 44 00 6f 00 6d 00 61 00 69 00 6e 00 55 00 73 00 65 00 72 00 43 00 4f 00
    4d 00 50 00 55 00 54 00 45 00 52 00 86 c3 50 97 ac 9c ec 10 25 54 76 4a 57 cc cc 19 aa aa aa aa
    aa aa aa aa 68 cd 0a b8 51 e5 1c 96 aa bc 92 7b eb ef 6a 1c 01 01 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 aa aa aa aa aa aa aa aa 00 00 00 00 02 00 0c 00 44 00 6f 00 6d 00 61 00 69 00 6e 00
    01 00 0c 00 53 00 65 00 72 00 76 00 65 00 72 00 00 00 00 00 00 00 00 00 c5 da d2 54 4f c9 79 90
    94 ce 1c e9 0b c9 d0 3e";

const TEMP: &str = "
    01 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 aa aa aa aa aa aa aa aa 00 00 00 00 02 00 0c 00
    44 00 6f 00 6d 00 61 00 69 00 6e 00 01 00 0c 00 53 00 65 00 72 00 76 00 65 00 72 00 00 00 00 00
    00 00 00 00";

fn password() -> NtHash {
    NtHash::from_password("Password")
}

/// 4.2.2: `NTLMv1`.
#[test]
fn ntlm_v1_keys() {
    assert_eq!(password().expose(), hex("a4 f4 9c 40 65 10 bd ca b6 82 4e e7 c3 0f d8 52").as_slice());
    let response = crypto::response_v1(&password(), SERVER, None);
    assert_eq!(response.proof(), hex("67c43011f30298a2ad35ece64f16331c44bdbed927841f94"));
    assert_eq!(*response.key_exchange_key, *hex("d8 72 62 b0 cd e4 b1 cb 74 99 be cc cd f1 07 84"));
    let mut key = RANDOM_SESSION_KEY;
    crypto::rc4k(&response.key_exchange_key, &mut key);
    assert_eq!(key, *hex("51 88 22 b1 b3 f3 50 c8 95 86 82 ec bb 3e 3c b7"));
}

/// 4.2.3: `NTLMv1` with a client challenge.
#[test]
fn ntlm_v1_extended_keys() {
    let response = crypto::response_v1(&password(), SERVER, Some(CLIENT));
    assert_eq!(response.proof(), hex("7537f803ae367128ca458204bde7caf81e97ed2683267232"));
    let key = &response.key_exchange_key;
    assert_eq!(**key, *hex("eb 93 42 9a 8b d9 52 f8 b8 9c 55 b8 7f 47 5e dc"));
    let flags = F(0x820a_8233);
    let seal = crypto::seal_key(flags, key, crypto::Sender::Client);
    assert_eq!(*seal, *hex("04 dd 7f 01 4d 85 04 d2 65 a2 5c c8 6a 3a 7c 06"));
    assert_eq!(
        *crypto::sign_key(key, crypto::Sender::Client),
        *hex("60 e7 99 be 5c 72 fc 92 92 2a e8 eb e9 61 fb 8d")
    );
}

/// 4.2.4: `NTLMv2`.
#[test]
fn ntlm_v2_keys() {
    let response_key = crypto::ntowf_v2(&password(), "User", "Domain");
    assert_eq!(*response_key, *hex("0c 86 8a 40 3b fd 7a 93 a3 00 1e f2 2e f0 2e 3f"));
    let response = crypto::response_v2(&response_key, SERVER, &hex(TEMP));
    assert_eq!(response.proof(), hex("68 cd 0a b8 51 e5 1c 96 aa bc 92 7b eb ef 6a 1c"));
    assert_eq!(*response.key_exchange_key, *hex("8d e4 0c ca db c1 4a 82 f1 5c b0 ad 0d e9 5c a3"));
    assert_eq!(
        crypto::lm_v2(&response_key, SERVER, CLIENT),
        hex("86 c3 50 97 ac 9c ec 10 25 54 76 4a 57 cc cc 19 aa aa aa aa aa aa aa aa")
    );
    let mut key = RANDOM_SESSION_KEY;
    crypto::rc4k(&response.key_exchange_key, &mut key);
    assert_eq!(key, *hex("c5 da d2 54 4f c9 79 90 94 ce 1c e9 0b c9 d0 3e"));
    let flags = F(0xe28a_8233);
    let seal = crypto::seal_key(flags, &RANDOM_SESSION_KEY, crypto::Sender::Client);
    assert_eq!(*seal, *hex("59 f6 00 97 3c c4 96 0a 25 48 0a 7c 19 6e 4c 58"));
    let sign = crypto::sign_key(&RANDOM_SESSION_KEY, crypto::Sender::Client);
    assert_eq!(*sign, *hex("47 88 dc 86 1b 47 82 f3 5d 43 fd 98 fe 1a 2d 39"));
}

/// An acceptor accepts the example's message of a client that signs in with the example's flags, and unseals
/// what 4.2.x.4 seals.
fn accepts(flags: u32, authenticate: &str, sealed: &str, signature: &str, version: NtlmVersion) {
    let mut acceptor = Acceptor::new(Arc::new(server(lenient())), Channel::http(None));
    let negotiate = Negotiate::new(F(flags), Version([5, 1, 0x28, 0x0a, 0, 0, 0, 15]));
    let negotiate = wire::Encode::to_bytes(&negotiate).unwrap();
    token(acceptor.step(&negotiate, NOW, &mut Script(SERVER.to_vec(), 0)));
    let Step::Done { token: None, context, mut security } =
        acceptor.step(&hex(authenticate), NOW, &mut Script::default()).unwrap()
    else {
        panic!("not done")
    };
    assert_eq!(context.principal().to_string(), "Domain\\User");
    assert_eq!(context.proof(), proof(version));
    let mut body = hex(sealed);
    security.unseal(&[], &mut body, &[], &hex(signature)).unwrap();
    assert_eq!(body, hex(PLAINTEXT));
}

/// An initiator seals as 4.2.x.4 does.
fn seals(security: &mut dyn MessageSecurity, sealed: &str, signature: &str) {
    let mut body = hex(PLAINTEXT);
    assert_eq!(security.seal(&[], &mut body, &[]).unwrap(), *hex(signature));
    assert_eq!(body, hex(sealed));
}

const SEALED_V1: &str = "56 fe 04 d8 61 f9 31 9a f0 d7 23 8a 2e 3b 4d 45 7f b8";
const SIGNATURE_V1: &str = "01 00 00 00 00 00 00 00 09 dc d1 df 2e 45 9d 36";
const SEALED_V1_EXTENDED: &str = "a0 23 72 f6 53 02 73 f3 aa 1e b9 01 90 ce 52 00 c9 9d";
const SIGNATURE_V1_EXTENDED: &str = "01 00 00 00 ff 2a eb 52 f6 81 79 3a 00 00 00 00";
const SEALED_V2: &str = "54 e5 01 65 bf 19 36 dc 99 60 20 c1 81 1b 0f 06 fb 5f";
const SIGNATURE_V2: &str = "01 00 00 00 7f b3 8e c5 c5 5d 49 76 00 00 00 00";

#[test]
fn the_acceptor_accepts_the_examples_of_the_specification() {
    accepts(0xe280_8235, AUTHENTICATE_V1, SEALED_V1, SIGNATURE_V1, NtlmVersion::V1);
    let (sealed, signature) = (SEALED_V1_EXTENDED, SIGNATURE_V1_EXTENDED);
    accepts(0x8208_8235, AUTHENTICATE_V1_EXTENDED, sealed, signature, NtlmVersion::V1);
    accepts(0xe288_8235, AUTHENTICATE_V2, SEALED_V2, SIGNATURE_V2, NtlmVersion::V2);
}

#[test]
fn the_initiator_seals_as_the_examples_of_the_specification() {
    let mut security = NtlmSecurity::new(F(0xe202_8233), &RANDOM_SESSION_KEY, true);
    seals(&mut security, SEALED_V1, SIGNATURE_V1);

    let mut config = client("User", "Domain", "Password");
    let ntlm = NtlmInitiatorConfig { version: NtlmVersion::V1, allow_legacy: true, ..initiator() };
    config.settings = Settings::of(ntlm);
    let (mut initiator, _) = Initiator::with_offer(config, F(0x8208_8235));
    let mut random = Script([CLIENT.as_slice(), &RANDOM_SESSION_KEY].concat(), 0);
    let Ok(Step::Done { token: Some(token), mut security, .. }) =
        initiator.step(&hex(CHALLENGE_V1_EXTENDED), NOW, &mut random)
    else {
        panic!("not done")
    };
    let (ours, theirs) = (Authenticate::from_bytes(&token).unwrap(), hex(AUTHENTICATE_V1_EXTENDED));
    let theirs = Authenticate::from_bytes(&theirs).unwrap();
    assert_eq!(ours.nt_response(), theirs.nt_response());
    assert_eq!(ours.lm_response(), theirs.lm_response());
    seals(&mut *security, SEALED_V1_EXTENDED, SIGNATURE_V1_EXTENDED);

    let (mut initiator, _) = Initiator::with_offer(client("User", "Domain", "Password"), F(0xe288_8235));
    let mut random = Script([CLIENT.as_slice(), &RANDOM_SESSION_KEY].concat(), 0);
    let Ok(Step::Done { token: Some(token), mut security, .. }) =
        initiator.step(&hex(CHALLENGE_V2), NOW, &mut random)
    else {
        panic!("not done")
    };
    let ours = Authenticate::from_bytes(&token).unwrap();
    let theirs = hex(AUTHENTICATE_V2);
    let theirs = Authenticate::from_bytes(&theirs).unwrap();
    assert_eq!(ours.lm_response(), theirs.lm_response());
    assert_eq!((ours.user(), ours.domain()), (theirs.user(), theirs.domain()));
    seals(&mut *security, SEALED_V2, SIGNATURE_V2);
}

#[test]
fn the_examples_of_the_specification_round_trip() {
    let bytes = hex(CHALLENGE_V2);
    let challenge = Challenge::from_bytes(&bytes).unwrap();
    assert_eq!(challenge.flags, F(0xe28a_8233));
    assert_eq!(challenge.server_challenge, SERVER);
    assert_eq!(challenge.target_name().unwrap(), wire::utf16le_bytes("Server"));
    let pairs = AvPairs::from_bytes(challenge.target_info().unwrap()).unwrap();
    assert_eq!(pairs.get(AvId::MsvAvNbDomainName), Some(&*wire::utf16le_bytes("Domain")));
    assert_eq!(pairs.get(AvId::MsvAvNbComputerName), Some(&*wire::utf16le_bytes("Server")));
    assert_eq!(wire::Encode::to_bytes(&challenge).unwrap(), bytes);

    let bytes = hex(CHALLENGE_V1_EXTENDED);
    let challenge = Challenge::from_bytes(&bytes).unwrap();
    assert_eq!(challenge.target_name().unwrap(), wire::utf16le_bytes("Server"));
    assert!(challenge.target_info().unwrap().is_empty());
    assert_eq!(wire::Encode::to_bytes(&challenge).unwrap(), bytes);

    for text in [AUTHENTICATE_V1, AUTHENTICATE_V1_EXTENDED, AUTHENTICATE_V2] {
        let bytes = hex(text);
        let message = Authenticate::from_bytes(&bytes).unwrap();
        assert_eq!(message.user().unwrap(), "User");
        assert_eq!(message.domain().unwrap(), "Domain");
        assert_eq!(message.workstation().unwrap(), "COMPUTER");
        assert_eq!(message.version, Some(Version([5, 1, 0x28, 0x0a, 0, 0, 0, 15])));
        assert_eq!(message.mic, None);
        assert_eq!(wire::Encode::to_bytes(&message).unwrap(), bytes);
    }
    let claims = hex(TEMP);
    let read = ClientChallenge::from_bytes(&claims).unwrap();
    assert_eq!(read.challenge_from_client, CLIENT);
    assert_eq!(read.av_pairs.rest, (vec![], vec![0; 4]));
    assert_eq!(wire::Encode::to_bytes(&read).unwrap(), claims);
}

/// Computed with an independent implementation (`hashlib` of Python).
#[test]
fn channel_bindings_are_hashed() {
    let bindings = ChannelBindings::from_application_data(&hex(
        "746c732d7365727665722d656e642d706f696e743aea05fefecc6b0bd571db\
         bc5baa3ed4538652d24fbe9d40e6e3f9dcf0e5d1d9",
    ));
    assert_eq!(
        bindings,
        ChannelBindings::tls_server_end_point(&hex(
            "ea05fefecc6b0bd571dbbc5baa3ed4538652d24fbe9d40e6e3f9dcf0e5d1d9",
        ))
    );
    assert_eq!(bindings.as_bytes(), hex("ec77f4e4ffc34fe4c4939fbb88ea5698").as_slice());
}
