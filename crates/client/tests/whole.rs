//! Whole messages, over RPC and over HTTP.

mod served;

use client::{Client, ClientConfig, Failure, Message, Recipient, RecipientKind, WellKnown};
use lab::LabConfig;
use mapi::property::{PropTag, PropertyValue};
use message::{Content, Limits};
use rpc::AuthLevel;
use tokio::io::AsyncWriteExt as _;

use self::served::Served;

/// Attaches a file of `length` bytes.
async fn attach(message: &Message, length: usize) {
    let attachment = message.create_attachment().await.unwrap();
    attachment.set_file_name("tea.bin").await.unwrap();
    let mut writer = attachment.writer().await.unwrap();
    writer.write_all(&vec![7; length]).await.unwrap();
    writer.shutdown().await.unwrap();
    attachment.save().await.unwrap();
}

async fn a_message_in_a_message(config: ClientConfig) {
    let dn = LabConfig::two_servers().user_dn("alice");
    let mailbox = Client::new(config).mailbox(&dn).await.unwrap();
    let inbox = mailbox.folder(WellKnown::Inbox).await.unwrap();
    let mut outer = inbox.create_message().await.unwrap();
    let body = "Tea at four. ".repeat(8000);
    outer.set_text(PropTag::PidTagSubject, "outer").await.unwrap();
    outer.set_text(PropTag::PidTagBody, &body).await.unwrap();
    outer.set_recipients(&[Recipient::smtp(RecipientKind::Cc, "Bob", "bob@lab.test")]).await.unwrap();
    attach(&outer, 70_000).await;
    let attachment = outer.create_attachment().await.unwrap();
    let mut inner = attachment.create_message().await.unwrap();
    inner.set_text(PropTag::PidTagSubject, "inner").await.unwrap();
    attach(&inner, 10).await;
    inner.save().await.unwrap();
    drop(inner);
    attachment.save().await.unwrap();
    drop(attachment);
    let id = outer.save().await.unwrap();

    let limits = Limits::default();
    let message = inbox.open_message(id).await.unwrap();
    let whole = message.whole(&limits).await.unwrap();
    let text = |of: &message::Message, tag| of.properties.get(tag).and_then(PropertyValue::to_text);
    assert_eq!(text(&whole, PropTag::PidTagSubject).unwrap(), "outer");
    assert!(text(&whole, PropTag::PidTagBody).unwrap() == body);
    assert_eq!(
        whole.recipients[0].get(PropTag::PidTagSmtpAddress).and_then(PropertyValue::to_text).unwrap(),
        "bob@lab.test"
    );
    assert!(matches!(&whole.attachments[0].content, Content::Bytes(bytes) if *bytes == vec![7; 70_000]));
    let Content::Message(inner) = &whole.attachments[1].content else { panic!("{:?}", whole.attachments[1]) };
    assert_eq!(text(inner, PropTag::PidTagSubject).unwrap(), "inner");
    assert!(matches!(&inner.attachments[0].content, Content::Bytes(bytes) if *bytes == [7; 10]));

    for refused in [
        Limits { depth: 1, ..limits },
        Limits { parts: 2, ..limits },
        Limits { recipients: 0, ..limits },
        // Less than the attachment, than the body, and than the short values.
        Limits { bytes: 2 * body.len() + 60_000, ..limits },
        Limits { bytes: body.len(), ..limits },
        Limits { bytes: 20, ..limits },
    ] {
        let error = message.whole(&refused).await.unwrap_err();
        assert_eq!(error.failure, Failure::TooLong, "{refused:?}: {error}");
    }
    let enough = Limits { depth: 2, parts: 3, recipients: 1, bytes: 300_000, ..limits };
    assert_eq!(message.whole(&enough).await.unwrap(), whole);
    drop((message, outer));
    inbox.delete_messages(&[id]).await.unwrap();
    drop(inbox);
    mailbox.disconnect().await.unwrap();
}

#[tokio::test]
async fn a_whole_message_has_what_is_within_it_and_beyond_a_limit_it_is_refused() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    for config in served.both("alice") {
        a_message_in_a_message(config).await;
    }
    served.end().await;
}
