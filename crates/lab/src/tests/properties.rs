//! Tests of the properties of objects.

use mapi::ErrorCode;
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::attachment::RopCreateAttachmentRequest;
use mapi::rop::property::{Bool16, RopGetPropertiesAllRequest, RopGetPropertiesSpecificRequest};
use mapi::rop::stream::StreamOpenModeFlags;
use mapi::rop::{List16, OutputHandleIndex, RequestBody, ResponseBody};

use super::folders::create;
use super::mail::{Mail, text};
use super::messages::{alice, message};
use super::streams::open_stream;

#[test]
fn the_size_limit_of_a_request_for_properties_has_no_effect() {
    let mut mail = alice();
    let long = "x".repeat(5000);
    message(&mut mail, "Long", 2);
    mail.set(2, vec![text(PropTag::PidTagBody, &long)]).unwrap();
    let request = RopGetPropertiesSpecificRequest {
        property_size_limit: 10,
        want_unicode: Bool16(1),
        property_tags: List16(vec![PropTag::PidTagBody]),
    };
    match mail.rop(2, RequestBody::RopGetPropertiesSpecific(request)).unwrap() {
        ResponseBody::RopGetPropertiesSpecific(found) => {
            assert_eq!(found.row_data.value(0), Some(&PropertyValue::from(long.as_str())));
        }
        other => panic!("{other:?}"),
    }
    let request = RopGetPropertiesAllRequest { property_size_limit: 10, want_unicode: Bool16(1) };
    match mail.rop(2, RequestBody::RopGetPropertiesAll(request)).unwrap() {
        ResponseBody::RopGetPropertiesAll(found) => {
            let body = found.property_values.0.iter().find(|value| value.tag == PropTag::PidTagBody);
            assert_eq!(body.unwrap().value, PropertyValue::from(long.as_str()));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_attachment_of_a_message_has_another_record_key() {
    let mut mail = alice();
    message(&mut mail, "Attachments", 2);
    let mut key = |output| {
        let request = RopCreateAttachmentRequest { output_handle_index: OutputHandleIndex(output) };
        mail.rop(2, RequestBody::RopCreateAttachment(request)).unwrap();
        let changed = mail.set(output, vec![text(PropTag::PidTagAttachLongFilename, "a.txt")]);
        assert_eq!(changed, Ok(vec![]));
        mail.get(output, PropTag::PidTagRecordKey).unwrap()
    };
    assert_ne!(key(3), key(4));
}

#[test]
fn only_binary_properties_of_folders_have_streams() {
    let mut mail: Mail = alice();
    create(&mut mail, 1, "Folder", 2).unwrap();
    let open = |mail: &mut Mail, tag| open_stream(mail, 2, tag, StreamOpenModeFlags::READ_ONLY, 3);
    for tag in [PropTag::PidTagDisplayName, PropTag::PidTagComment, PropTag::PidTagContentCount] {
        assert_eq!(open(&mut mail, tag), Err(ErrorCode::MAPI_E_NO_SUPPORT), "{tag:?}");
    }
    assert_eq!(open(&mut mail, PropTag::PidTagEntryId), Ok(46));
}
