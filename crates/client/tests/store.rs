//! Mailboxes of the lab, over RPC and over HTTP: folders, tables, messages, attachments, notifications.

mod served;

use std::time::Duration;

use client::{
    Client, ClientConfig, Failure, Folder, Mailbox, Permission, Recipient, RecipientKind, Rule, WellKnown,
};
use lab::LabConfig;
use mapi::ErrorCode;
use mapi::data::{ActionBlock, ActionData, ActionType, RuleAction};
use mapi::notification::NotificationType;
use mapi::property::{FuzzyLevel, PropTag, PropertyValue, Restriction, TaggedValue};
use mapi::rop::notification::NotificationTypes;
use rpc::AuthLevel;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use self::served::Served;

async fn mailbox(config: ClientConfig, user: &str) -> Mailbox {
    let dn = LabConfig::two_servers().user_dn(user);
    Client::new(config).mailbox(&dn).await.unwrap()
}

/// A message in `folder` with this subject.
async fn message(folder: &Folder, subject: &str) -> mapi::data::MessageId {
    let mut message = folder.create_message().await.unwrap();
    message.set_text(PropTag::PidTagSubject, subject).await.unwrap();
    message.save().await.unwrap()
}

async fn subjects(folder: &Folder) -> Vec<String> {
    let rows = folder.messages().sort(PropTag::PidTagSubject, false).all().await.unwrap();
    rows.iter().map(|row| row.text(PropTag::PidTagSubject).unwrap_or_default()).collect()
}

#[tokio::test]
async fn folders_are_created_renamed_moved_and_deleted() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    for config in served.both("alice") {
        let mailbox = mailbox(config, "alice").await;
        let inbox = mailbox.folder(WellKnown::Inbox).await.unwrap();
        let tea = inbox.create_folder("Tea").await.unwrap();
        tea.create_folder("Green").await.unwrap();
        tea.rename("Chai").await.unwrap();
        let found = mailbox.find_folder("inbox/CHAI/green").await.unwrap();
        assert_ne!(found.id(), tea.id());
        let tree = mailbox.folders().await.unwrap();
        let at = |name: &str| tree.iter().position(|folder| folder.name == name);
        assert!(at("Inbox") < at("Chai") && at("Chai") < at("Green"), "{tree:?}");
        let chai = &tree[at("Chai").unwrap()];
        assert_eq!((chai.id, chai.parent, chai.has_subfolders), (tea.id(), inbox.id(), true));

        let sent = mailbox.folder(WellKnown::SentItems).await.unwrap();
        tea.move_folder(found.id(), &sent, "White").await.unwrap();
        assert_eq!(mailbox.find_folder("sent/white").await.unwrap().id(), found.id());
        let error = inbox.create_folder("Chai").await.unwrap_err();
        assert_eq!(error.to_string(), "RopCreateFolder on folder Chai: server: returned MAPI_E_COLLISION");
        sent.delete_folder(found.id()).await.unwrap();
        inbox.delete_folder(tea.id()).await.unwrap();
        let error = mailbox.open_folder(tea.id()).await.unwrap_err();
        assert_eq!((error.operation, error.code()), ("RopOpenFolder", Some(ErrorCode::MAPI_E_NOT_FOUND)));
        assert!(error.object.starts_with("folder 0x"), "{error}");
        let error = mailbox.find_folder("Inbox/Chai").await.unwrap_err();
        assert_eq!(error.failure, Failure::NotFound);
        mailbox.disconnect().await.unwrap();
    }
    served.end().await;
}

#[tokio::test]
async fn operations_that_the_caller_gives_up_leave_the_session_usable() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    for config in served.both("alice") {
        let mailbox = mailbox(config, "alice").await;
        let inbox = mailbox.folder(WellKnown::Inbox).await.unwrap();
        for micros in (0..40).map(|number| number * 100) {
            let _ = tokio::time::timeout(Duration::from_micros(micros), inbox.subfolders()).await;
            inbox.get(&[PropTag::PidTagDisplayName]).await.unwrap();
        }
        drop(inbox);
        mailbox.disconnect().await.unwrap();
    }
    served.end().await;
}

#[tokio::test]
async fn a_table_is_read_in_pages_restricted_and_sorted() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    for config in served.both("alice") {
        let mailbox = mailbox(config, "alice").await;
        let inbox = mailbox.folder(WellKnown::Inbox).await.unwrap();
        let folder = inbox.create_folder("Many").await.unwrap();
        for number in 0..23 {
            message(&folder, &format!("message {number:02}")).await;
        }
        let mut table = folder.messages().sort(PropTag::PidTagSubject, true).page(5).open().await.unwrap();
        for number in (0..23).rev() {
            let row = table.next().await.unwrap().unwrap();
            assert_eq!(row.text(PropTag::PidTagSubject).unwrap(), format!("message {number:02}"));
        }
        assert_eq!(table.next().await.unwrap(), None);
        table.rewind().await.unwrap();
        assert!(table.next().await.unwrap().is_some());
        let ten = Restriction::Content {
            fuzzy_level: FuzzyLevel::FL_PREFIX,
            tag: PropTag::PidTagSubject,
            value: TaggedValue::new(PropTag::PidTagSubject, "message 1".into()),
        };
        assert_eq!(folder.messages().restriction(ten).all().await.unwrap().len(), 10);
        inbox.delete_folder(folder.id()).await.unwrap();
        mailbox.disconnect().await.unwrap();
    }
    served.end().await;
}

#[tokio::test]
async fn long_values_and_attachments_are_transferred_in_pieces() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    for config in served.both("alice") {
        let mailbox = mailbox(config, "alice").await;
        let inbox = mailbox.folder(WellKnown::Inbox).await.unwrap();
        let mut message = inbox.create_message().await.unwrap();
        let body = "Tea at four, as usual. ".repeat(5000);
        message.set_text(PropTag::PidTagBody, &body).await.unwrap();
        message.set_text(PropTag::PidTagSubject, "Long").await.unwrap();
        let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let attachment = message.create_attachment().await.unwrap();
        attachment.set_file_name("numbers.bin").await.unwrap();
        let mut writer = attachment.writer().await.unwrap();
        writer.write_all(&bytes).await.unwrap();
        writer.shutdown().await.unwrap();
        attachment.save().await.unwrap();
        let inner = message.create_attachment().await.unwrap();
        let mut embedded = inner.create_message().await.unwrap();
        embedded.set_text(PropTag::PidTagSubject, "Within").await.unwrap();
        embedded.save().await.unwrap();
        inner.save().await.unwrap();
        let id = message.save().await.unwrap();
        assert_eq!(message.id(), Some(id));
        drop((attachment, inner, embedded, writer, message));

        let message = inbox.open_message(id).await.unwrap();
        let values =
            message.get(&[PropTag::PidTagSubject, PropTag::PidTagBody, PropTag::PidTagBodyHtml]).await;
        let values = values.unwrap();
        assert_eq!(values.text(PropTag::PidTagSubject).as_deref(), Some("Long"));
        assert_eq!(
            (values.text(PropTag::PidTagBody), values.get(PropTag::PidTagBodyHtml)),
            (Some(body), None)
        );
        let attachments = message.attachments().await.unwrap();
        let names: Vec<_> = attachments.iter().map(|each| (each.name.as_str(), each.is_message)).collect();
        assert_eq!(names[0], ("numbers.bin", false));
        assert!(names.len() == 2 && names[1].1, "{names:?}");
        let mut reader =
            message.open_attachment(attachments[0].number).await.unwrap().reader().await.unwrap();
        let mut read = Vec::new();
        reader.read_to_end(&mut read).await.unwrap();
        assert!(read == bytes && reader.size() == 1_200_000);
        let inner = message.open_attachment(attachments[1].number).await.unwrap();
        let embedded = inner.open_message().await.unwrap();
        assert_eq!(embedded.text(PropTag::PidTagSubject).await.unwrap().as_deref(), Some("Within"));
        message.delete_attachment(attachments[0].number).await.unwrap();
        assert_eq!(message.attachments().await.unwrap().len(), 1);
        inbox.delete_messages(&[id]).await.unwrap();
        mailbox.disconnect().await.unwrap();
    }
    served.end().await;
}

#[tokio::test]
async fn messages_are_copied_moved_marked_and_deleted() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    for config in served.both("alice") {
        let mailbox = mailbox(config, "alice").await;
        let inbox = mailbox.folder(WellKnown::Inbox).await.unwrap();
        let (one, two) =
            (inbox.create_folder("One").await.unwrap(), inbox.create_folder("Two").await.unwrap());
        let ids = [message(&one, "a").await, message(&one, "b").await];
        one.copy_messages(&ids[..1], &two).await.unwrap();
        one.move_messages(&ids[1..], &two).await.unwrap();
        assert_eq!(
            (subjects(&one).await, subjects(&two).await),
            (vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()])
        );
        for is_read in [true, false] {
            one.set_read(&ids[..1], is_read).await.unwrap();
            let row = one.messages().all().await.unwrap().remove(0);
            assert_eq!(row.integer(PropTag::PidTagMessageFlags).unwrap() & 1 == 1, is_read);
        }
        one.delete_messages(&ids[..1]).await.unwrap();
        two.empty().await.unwrap();
        assert!(subjects(&one).await.is_empty() && subjects(&two).await.is_empty());
        let error = one.open_message(ids[0]).await.unwrap_err();
        assert_eq!((error.operation, error.code()), ("RopOpenMessage", Some(ErrorCode::MAPI_E_NOT_FOUND)));
        assert!(error.object.starts_with("message 0x"), "{error}");
        for folder in [one, two] {
            inbox.delete_folder(folder.id()).await.unwrap();
        }
        mailbox.disconnect().await.unwrap();
    }
    served.end().await;
}

#[tokio::test]
async fn a_submitted_message_arrives_with_its_recipients_and_is_notified() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    for (alice, bob) in served.both("alice").into_iter().zip(served.both("bob")) {
        let (alice, bob) = (mailbox(alice, "alice").await, mailbox(bob, "bob").await);
        let inbox = bob.folder(WellKnown::Inbox).await.unwrap();
        let subscription = bob.subscribe(NotificationTypes::NEW_MAIL, None).await.unwrap();

        let send = async {
            let outbox = alice.folder(WellKnown::Outbox).await.unwrap();
            let message = outbox.create_message().await.unwrap();
            message.set_text(PropTag::PidTagSubject, "Tea?").await.unwrap();
            let mut recipients = vec![
                Recipient::smtp(RecipientKind::To, "Bob", "bob@lab.test"),
                Recipient::smtp(RecipientKind::Cc, "Alice", "alice@lab.test"),
            ];
            recipients.extend((0..298).map(|number| {
                let address = format!("person{number}@example.org");
                Recipient::smtp(RecipientKind::Cc, "Someone", &address)
            }));
            message.set_recipients(&recipients).await.unwrap();
            assert_eq!(message.recipients().await.unwrap(), recipients);
            message.submit().await.unwrap();
        };
        // Waits that the caller gives up are followed by others.
        for _ in 0..3 {
            let waiting = tokio::time::timeout(Duration::from_millis(50), bob.next_notification()).await;
            assert!(waiting.is_err(), "{waiting:?}");
        }
        let (notification, ()) = tokio::join!(bob.next_notification(), send);
        let data = notification.unwrap().data;
        assert_eq!(data.notification_type(), NotificationType::NewMail);
        let row = inbox.messages().all().await.unwrap().remove(0);
        assert_eq!(row.text(PropTag::PidTagSubject).as_deref(), Some("Tea?"));
        let received = inbox.open_message(row.message_id().unwrap()).await.unwrap();
        let recipients = received.recipients().await.unwrap();
        // The response to the opening has 255 at most.
        assert_eq!(recipients.len(), 300);
        let bob_as_recipient = recipients.iter().find(|each| each.smtp.as_deref() == Some("bob@lab.test"));
        assert_eq!(bob_as_recipient.map(|each| each.kind), Some(RecipientKind::To), "{recipients:?}");
        drop((subscription, received));
        inbox.empty().await.unwrap();
        alice.disconnect().await.unwrap();
        bob.disconnect().await.unwrap();
    }
    served.end().await;
}

#[tokio::test]
async fn permissions_and_rules_are_added_read_and_deleted() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    for config in served.both("alice") {
        let mailbox = mailbox(config, "alice").await;
        let inbox = mailbox.folder(WellKnown::Inbox).await.unwrap();
        let folder = inbox.create_folder("Shared").await.unwrap();
        let before = folder.permissions().await.unwrap();
        folder.add_permission(&LabConfig::two_servers().user_dn("bob"), 0x401).await.unwrap();
        let listed = folder.permissions().await.unwrap();
        let bob: &Permission = listed.iter().find(|each| each.name.starts_with("Bob ")).unwrap();
        assert_eq!(bob.right_names(), ["ReadAny", "FolderVisible"]);
        folder.change_permission(bob.member, 0x400).await.unwrap();
        assert!(
            folder
                .permissions()
                .await
                .unwrap()
                .iter()
                .any(|each| each.member == bob.member && each.rights == 0x400)
        );
        folder.remove_permission(bob.member).await.unwrap();
        assert_eq!(folder.permissions().await.unwrap(), before);
        let error = folder.remove_permission(bob.member).await.unwrap_err();
        assert_eq!(
            (error.operation, error.code()),
            ("RopModifyPermissions", Some(ErrorCode::MAPI_E_NOT_FOUND))
        );

        let condition = Restriction::Exist { tag: PropTag::PidTagSubject };
        let actions = RuleAction(vec![ActionBlock::new(ActionType::OP_DELETE, ActionData::None)]);
        let rule = Rule::new("Delete all", Some(condition), actions);
        inbox.add_rule(&rule).await.unwrap();
        let listed = inbox.rules().await.unwrap();
        assert_eq!(listed, [Rule { id: listed[0].id, ..rule }]);
        assert!(listed[0].is_enabled() && listed[0].id != 0);
        inbox.delete_rule(listed[0].id).await.unwrap();
        assert_eq!(inbox.rules().await.unwrap(), []);
        inbox.delete_folder(folder.id()).await.unwrap();
        mailbox.disconnect().await.unwrap();
    }
    served.end().await;
}

#[tokio::test]
async fn objects_are_released_with_the_next_request_after_they_are_dropped() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    for config in served.both("alice") {
        let mailbox = mailbox(config, "alice").await;
        // More than a session may have open at a time.
        for _ in 0..1500 {
            mailbox.folder(WellKnown::Inbox).await.unwrap();
        }
        mailbox.disconnect().await.unwrap();
    }
    served.end().await;
}

#[tokio::test]
async fn a_property_that_the_server_does_not_accept_is_named() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    let [config, _] = served.both("alice");
    let mailbox = mailbox(config, "alice").await;
    let inbox = mailbox.folder(WellKnown::Inbox).await.unwrap();
    let id = TaggedValue::new(PropTag::PidTagFolderId, PropertyValue::Integer64(7));
    let error = inbox.set(vec![id]).await.unwrap_err();
    assert_eq!(error.operation, "RopSetProperties");
    assert!(error.object.starts_with("PidTagFolderId of folder 0x"), "{error}");
    mailbox.disconnect().await.unwrap();
    served.end().await;
}
