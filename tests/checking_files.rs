//! `mapiproxy check`: certificates, keys and passwords in files of the wrong kind.

use std::process::Command;

use crate::checking::{TEXT, good, mapiproxy, one_problem, warned};
use crate::harness::{Folder, Process, certificate, interop_script, mode, python};

/// A folder with a valid configuration, and the certificate and key in many formats.
fn forms() -> Folder {
    let folder = good();
    let mut command = Command::new(python());
    let made =
        Process::start("forms", command.arg(interop_script("certificate_forms.py")).arg(folder.join("")))
            .end();
    assert!(made.status.success(), "{}", made.err);
    folder.write("empty", "");
    mode(&folder.join("empty"), 0o600);
    folder
}

#[test]
fn a_file_without_a_certificate_is_reported_with_its_content_and_conversion() {
    let folder = forms();
    for (name, says) in [
        (
            "certificate.der",
            "holds a certificate in DER: make a file in PEM with `openssl x509 -inform DER -in ",
        ),
        (
            "chain.p7b",
            "holds certificates in PKCS #7: make a file in PEM with `openssl pkcs7 -print_certs -in ",
        ),
        (
            "chain.p7c",
            "holds certificates in PKCS #7, DER: make a file in PEM with `openssl pkcs7 -inform DER -print",
        ),
        ("both.p12", "in PKCS #12 (.p12, .pfx): make a file in PEM with `openssl pkcs12 -nokeys -in "),
        ("empty", "is empty: expected "),
        ("own.key", "holds a private key and no certificate: give the certificate"),
        ("encrypted.pem", "holds an encrypted private key and no certificate: give the certificate"),
        ("key.der", "holds a private key and no certificate: give the certificate"),
        ("request.pem", "holds a request for a certificate (CSR) and no certificate: give the certificate"),
        ("public.pem", "holds a public key and no certificate: give the certificate"),
        ("utf16.crt", "is text in UTF-16: convert it with `iconv -f UTF-16 -t UTF-8 "),
        ("marked.crt", "begins with a byte order mark: save it as UTF-8 without one"),
        ("indented.crt", "holds nothing that begins at the left margin: remove the blanks"),
        ("cut-off.crt", "a line -----END ...----- is missing: the file is cut off"),
        ("proxy.toml", "holds nothing in PEM: expected "),
    ] {
        let text = TEXT.replacen("\"own.crt\"", &format!("{name:?}"), 1);
        one_problem(
            &folder,
            &text,
            &format!("/{name}: {says}").replacen("/both.p12: in", "certificate with its key in", 1),
        );
        let own = mapiproxy("check", &folder).err;
        assert!(own.contains("line 4: listen.certificate: "), "{own}");
        // The same file as that of the server's authorities.
        let ca = format!("http = \"https://127.0.0.24\"\nca_file = {name:?}");
        folder.write("proxy.toml", &TEXT.replacen("http = \"http://127.0.0.24\"", &ca, 1));
        let ended = mapiproxy("check", &folder).err;
        let what = says.split(": ").next().unwrap();
        assert!(ended.contains("line 10: upstream.ca_file: ") && ended.contains(what), "{what}: {ended}");
        assert_eq!(ended.lines().filter(|line| !line.starts_with("  ")).count(), 1, "{ended}");
        folder.write("proxy.toml", TEXT);
    }
}

#[test]
fn a_file_without_a_key_is_reported_with_its_content_and_conversion() {
    let folder = forms();
    let at = "line 5: listen.key: ";
    for (name, says) in [
        ("key.der", "holds a private key in DER: make a file in PEM with `openssl pkey -inform DER -in "),
        (
            "traditional.der",
            "holds a private key in DER: make a file in PEM with `openssl pkey -inform DER -in ",
        ),
        (
            "encrypted.der",
            "holds an encrypted private key in DER: make a file in PEM with `openssl pkcs8 -inform DER",
        ),
        ("encrypted.pem", "the private key is encrypted: make a file in PEM with `openssl pkey -in "),
        (
            "encrypted-traditional.pem",
            "the private key is encrypted: make a file in PEM with `openssl pkey -in ",
        ),
        ("openssh.pem", "holds a key of OpenSSH and no private key"),
        (
            "both.p12",
            "holds a certificate with its key in PKCS #12 (.p12, .pfx): make a file in PEM with `openssl pkcs12 -n",
        ),
        ("empty", "is empty: expected a private key in PEM"),
        ("own.crt", "holds a certificate and no private key: give the private key"),
        ("certificate.der", "holds a certificate and no private key: give the private key"),
        ("public.pem", "holds a public key and no private key: give the private key"),
        ("request.pem", "holds a request for a certificate (CSR) and no private key: give the private key"),
        ("utf16.key", "is text in UTF-16: convert it with `iconv"),
    ] {
        one_problem(
            &folder,
            &TEXT.replacen("\"own.key\"", &format!("{name:?}"), 1),
            &format!("/{name}: {says}"),
        );
        let err = mapiproxy("check", &folder).err;
        assert!(err.contains(at), "{err}");
    }
    folder.write("own.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    one_problem(&folder, TEXT, "line 5: listen.key: ");
    assert!(
        mapiproxy("check", &folder).err.contains("own.key: its private key cannot be used: it is damaged")
    );
}

#[test]
fn certificates_and_keys_that_do_not_fit_together_are_distinguished() {
    let folder = forms();
    let swapped = TEXT.replacen("own.crt", "x", 1).replacen("own.key", "own.crt", 1).replacen(
        "\"x\"",
        "\"own.key\"",
        1,
    );
    let says =
        "line 4: listen.certificate: is the private key, and listen.key is the certificate: exchange the two";
    one_problem(&folder, &swapped, says);
    let reversed = TEXT.replacen("own.crt", "reversed.crt", 1);
    one_problem(&folder, &reversed, "line 4: listen.certificate: ");
    let err = mapiproxy("check", &folder).err;
    assert!(err.contains("is number 2 in this file: put it first"), "{err}");
    folder.write("proxy.toml", &TEXT.replacen("own.crt", "shuffled.crt", 1));
    warned(&folder, "certificate 2 in the file is not that of the issuer of certificate 1: order the file");
    // Both in one file are right.
    let both =
        ["own.crt", "own.key"].map(|name| std::fs::read_to_string(folder.join(name)).unwrap()).concat();
    folder.write("both.pem", &both);
    mode(&folder.join("both.pem"), 0o600);
    folder.write("proxy.toml", &TEXT.replacen("own.crt", "both.pem", 1).replacen("own.key", "both.pem", 1));
    assert!(mapiproxy("check", &folder).status.success());
    // For a certificate of another name, only that is reported.
    let key = std::fs::read_to_string(folder.join("own.key")).unwrap();
    certificate(&folder, &["other.lab.test"]);
    folder.write("own.key", &key);
    one_problem(&folder, TEXT, "line 4: listen.certificate: ");
    folder.write("own.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    one_problem(&folder, TEXT, "own.crt: its first certificate cannot be read: it is damaged");
}

#[test]
fn a_password_file_with_more_than_a_password_is_reported() {
    let folder = good();
    let says = "line 14: upstream.credentials.password_file: ";
    for bytes in ["Ches\0hire\n", "C\0a\0t\0\n\0", "Cheshire\n\0\0"] {
        folder.write("service.password", bytes);
        one_problem(&folder, TEXT, says);
        assert!(mapiproxy("check", &folder).err.contains("contains a NUL byte: save it as UTF-8"));
        let run = mapiproxy("run", &folder);
        assert!(!run.status.success() && run.err.contains("contains a NUL byte"), "{}", run.err);
    }
    folder.write("proxy.toml", TEXT);
    for more in ["Cheshire\nCat\n", "# the account\nCheshire\n", "Cheshire\r\n\r\nCat"] {
        folder.write("service.password", more);
        warned(&folder, "remove the further lines, which are ignored");
    }
    folder.write("service.password", "Cheshire\rCat");
    warned(&folder, "contains a control character");
    for right in ["Cheshire\n\n", "Cheshire\r\n", "Cheshire"] {
        folder.write("service.password", right);
        let ended = mapiproxy("check", &folder);
        assert!(ended.status.success() && !ended.out.contains("warning"), "{right:?}: {}", ended.out);
    }
}
