//! What a ROP results in.

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::data::PropertyProblem;
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::{Bool, ResponseBody, RopReply, RopRequest};

use crate::refusal::Refusal;
use crate::session::logon::Logon;
use crate::session::{Object, Opened};

/// A successful ROP.
#[derive(Debug)]
pub(super) struct Success {
    pub(super) body: ResponseBody,
    /// A warning, or no error.
    pub(super) code: ErrorCode,
    /// The object that it opened.
    pub(super) opened: Option<Opened>,
    /// The ROP that continues it in another buffer.
    pub(super) next: Option<RopRequest>,
}

impl Success {
    pub(super) const fn new(body: ResponseBody) -> Self {
        Self { body, code: ErrorCode::SUCCESS, opened: None, next: None }
    }

    pub(super) fn opened(body: ResponseBody, logon: &Arc<Logon>, object: Object) -> Self {
        Self { opened: Some(Opened { logon: Arc::clone(logon), object }), ..Self::new(body) }
    }
}

/// What a ROP results in: a success, or an error code.
pub(super) type Outcome = Result<Success, Refusal>;

/// A success that opened no object.
#[expect(clippy::unnecessary_wraps, reason = "each ROP ends with an outcome")]
pub(super) const fn done(body: ResponseBody) -> Outcome {
    Ok(Success::new(body))
}

/// The reply to a ROP that is refused. If the user may not change the objects, none of them was changed: the operation
/// failed for some of its targets ([MS-OXCFOLD] 2.2.1.3.2, 2.2.1.6.2 to 2.2.1.12.2).
pub(super) fn refused(request: &RopRequest, code: ErrorCode) -> RopReply {
    use ResponseBody as B;
    let mut reply = RopReply::refused(request, code);
    let partial = match &mut reply.body {
        B::RopDeleteFolder(body)
        | B::RopEmptyFolder(body)
        | B::RopHardDeleteMessagesAndSubfolders(body)
        | B::RopDeleteMessages(body)
        | B::RopHardDeleteMessages(body) => Some(&mut body.partial_completion),
        B::RopMoveCopyMessages(body) | B::RopMoveFolder(body) | B::RopCopyFolder(body) => {
            Some(&mut body.partial_completion)
        }
        B::RopSetReadFlags(body) => Some(&mut body.partial_completion),
        _ => None,
    };
    if let Some(partial) = partial.filter(|_| code == ErrorCode::MAPI_E_NO_ACCESS) {
        *partial = Bool::TRUE;
    }
    reply
}

/// The tags and values of the object on which a ROP acts, in their own types.
pub(super) type Found = Vec<(PropTag, Option<PropertyValue>)>;

/// The problem with the property at `index` of a request.
pub(super) fn problem(index: usize, tag: PropTag, error_code: ErrorCode) -> PropertyProblem {
    PropertyProblem { index: u16::try_from(index).unwrap_or(u16::MAX), tag, error_code }
}

/// The parts of a change of properties that clients may make.
pub(super) struct Permitted<'a> {
    pub(super) set: Vec<&'a TaggedValue>,
    pub(super) deleted: Vec<PropTag>,
    /// The problems with the other properties.
    pub(super) problems: Vec<PropertyProblem>,
}

impl<'a> Permitted<'a> {
    /// Refuses changes of the properties `computed`, which the server computes.
    pub(super) fn new(set: &'a [TaggedValue], deleted: &[PropTag], computed: &[PropTag]) -> Self {
        let is_computed = |tag: PropTag| computed.iter().any(|known| known.is_same_property(tag));
        let tags = set.iter().map(|value| value.tag).enumerate().chain(deleted.iter().copied().enumerate());
        Self {
            set: set.iter().filter(|value| !is_computed(value.tag)).collect(),
            deleted: deleted.iter().copied().filter(|tag| !is_computed(*tag)).collect(),
            problems: tags
                .filter(|(_, tag)| is_computed(*tag))
                .map(|(index, tag)| problem(index, tag, ErrorCode::MAPI_E_COMPUTED))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use mapi::rop::folder::{DeleteFolderFlags, RopDeleteFolderRequest};
    use mapi::rop::{RequestBody, RopReply};

    use super::*;

    #[test]
    fn a_refusal_for_missing_rights_is_a_partial_completion() {
        let body = RequestBody::RopDeleteFolder(RopDeleteFolderRequest {
            delete_folder_flags: DeleteFolderFlags::NONE,
            folder_id: mapi::data::FolderId::default(),
        });
        let request = RopRequest { logon_id: 0, handle_index: 0, body };
        for (code, expected) in
            [(ErrorCode::MAPI_E_NO_ACCESS, Bool::TRUE), (ErrorCode::MAPI_E_NOT_FOUND, Bool::FALSE)]
        {
            let RopReply { body: ResponseBody::RopDeleteFolder(body), .. } = refused(&request, code) else {
                panic!("another body")
            };
            assert_eq!(body.partial_completion, expected, "{code}");
        }
    }
}
