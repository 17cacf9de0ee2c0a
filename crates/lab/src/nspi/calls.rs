//! The address book by RPC ([MS-OXNSPI] 2.2, 3.1.4.1).

use mapi::ErrorCode;
use mapi::nspi::{
    BindRequest, BindResponse, CompareMIdsResponse, DNToMIdResponse, DeleteEntriesResponse,
    GetIDsFromNamesRequest, GetIDsFromNamesResponse, GetMatchesRequest, GetMatchesResponse,
    GetNamesFromIDsRequest, GetNamesFromIDsResponse, GetPropListResponse, GetPropsResponse,
    GetSpecialTableRequest, GetSpecialTableResponse, GetTemplateInfoResponse, MId, MIdArray,
    ModLinkAttResponse, ModPropsResponse, PropertyName, PropertyRow, PropertyRowSet, PropertyTagArray,
    PropertyValue, QueryColumnsResponse, QueryRowsRequest, QueryRowsResponse, Request, ResolveNamesResponse,
    ResolveNamesWResponse, ResortRestrictionRequest, ResortRestrictionResponse, Response, SeekEntriesRequest,
    SeekEntriesResponse, TagArray, UnbindRequest, UnbindResponse, UpdateStatRequest, UpdateStatResponse,
    Value,
};
use mapi::property::{PropTag, PropType, TaggedValue};
use net::Call;
use rpc::FaultStatus;
use rpc::ndr::{CharString, ContextHandle, Counted, Ptr, WcharString};

use super::rows::{Rows, query_columns};
use super::{check_bind, template_info};
use crate::handles::Object;
use crate::service::{CallResult, Lab, bad_stub, encoded};

/// The range of the number of names, rows or columns of a request, from the interface definition.
const MAX_VALUES: usize = 100_000;

/// The requested columns; `None` for the default ones.
fn columns(tags: &Ptr<PropertyTagArray>) -> Option<&[PropTag]> {
    tags.get().map(|tags| tags.values.as_slice())
}

/// `row` in its form on the wire.
fn row(row: Vec<TaggedValue>) -> PropertyRow {
    let on_wire = |property: TaggedValue| {
        let tag = property.tag;
        let missing = || PropertyValue::new(tag, Value::Error(ErrorCode::MAPI_E_NOT_FOUND));
        PropertyValue::try_from(property).unwrap_or_else(|_| missing())
    };
    PropertyRow::new(row.into_iter().map(on_wire).collect())
}

fn row_set(rows: Rows) -> Ptr<PropertyRowSet> {
    Ptr::new(Counted(rows.into_iter().map(row).collect()))
}

fn optional_rows(rows: Option<Rows>) -> Ptr<PropertyRowSet> {
    rows.map_or(Ptr::NULL, row_set)
}

impl Lab {
    /// Executes a call to the address book.
    pub(crate) fn nspi(&self, call: &Call) -> CallResult {
        let (request, _) =
            Request::decode(call.opnum, &call.stub, call.endian).map_err(|error| bad_stub(&error))?;
        if let Some(handle) = request.context_handle() {
            self.check_address_book(call, *handle)?;
        }
        if size(&request) > MAX_VALUES {
            return Err(FaultStatus::RPC_X_BAD_STUB_DATA);
        }
        encoded(self.nspi_response(call, request).encode())
    }

    fn nspi_response(&self, call: &Call, request: Request) -> Response {
        match request {
            Request::Bind(request) => Response::Bind(self.bind(call, &request)),
            Request::Unbind(request) => Response::Unbind(self.unbind(&request)),
            Request::UpdateStat(request) => Response::UpdateStat(self.update_stat_call(&request)),
            Request::QueryRows(request) => Response::QueryRows(self.query_rows_call(&request)),
            Request::SeekEntries(request) => Response::SeekEntries(self.seek_entries_call(&request)),
            Request::GetMatches(request) => Response::GetMatches(self.get_matches_call(&request)),
            Request::ResortRestriction(request) => Response::ResortRestriction(self.resort_call(&request)),
            Request::DNToMId(request) => {
                let names = request.names.0.iter().map(|name| {
                    name.get().map_or(MId::MID_UNRESOLVED, |name| self.dn_to_mid(&name.to_string_lossy()))
                });
                let mids = Ptr::new(names.collect());
                Response::DNToMId(DNToMIdResponse { mids, return_value: ErrorCode::SUCCESS })
            }
            Request::GetPropList(request) => {
                let tags = self.get_prop_list(request.flags, request.mid, request.code_page);
                let (prop_tags, return_value) =
                    parts(tags, |tags| Ptr::new(tags.into_iter().collect()), Ptr::NULL);
                Response::GetPropList(GetPropListResponse { prop_tags, return_value })
            }
            Request::GetProps(request) => {
                match self.get_props(request.flags, &request.stat, columns(&request.prop_tags)) {
                    Ok((values, return_value)) => {
                        Response::GetProps(GetPropsResponse { row: Ptr::new(row(values)), return_value })
                    }
                    Err(return_value) => {
                        Response::GetProps(GetPropsResponse { row: Ptr::NULL, return_value })
                    }
                }
            }
            Request::CompareMIds(request) => {
                let (result, return_value) =
                    parts(self.compare(&request.stat, request.mid1, request.mid2), |result| result, 0);
                Response::CompareMIds(CompareMIdsResponse { result, return_value })
            }
            Request::ModProps(_) => {
                Response::ModProps(ModPropsResponse { return_value: ErrorCode::MAPI_E_NO_ACCESS })
            }
            Request::GetSpecialTable(request) => Response::GetSpecialTable(self.special_table_call(&request)),
            Request::GetTemplateInfo(request) => {
                let return_value = template_info(request.code_page);
                Response::GetTemplateInfo(GetTemplateInfoResponse { data: Ptr::NULL, return_value })
            }
            Request::ModLinkAtt(_) => {
                Response::ModLinkAtt(ModLinkAttResponse { return_value: ErrorCode::MAPI_E_NO_ACCESS })
            }
            Request::DeleteEntries(_) => {
                Response::DeleteEntries(DeleteEntriesResponse { return_value: ErrorCode::MAPI_E_NO_SUPPORT })
            }
            Request::QueryColumns(request) => Response::QueryColumns(QueryColumnsResponse {
                columns: Ptr::new(query_columns(request.flags).into_iter().collect()),
                return_value: ErrorCode::SUCCESS,
            }),
            Request::GetNamesFromIDs(request) => Response::GetNamesFromIDs(names_from_ids(&request)),
            Request::GetIDsFromNames(request) => Response::GetIDsFromNames(ids_from_names(&request)),
            Request::ResolveNames(request) => {
                let names = |code_page: crate::codepage::CodePage| {
                    let decoded = |name: &CharString| code_page.decode(&name.text);
                    request.names.0.iter().map(|name| name.get().map(decoded).unwrap_or_default()).collect()
                };
                let resolved = self.resolve_names(&request.stat, columns(&request.prop_tags), names);
                let ((mids, rows), return_value) = resolved_parts(resolved);
                Response::ResolveNames(ResolveNamesResponse { mids, rows, return_value })
            }
            Request::ResolveNamesW(request) => {
                let names = |_| {
                    let decoded = |name: &Ptr<WcharString>| name.get().map(WcharString::to_string_lossy);
                    request.names.0.iter().map(|name| decoded(name).unwrap_or_default()).collect()
                };
                let resolved = self.resolve_names(&request.stat, columns(&request.prop_tags), names);
                let ((mids, rows), return_value) = resolved_parts(resolved);
                Response::ResolveNamesW(ResolveNamesWResponse { mids, rows, return_value })
            }
        }
    }

    fn bind(&self, call: &Call, request: &BindRequest) -> BindResponse {
        if let Err(return_value) = check_bind(&request.stat) {
            return BindResponse { return_value, ..BindResponse::default() };
        }
        let server_guid = Ptr::from(request.server_guid.get().map(|_| self.directory.guid));
        let most = self.address_book_sessions(&call.context, self.config.sessions_per_user);
        let handle = self.handles.open(call, Object::AddressBook, most);
        BindResponse { server_guid, handle, return_value: ErrorCode::SUCCESS }
    }

    /// `NspiUnbind` ([MS-OXNSPI] 3.1.4.1.2).
    fn unbind(&self, request: &UnbindRequest) -> UnbindResponse {
        self.handles.close(request.handle);
        UnbindResponse { handle: ContextHandle::NULL, return_value: ErrorCode::UNBIND_SUCCESS }
    }

    fn update_stat_call(&self, request: &UpdateStatRequest) -> UpdateStatResponse {
        let delta = request.delta.get().copied();
        let ((stat, delta), return_value) = parts(
            self.update_stat(request.stat),
            |(stat, moved)| (stat, delta.map(|_| moved)),
            (request.stat, delta),
        );
        UpdateStatResponse { stat, delta: Ptr::from(delta), return_value }
    }

    fn query_rows_call(&self, request: &QueryRowsRequest) -> QueryRowsResponse {
        let table = request.table.items.as_deref();
        let columns = columns(&request.prop_tags);
        let ((stat, rows), return_value) = parts(
            self.query_rows(request.flags, request.stat, table, request.count, columns),
            |(stat, rows)| (stat, row_set(rows)),
            (request.stat, Ptr::NULL),
        );
        QueryRowsResponse { stat, rows, return_value }
    }

    fn seek_entries_call(&self, request: &SeekEntriesRequest) -> SeekEntriesResponse {
        let table = request.table.get().map(|table| table.values.as_slice());
        let ((stat, rows), return_value) = parts(
            self.seek_entries(request.stat, &request.target.to_tagged(), table, columns(&request.prop_tags)),
            |(stat, rows)| (stat, optional_rows(rows)),
            (request.stat, Ptr::NULL),
        );
        SeekEntriesResponse { stat, rows, return_value }
    }

    fn get_matches_call(&self, request: &GetMatchesRequest) -> GetMatchesResponse {
        let filter = request.filter.get().map(mapi::nspi::Restriction::to_restriction);
        let found = match filter {
            Some(None) => Err(ErrorCode::MAPI_E_INVALID_PARAMETER),
            filter => self.get_matches(
                request.stat,
                filter.flatten().as_ref(),
                request.requested,
                columns(&request.prop_tags),
            ),
        };
        match found {
            Ok(found) => GetMatchesResponse {
                stat: found.stat,
                mids: Ptr::new(found.mids.into_iter().collect()),
                rows: optional_rows(found.rows),
                return_value: ErrorCode::SUCCESS,
            },
            Err(return_value) => {
                GetMatchesResponse { stat: request.stat, return_value, ..GetMatchesResponse::default() }
            }
        }
    }

    fn resort_call(&self, request: &ResortRestrictionRequest) -> ResortRestrictionResponse {
        let ((stat, out_mids), return_value) = parts(
            self.resort(request.stat, &request.in_mids.values),
            |(stat, mids)| (stat, Ptr::new(mids.into_iter().collect())),
            (request.stat, Ptr::NULL),
        );
        ResortRestrictionResponse { stat, out_mids, return_value }
    }

    fn special_table_call(&self, request: &GetSpecialTableRequest) -> GetSpecialTableResponse {
        let ((version, rows), return_value) = parts(
            self.special_table(request.flags, request.version, request.stat.code_page),
            |table| (table.version, table.rows.map_or(Ptr::NULL, row_set)),
            (request.version, Ptr::NULL),
        );
        GetSpecialTableResponse { version, rows, return_value }
    }
}

/// The output of an operation in the form that `convert` gives it, or `otherwise` with the error.
fn parts<T, U>(result: Result<T, ErrorCode>, convert: impl FnOnce(T) -> U, otherwise: U) -> (U, ErrorCode) {
    match result {
        Ok(output) => (convert(output), ErrorCode::SUCCESS),
        Err(return_value) => (otherwise, return_value),
    }
}

/// The output of both calls that resolve names.
fn resolved_parts(
    resolved: Result<(Vec<MId>, Rows), ErrorCode>,
) -> ((Ptr<MIdArray>, Ptr<PropertyRowSet>), ErrorCode) {
    parts(
        resolved,
        |(mids, rows)| (Ptr::new(mids.into_iter().collect()), row_set(rows)),
        (Ptr::NULL, Ptr::NULL),
    )
}

/// The number of names, rows or columns of a request.
fn size(request: &Request) -> usize {
    let columns = |tags: &Ptr<TagArray<PropTag>>| tags.get().map_or(0, |tags| tags.values.len());
    match request {
        Request::QueryRows(request) => request.table.as_slice().len().max(columns(&request.prop_tags)),
        Request::DNToMId(request) => request.names.0.len(),
        Request::ResolveNames(request) => request.names.0.len().max(columns(&request.prop_tags)),
        Request::ResolveNamesW(request) => request.names.0.len().max(columns(&request.prop_tags)),
        Request::ResortRestriction(request) => request.in_mids.values.len(),
        Request::GetMatches(request) => columns(&request.prop_tags),
        Request::GetProps(request) => columns(&request.prop_tags),
        _ => 0,
    }
}

/// `NspiGetNamesFromIDs` ([MS-NSPI] 3.1.4.16): no property here has a name.
fn names_from_ids(request: &GetNamesFromIDsRequest) -> GetNamesFromIDsResponse {
    let asked = request.prop_tags.get().map(|tags| tags.values.as_slice()).unwrap_or_default();
    let unknown = asked.iter().map(|tag| tag.with_type(PropType::PtypErrorCode));
    GetNamesFromIDsResponse {
        prop_tags: Ptr::new(unknown.collect()),
        names: Ptr::new(Counted(asked.iter().map(|_| PropertyName::default()).collect())),
        return_value: ErrorCode::MAPI_W_ERRORS_RETURNED,
    }
}

/// `NspiGetIDsFromNames` ([MS-NSPI] 3.1.4.17): no name has a property here.
fn ids_from_names(request: &GetIDsFromNamesRequest) -> GetIDsFromNamesResponse {
    let unknown = request.names.0.iter().map(|_| PropTag::new(0, PropType::PtypErrorCode));
    GetIDsFromNamesResponse {
        prop_tags: Ptr::new(unknown.collect()),
        return_value: ErrorCode::MAPI_W_ERRORS_RETURNED,
    }
}
