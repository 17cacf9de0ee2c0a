//! Vectors of the RFCs, and malformed keytabs.

use super::crypto::{Key, cts, fold};
use super::keytab::{Keytab, KeytabError};
use super::usage::Usage;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

#[test]
fn folding_gives_the_vectors_of_rfc_3961_a_1() {
    assert_eq!(fold(b"kerberos").to_vec(), bytes("6b65726265726f737b9b5b2b93132b93"));
}

#[test]
fn ciphertext_stealing_gives_the_vectors_of_rfc_3962_b() {
    use aes::cipher::KeyInit as _;
    let aes = aes::Aes128::new_from_slice(b"chicken teriyaki").unwrap();
    let plain = b"I would like the General Gau's Chicken, please, and wonton soup.";
    for (length, cipher) in [
        (17, "c6353568f2bf8cb4d8a580362da7ff7f97"),
        (31, "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5"),
        (32, "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584"),
        (
            47,
            "97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e39312523a78662d5be7fcbcc98ebf5",
        ),
    ] {
        assert_eq!(cts(&aes, &bytes(cipher)).unwrap(), &plain[..length], "{length}");
    }
}

#[test]
fn messages_of_aes_with_sha_2_are_decrypted_as_in_rfc_8009_a() {
    let short = "3705d96080c17728a0e800eab6e0d23c";
    let long = "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52";
    for (encryption, key, cipher, plain) in [
        (19, short, "ef85fb890bb8472f4dab20394dca781dad877eda39d50c870c0d5a0a8e48c718", ""),
        (
            19,
            short,
            "84d7f30754ed987bab0bf3506beb09cfb55402cef7e6877ce99e247e52d16ed4421dfdf8976c",
            "000102030405",
        ),
        (20, long, "41f53fa5bfe7026d91faf9be959195a058707273a96a40f0a01960621ac612748b9bbfbe7eb4ce3c", ""),
        (
            20,
            long,
            "4ed7b37c2bcac8f74f23c1cf07e62bc7b75fb3f637b9f559c7f664f69eab7b6092237526ea0d1f61cb20d69d10f2",
            "000102030405",
        ),
    ] {
        let key = Key::new(encryption, &bytes(key)).unwrap();
        let mut cipher = bytes(cipher);
        assert_eq!(key.decrypt(Usage(2), &cipher).unwrap().as_slice(), bytes(plain));
        assert_eq!(key.decrypt(Usage(3), &cipher), None);
        cipher[0] ^= 1;
        assert_eq!(key.decrypt(Usage(2), &cipher), None);
    }
}

/// An entry of a keytab, as MIT writes it.
fn entry(components: &[&str], encryption: u16, kvno: u32, key: &[u8]) -> Vec<u8> {
    let counted = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let mut entry = u16::try_from(components.len()).unwrap().to_be_bytes().to_vec();
    entry.extend(counted(b"LAB.TEST"));
    for component in components {
        entry.extend(counted(component.as_bytes()));
    }
    entry.extend([0, 0, 0, 1, 0, 0, 0, 0, kvno.to_le_bytes()[0]]);
    entry.extend(encryption.to_be_bytes());
    entry.extend(counted(key));
    entry.extend(kvno.to_be_bytes());
    [i32::try_from(entry.len()).unwrap().to_be_bytes().to_vec(), entry].concat()
}

#[test]
fn the_keys_of_a_keytab_are_found_with_the_right_ones_first() {
    let service = ["exchangeMDB", "exch1.lab.test"];
    let hole = [(-5_i32).to_be_bytes().as_slice(), &[7; 5]].concat();
    let file = [
        vec![5, 2],
        entry(&["exch"], 23, 3, &[1; 16]),
        hole,
        entry(&service, 23, 2, &[2; 16]),
        entry(&service, 3, 2, &[9; 8]),
        entry(&service, 23, 300, &[3; 16]),
    ]
    .concat();
    let mut keytab = Keytab::default();
    keytab.add(&file).unwrap();
    let encryption = Key::new(23, &[0; 16]).unwrap().encryption();
    let found: Vec<u8> = keytab
        .keys(encryption, "exchangeMDB/EXCH1.lab.test@LAB.TEST", Some(300))
        .map(|key| key.bytes()[0])
        .collect();
    assert_eq!(found, [3, 1, 2]);
    assert_eq!(keytab.versions("exchangeMDB/exch1.lab.test@LAB.TEST"), [2, 300]);
    assert_eq!(format!("{keytab:?}"), "Keytab(3 keys, [redacted])");
}

#[test]
fn a_file_that_is_not_a_keytab_is_refused() {
    let mut keytab = Keytab::default();
    assert_eq!(keytab.add(b""), Err(KeytabError::Version));
    assert_eq!(keytab.add(&[5, 1, 0, 0]), Err(KeytabError::Version));
    let whole = [vec![5, 2], entry(&["exch"], 23, 3, &[1; 16])].concat();
    for length in 3..whole.len() {
        assert!(matches!(keytab.add(&whole[..length]), Err(KeytabError::Entry(_))), "{length}");
    }
    let many = [vec![5, 2], entry(&["x"], 23, 1, &[1; 16]).repeat(17_000)].concat();
    assert_eq!(keytab.add(&many), Err(KeytabError::TooMany));
}
