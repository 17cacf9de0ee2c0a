//! A mailbox: logging on, its folders, and its notifications.

use std::sync::Arc;

use mapi::data::{FolderId, MessageId, ServerId};
use mapi::notification::NotificationData;
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::folder::{OpenModeFlags, RopOpenFolderRequest};
use mapi::rop::logon::{LogonFlags, OpenFlags, PrivateLogon, RopLogonRequest, RopLogonResponse};
use mapi::rop::notification::{
    NotificationScope, NotificationTypes, RopRegisterNotificationRequest, WantWholeStore,
};
use mapi::rop::{Bytes16, RequestBody};

use crate::client::Client;
use crate::error::{Error, Failure};
use crate::folder::{Folder, FolderInfo};
use crate::store::batch::{Batch, fields};
use crate::store::object::Object;
use crate::store::road::{Connected, Dialect, StoreRoad};
use crate::store::session::Session;

const ROP_LOGON: &str = "RopLogon";

/// A mailbox to which the client is logged on. Its folders, messages and tables share its session.
///
/// A request that is cancelled, because its future is dropped, may have been executed by the server, and may leave the
/// session unusable: over HTTP, the sequence of its requests is interrupted.
#[derive(Debug)]
pub struct Mailbox {
    logon: Object,
    info: Box<PrivateLogon>,
    /// The display name of the connected user, from the server.
    pub display_name: String,
    /// The prefix of the distinguished names of the server's organisation.
    pub dn_prefix: String,
    /// The server's version; over HTTP its product and version.
    pub server_version: String,
}

/// A folder that each mailbox has, by its place in the response to `RopLogon` ([MS-OXCSTOR] 2.2.1.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WellKnown {
    /// The root, which contains the folders below as well as hidden ones.
    Root,
    /// Deferred actions of rules.
    DeferredAction,
    /// The queue of the spooler.
    SpoolerQueue,
    /// The top of the folders that people see.
    IpmSubtree,
    /// The inbox.
    Inbox,
    /// The outbox.
    Outbox,
    /// Sent items.
    SentItems,
    /// Deleted items.
    DeletedItems,
    /// Views that all folders have.
    CommonViews,
    /// Free and busy times.
    Schedule,
    /// Search folders.
    Finder,
    /// Views of one person.
    Views,
    /// Shortcuts.
    Shortcuts,
}

impl WellKnown {
    /// All of them, in the order of the response.
    pub const ALL: [Self; 13] = [
        Self::Root,
        Self::DeferredAction,
        Self::SpoolerQueue,
        Self::IpmSubtree,
        Self::Inbox,
        Self::Outbox,
        Self::SentItems,
        Self::DeletedItems,
        Self::CommonViews,
        Self::Schedule,
        Self::Finder,
        Self::Views,
        Self::Shortcuts,
    ];

    /// The folder that people mean by `name`, in any letter case: `inbox`, `outbox`, `sent` or `deleted`.
    pub fn by_name(name: &str) -> Option<Self> {
        let names = [
            ("inbox", Self::Inbox),
            ("outbox", Self::Outbox),
            ("sent", Self::SentItems),
            ("deleted", Self::DeletedItems),
        ];
        names.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, folder)| folder)
    }
}

/// A notification of the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// What happened, and to which object.
    pub data: NotificationData,
    /// The number of notifications that were dropped after this one, because too many were waiting to be taken.
    pub dropped: u64,
}

/// A subscription to notifications, which ends when this is dropped.
#[derive(Debug)]
pub struct Subscription {
    _object: Object,
}

impl Client {
    /// Connects the user `user_dn` to the store, and logs on to the user's mailbox.
    ///
    /// # Errors
    /// If a call fails or the server refuses.
    pub async fn mailbox(&self, user_dn: &str) -> Result<Mailbox, Error> {
        self.mailbox_of(user_dn, user_dn).await
    }

    /// Connects the user `user_dn` to the store, and logs on to the mailbox of `owner_dn`, in which the user may have
    /// permissions on some folders only.
    ///
    /// # Errors
    /// If a call fails or the server refuses.
    pub async fn mailbox_of(&self, user_dn: &str, owner_dn: &str) -> Result<Mailbox, Error> {
        let (road, connected) = StoreRoad::connect(self, user_dn, false).await?;
        Mailbox::log_on(road, connected, user_dn, owner_dn).await
    }

    /// Connects the user `user_dn` to the store with `EcDoConnect`, as to Exchange 2000, and logs on to the user's
    /// mailbox.
    ///
    /// # Errors
    /// If a call fails, the server refuses, or it is a server of MAPI over HTTP.
    pub async fn mailbox_legacy(&self, user_dn: &str) -> Result<Mailbox, Error> {
        let (road, connected) = StoreRoad::connect(self, user_dn, true).await?;
        Mailbox::log_on(road, connected, user_dn, user_dn).await
    }
}

impl Mailbox {
    async fn log_on(
        road: StoreRoad,
        connected: Connected,
        user_dn: &str,
        owner_dn: &str,
    ) -> Result<Self, Error> {
        let name = format!("mailbox {owner_dn}");
        let mut open_flags = OpenFlags::TAKE_OWNERSHIP | OpenFlags::NO_MAIL;
        if user_dn == owner_dn {
            open_flags = open_flags | OpenFlags::HOME_LOGON;
        }
        let mut request = RopLogonRequest {
            logon_flags: LogonFlags::PRIVATE,
            open_flags,
            store_state: 0,
            essdn: Bytes16::default(),
        };
        request.set_dn(owner_dn.as_bytes());
        let none = Object::none(Arc::new(Session::new(road)), &name);
        let mut batch = Batch::default();
        let slot = batch.opened();
        batch.push(slot, RequestBody::RopLogon(request));
        let mut replies = none.run(batch).await?;
        let logon = none.opened(&replies, slot, &name);
        let response = replies.next().and_then(|body| fields!(body, RopLogon));
        let error = |failure| none.on(Error::new(ROP_LOGON, failure));
        let info = match response.map_err(|error| none.on(error))? {
            RopLogonResponse::Private(info) => info,
            RopLogonResponse::Public(_) => return Err(error(Failure::Missing("private mailbox"))),
            RopLogonResponse::Redirect(_) => return Err(error(Failure::Missing("mailbox on this server"))),
        };
        let logon = logon.ok_or_else(|| error(Failure::Missing("object handle")))?;
        let Connected { display_name, dn_prefix, server_version } = connected;
        Ok(Self { logon, info, display_name, dn_prefix, server_version })
    }

    /// The protocol of the session.
    pub fn dialect(&self) -> Dialect {
        self.logon.session().dialect()
    }

    /// The response to the logon: ids of folders, of the mailbox and of its replica.
    pub const fn info(&self) -> &PrivateLogon {
        &self.info
    }

    /// The id of a folder that each mailbox has.
    pub fn well_known(&self, folder: WellKnown) -> FolderId {
        let index = WellKnown::ALL.iter().position(|known| *known == folder).unwrap_or_default();
        FolderId(self.info.folder_ids.get(index).copied().unwrap_or_default())
    }

    /// The property of a message that keeps it in the sent items once it is submitted (`PidTagSentMailSvrEID`,
    /// [MS-OXOMSG]).
    pub fn sent_items_entry(&self) -> TaggedValue {
        let sent = ServerId::Ours {
            folder_id: self.well_known(WellKnown::SentItems),
            message_id: MessageId(0),
            instance: 0,
        };
        TaggedValue::new(PropTag::PidTagSentMailSvrEID, PropertyValue::ServerId(sent))
    }

    /// Opens a folder that each mailbox has.
    ///
    /// # Errors
    /// Those of [`Mailbox::open_folder`].
    pub async fn folder(&self, folder: WellKnown) -> Result<Folder, Error> {
        self.open_folder(self.well_known(folder)).await
    }

    /// Opens a folder (`RopOpenFolder`).
    ///
    /// # Errors
    /// If the folder does not exist, or the user has no permission to see it.
    pub async fn open_folder(&self, id: FolderId) -> Result<Folder, Error> {
        let open = |output_handle_index| {
            RequestBody::RopOpenFolder(RopOpenFolderRequest {
                output_handle_index,
                folder_id: id,
                open_mode_flags: OpenModeFlags::NONE,
            })
        };
        let (object, _) = self.logon.open(&Folder::name_of(id), open).await?;
        Ok(Folder::new(object, id))
    }

    /// Opens the folder with the path `path` below the top of the folders that people see, such as `Inbox/Projects`.
    /// Names are compared without regard to letter case; the first may be one of [`WellKnown::by_name`].
    ///
    /// # Errors
    /// If there is no such folder, or a ROP fails.
    pub async fn find_folder(&self, path: &str) -> Result<Folder, Error> {
        // A list: the future of an iterator with a closure cannot be boxed as one that is `Send`.
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let known = names.split_first().and_then(|(first, rest)| Some((WellKnown::by_name(first)?, rest)));
        let (first, names) = known.unwrap_or((WellKnown::IpmSubtree, &names));
        let mut folder = self.folder(first).await?;
        for name in names {
            let folded = name.to_lowercase();
            let infos = folder.subfolders().await?;
            let found = infos.into_iter().find(|info| info.name.to_lowercase() == folded);
            let not_found = || Error {
                operation: "find_folder",
                object: format!("folder {path}").into(),
                failure: Failure::NotFound,
            };
            folder = self.open_folder(found.ok_or_else(not_found)?.id).await?;
        }
        Ok(folder)
    }

    /// All folders below the top of those that people see, each after its parent.
    ///
    /// # Errors
    /// If a ROP fails.
    pub async fn folders(&self) -> Result<Vec<FolderInfo>, Error> {
        self.folder(WellKnown::IpmSubtree).await?.tree().await
    }

    /// Subscribes to notifications of `types` about the folder `folder` and the messages in it, or else about the whole
    /// mailbox (`RopRegisterNotification`). [`Mailbox::next_notification`] returns them.
    ///
    /// # Errors
    /// If the ROP fails.
    pub async fn subscribe(
        &self,
        types: NotificationTypes,
        folder: Option<FolderId>,
    ) -> Result<Subscription, Error> {
        let scope = folder.map(|folder_id| NotificationScope { folder_id, message_id: MessageId(0) });
        let register = |output_handle_index| {
            RequestBody::RopRegisterNotification(RopRegisterNotificationRequest {
                output_handle_index,
                notification_types: types,
                reserved: types.contains(NotificationTypes::EXTENDED).then_some(0),
                want_whole_store: WantWholeStore(u8::from(scope.is_none())),
                scope,
            })
        };
        let (object, _) = self.logon.open("subscription", register).await?;
        Ok(Subscription { _object: object })
    }

    /// The next notification, as soon as there is one. Other operations of the mailbox can be executed meanwhile. If
    /// the future is dropped while it waits, as by a time limit, the next one continues the wait.
    ///
    /// # Errors
    /// If a request fails.
    pub async fn next_notification(&self) -> Result<Notification, Error> {
        let (data, dropped) = self.logon.session().next_event().await?;
        Ok(Notification { data, dropped })
    }

    /// Ends the session. Objects of the mailbox cannot be used any more.
    ///
    /// # Errors
    /// If the call fails or the server does not know the session.
    pub async fn disconnect(self) -> Result<(), Error> {
        self.logon.session().disconnect().await
    }
}
