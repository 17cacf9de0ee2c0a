//! The address book over HTTP ([MS-OXCMAPIHTTP] 2.2.5).

use mapi::ErrorCode;
use mapi::mapihttp::nspi::{
    BindResponse, ColumnsAndRows, CompareMIdsRequest, CompareMIdsResponse, DNToMIdRequest, DNToMIdResponse,
    GetAddressBookUrlResponse, GetMailboxUrlResponse, GetMatchesRequest, GetMatchesResponse,
    GetPropListRequest, GetPropListResponse, GetPropsRequest, GetPropsResponse, GetSpecialTableRequest,
    GetSpecialTableResponse, GetTemplateInfoResponse, ModLinkAttResponse, ModPropsResponse,
    QueryColumnsResponse, QueryRowsRequest, QueryRowsResponse, Request, ResolveNamesRequest,
    ResolveNamesResponse, ResortRestrictionRequest, ResortRestrictionResponse, Response, SeekEntriesRequest,
    SeekEntriesResponse, UnbindResponse, UpdateStatRequest, UpdateStatResponse,
};
use mapi::mapihttp::{AuxiliaryBuffer, Endpoint, Maybe, OperationResponse, String8};
use mapi::nspi::{FlatUid, Stat};
use mapi::property::{FlaggedValue, PropTag, PropertyList, PropertyRow, PropertyValue, TaggedValue};
use wire::Utf16;

use crate::directory::Kind;
use crate::http::server::elsewhere_origin;
use crate::nspi::{Rows, columns_or_default, query_columns, template_info};
use crate::service::Lab;

/// The result of an operation: its response, or the error with which it failed.
type Outcome<T> = Result<T, ErrorCode>;

const NO_AUX: AuxiliaryBuffer = AuxiliaryBuffer::NONE;

fn complete<T>(response: T) -> OperationResponse<T> {
    OperationResponse::Complete(response)
}

/// The `STAT` of a request. The operations need one, since it has the code page.
fn stat(stat: &Maybe<Stat>) -> Outcome<Stat> {
    stat.get().copied().ok_or(ErrorCode::MAPI_E_INVALID_PARAMETER)
}

fn columns(columns: &Maybe<Vec<PropTag>>) -> Option<&[PropTag]> {
    columns.get().map(Vec::as_slice)
}

/// Rows with the requested columns. A value that is missing is marked in its row.
fn rows(requested: &Maybe<Vec<PropTag>>, rows: Rows) -> Maybe<ColumnsAndRows> {
    let columns = columns_or_default(columns(requested)).to_vec();
    let rows = rows.into_iter().map(|row| encoded_row(&columns, row)).collect();
    Maybe::new(ColumnsAndRows { columns, rows })
}

/// A row in its form on the wire. An error is marked, even in a column of errors ([MS-OXCMAPIHTTP] 2.2.1.7).
fn encoded_row(columns: &[PropTag], row: Vec<TaggedValue>) -> PropertyRow {
    let is_error = |property: &TaggedValue| matches!(property.value, PropertyValue::Error(_));
    if !row.iter().any(is_error) {
        let values = row.into_iter().map(|property| Some(property.value)).collect();
        return PropertyRow::new(columns, values);
    }
    let flagged = row.into_iter().zip(columns).map(|(property, column)| match property.value {
        PropertyValue::Error(code) => FlaggedValue::Error(column.prop_type(), code),
        value => FlaggedValue::Value(value),
    });
    PropertyRow::Flagged(flagged.collect())
}

/// The response to a `Bind` that fails.
pub(super) fn unbound(error_code: ErrorCode) -> Response {
    let server_guid = FlatUid::default();
    Response::Bind(complete(BindResponse { error_code, server_guid, aux: NO_AUX }))
}

/// Executes a request. `origin` is that of the URLs in responses.
pub(super) fn respond(lab: &Lab, origin: &str, request: Request) -> Response {
    let aux = NO_AUX;
    match request {
        Request::Ping => Response::Ping,
        Request::Bind(_) => {
            let server_guid = lab.directory.guid;
            Response::Bind(complete(BindResponse { error_code: ErrorCode::SUCCESS, server_guid, aux }))
        }
        Request::Unbind(_) => {
            Response::Unbind(complete(UnbindResponse { error_code: ErrorCode::UNBIND_SUCCESS, aux }))
        }
        Request::CompareMIds(request) => Response::CompareMIds(complete(compare(lab, &request))),
        Request::DNToMId(request) => Response::DNToMId(complete(dn_to_mid(lab, &request))),
        Request::GetMatches(request) => Response::GetMatches(complete(get_matches(lab, &request))),
        Request::GetPropList(request) => Response::GetPropList(complete(get_prop_list(lab, &request))),
        Request::GetProps(request) => Response::GetProps(complete(get_props(lab, &request))),
        Request::GetSpecialTable(request) => {
            Response::GetSpecialTable(complete(special_table(lab, &request)))
        }
        Request::GetTemplateInfo(request) => Response::GetTemplateInfo(complete(GetTemplateInfoResponse {
            error_code: template_info(request.code_page),
            code_page: request.code_page,
            row: Maybe::Absent,
            aux,
        })),
        Request::ModLinkAtt(_) => {
            let error_code = ErrorCode::MAPI_E_NO_ACCESS;
            Response::ModLinkAtt(complete(ModLinkAttResponse { error_code, aux }))
        }
        Request::ModProps(_) => {
            let error_code = ErrorCode::MAPI_E_NO_ACCESS;
            Response::ModProps(complete(ModPropsResponse { error_code, aux }))
        }
        Request::QueryRows(request) => Response::QueryRows(complete(query_rows(lab, &request))),
        Request::QueryColumns(request) => Response::QueryColumns(complete(QueryColumnsResponse {
            error_code: ErrorCode::SUCCESS,
            columns: Maybe::new(query_columns(request.map_flags)),
            aux,
        })),
        Request::ResolveNames(request) => Response::ResolveNames(complete(resolve_names(lab, &request))),
        Request::ResortRestriction(request) => Response::ResortRestriction(complete(resort(lab, &request))),
        Request::SeekEntries(request) => Response::SeekEntries(complete(seek_entries(lab, &request))),
        Request::UpdateStat(request) => Response::UpdateStat(complete(update_stat(lab, &request))),
        Request::GetMailboxUrl(request) => {
            let (error_code, server_url) =
                url(lab, origin, Endpoint::Emsmdb, &request.server_dn.name.to_string_lossy());
            Response::GetMailboxUrl(complete(GetMailboxUrlResponse { error_code, server_url, aux }))
        }
        Request::GetAddressBookUrl(request) => {
            let (error_code, server_url) =
                url(lab, origin, Endpoint::Nspi, &request.user_dn.name.to_string_lossy());
            Response::GetAddressBookUrl(complete(GetAddressBookUrlResponse { error_code, server_url, aux }))
        }
    }
}

/// The URL of an endpoint for the server or the user with this distinguished name ([MS-OXABREF] 3.1.4.1, 3.1.4.2). One
/// HTTP server serves all mailbox servers of the lab, and the address book to every user whose mailbox is on one.
fn url(lab: &Lab, origin: &str, endpoint: Endpoint, dn: &str) -> (ErrorCode, Utf16) {
    let known = lab.directory.by_dn(dn).filter(|entry| match endpoint {
        Endpoint::Emsmdb => matches!(entry.kind, Kind::Server { .. }),
        Endpoint::Nspi => entry.person().is_some(),
    });
    if let Some(entry) = known {
        let elsewhere = elsewhere_origin(lab, entry);
        let origin = elsewhere.as_deref().unwrap_or(origin);
        (ErrorCode::SUCCESS, Utf16::from(format!("{origin}{}/", endpoint.path()).as_str()))
    } else {
        (ErrorCode::MAPI_E_NOT_FOUND, Utf16::default())
    }
}

/// The output of an operation in the form that `convert` gives it, or `otherwise` with the error.
fn parts<T, U>(outcome: Outcome<T>, convert: impl FnOnce(T) -> U, otherwise: U) -> (U, ErrorCode) {
    match outcome {
        Ok(output) => (convert(output), ErrorCode::SUCCESS),
        Err(error_code) => (otherwise, error_code),
    }
}

fn compare(lab: &Lab, request: &CompareMIdsRequest) -> CompareMIdsResponse {
    let outcome = stat(&request.stat).and_then(|stat| lab.compare(&stat, request.mid1, request.mid2));
    let (result, error_code) = parts(outcome, |result| result, 0);
    CompareMIdsResponse { error_code, result, result_first: false, aux: NO_AUX }
}

fn dn_to_mid(lab: &Lab, request: &DNToMIdRequest) -> DNToMIdResponse {
    let names = request.names.get().map(|names| names.names.as_slice()).unwrap_or_default();
    let mids = names.iter().map(|String8(name)| lab.dn_to_mid(&String::from_utf8_lossy(name))).collect();
    DNToMIdResponse { error_code: ErrorCode::SUCCESS, mids: Maybe::new(mids), aux: NO_AUX }
}

fn get_matches(lab: &Lab, request: &GetMatchesRequest) -> GetMatchesResponse {
    let filter = request.filter.get().map(|filter| &filter.restriction);
    let outcome = stat(&request.stat)
        .and_then(|stat| lab.get_matches(stat, filter, request.row_count, columns(&request.columns)));
    let ((stat, mids, rows), error_code) = parts(
        outcome,
        |found| {
            let rows = found.rows.map_or(Maybe::Absent, |found| rows(&request.columns, found));
            (Maybe::new(found.stat), Maybe::new(found.mids), rows)
        },
        (request.stat, Maybe::Absent, Maybe::Absent),
    );
    GetMatchesResponse { error_code, stat, mids, rows, aux: NO_AUX }
}

fn get_prop_list(lab: &Lab, request: &GetPropListRequest) -> GetPropListResponse {
    let outcome = lab.get_prop_list(request.flags, request.mid, request.code_page);
    let (prop_tags, error_code) = parts(outcome, Maybe::new, Maybe::Absent);
    GetPropListResponse { error_code, prop_tags, aux: NO_AUX }
}

fn get_props(lab: &Lab, request: &GetPropsRequest) -> GetPropsResponse {
    let code_page = request.stat.get().map_or(0, |stat| stat.code_page);
    let found =
        stat(&request.stat).and_then(|stat| lab.get_props(request.flags, &stat, columns(&request.prop_tags)));
    let (values, error_code) = match found {
        Ok((values, error_code)) => (Maybe::new(PropertyList(values)), error_code),
        Err(error_code) => (Maybe::Absent, error_code),
    };
    GetPropsResponse { error_code, code_page, values, aux: NO_AUX }
}

fn special_table(lab: &Lab, request: &GetSpecialTableRequest) -> GetSpecialTableResponse {
    let code_page = request.stat.get().map_or(0, |stat| stat.code_page);
    let known = request.version.get().copied().unwrap_or_default();
    let outcome =
        stat(&request.stat).and_then(|stat| lab.special_table(request.flags, known, stat.code_page));
    let ((version, rows), error_code) = parts(
        outcome,
        |table| {
            let rows = table.rows.map(|rows| rows.into_iter().map(PropertyList).collect());
            (Maybe::new(table.version), Maybe::from(rows))
        },
        (Maybe::Absent, Maybe::Absent),
    );
    GetSpecialTableResponse { error_code, code_page, version, rows, aux: NO_AUX }
}

fn query_rows(lab: &Lab, request: &QueryRowsRequest) -> QueryRowsResponse {
    let table = Some(request.explicit_table.as_slice()).filter(|table| !table.is_empty());
    let outcome = stat(&request.stat).and_then(|stat| {
        lab.query_rows(request.flags, stat, table, request.row_count, columns(&request.columns))
    });
    let ((stat, rows), error_code) = parts(
        outcome,
        |(stat, found)| (Maybe::new(stat), rows(&request.columns, found)),
        (request.stat, Maybe::Absent),
    );
    QueryRowsResponse { error_code, stat, rows, aux: NO_AUX }
}

fn resolve_names(lab: &Lab, request: &ResolveNamesRequest) -> ResolveNamesResponse {
    let code_page = request.stat.get().map_or(0, |stat| stat.code_page);
    let names = |_| {
        let names = request.names.get().map(|names| names.names.as_slice()).unwrap_or_default();
        names.iter().map(Utf16::to_string_lossy).collect()
    };
    let outcome =
        stat(&request.stat).and_then(|stat| lab.resolve_names(&stat, columns(&request.prop_tags), names));
    let ((mids, rows), error_code) = parts(
        outcome,
        |(mids, found)| (Maybe::new(mids), rows(&request.prop_tags, found)),
        (Maybe::Absent, Maybe::Absent),
    );
    ResolveNamesResponse { error_code, code_page, mids, rows, aux: NO_AUX }
}

fn resort(lab: &Lab, request: &ResortRestrictionRequest) -> ResortRestrictionResponse {
    let mids = request.mids.get().map(Vec::as_slice).unwrap_or_default();
    let outcome = stat(&request.stat).and_then(|stat| lab.resort(stat, mids));
    let ((stat, mids), error_code) =
        parts(outcome, |(stat, mids)| (Maybe::new(stat), Maybe::new(mids)), (request.stat, Maybe::Absent));
    ResortRestrictionResponse { error_code, stat, mids, aux: NO_AUX }
}

fn seek_entries(lab: &Lab, request: &SeekEntriesRequest) -> SeekEntriesResponse {
    let table = request.explicit_table.get().map(Vec::as_slice);
    let outcome = stat(&request.stat).and_then(|stat| {
        let target = request.target.get().ok_or(ErrorCode::MAPI_E_INVALID_PARAMETER)?;
        lab.seek_entries(stat, target, table, columns(&request.columns))
    });
    let ((stat, rows), error_code) = parts(
        outcome,
        |(stat, found)| {
            (Maybe::new(stat), found.map_or(Maybe::Absent, |found| rows(&request.columns, found)))
        },
        (request.stat, Maybe::Absent),
    );
    SeekEntriesResponse { error_code, stat, rows, aux: NO_AUX }
}

fn update_stat(lab: &Lab, request: &UpdateStatRequest) -> UpdateStatResponse {
    let outcome = stat(&request.stat).and_then(|stat| lab.update_stat(stat));
    let ((stat, delta), error_code) = parts(
        outcome,
        |(stat, moved)| (Maybe::new(stat), Maybe::from((request.delta_requested != 0).then_some(moved))),
        (request.stat, Maybe::Absent),
    );
    UpdateStatResponse { error_code, stat, delta, aux: NO_AUX }
}
