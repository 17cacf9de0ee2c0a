//! The address book ([MS-OXNSPI] 3.1.4.1).

mod browse;
mod find;
mod rows;
mod special;

use mapi::ErrorCode;
use mapi::nspi::{
    BindRequest, BindResponse, CompareMIdsRequest, CompareMIdsResponse, DNToMIdRequest, DNToMIdResponse,
    DeleteEntriesResponse, GetIDsFromNamesRequest, GetIDsFromNamesResponse, GetNamesFromIDsRequest,
    GetNamesFromIDsResponse, GetTemplateInfoRequest, GetTemplateInfoResponse, MId, ModLinkAttResponse,
    ModPropsResponse, PropertyName, Request, Response, TagArray, UnbindRequest, UnbindResponse,
};
use mapi::property::{PropTag, PropType};
use net::Call;
use rpc::FaultStatus;
use rpc::ndr::{ContextHandle, Counted, Ptr};

use crate::codepage::CodePage;
use crate::handles::Object;
use crate::service::{CallResult, Lab, bad_stub, encoded};

/// The range of the number of names, rows or columns of a request, from the interface definition.
const MAX_VALUES: usize = 100_000;

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
            Request::UpdateStat(request) => Response::UpdateStat(self.update_stat(&request)),
            Request::QueryRows(request) => Response::QueryRows(self.query_rows(&request)),
            Request::SeekEntries(request) => Response::SeekEntries(self.seek_entries(&request)),
            Request::GetMatches(request) => Response::GetMatches(self.get_matches(&request)),
            Request::ResortRestriction(request) => Response::ResortRestriction(self.resort(&request)),
            Request::DNToMId(request) => Response::DNToMId(self.dn_to_mid(&request)),
            Request::GetPropList(request) => Response::GetPropList(self.get_prop_list(&request)),
            Request::GetProps(request) => Response::GetProps(self.get_props(&request)),
            Request::CompareMIds(request) => Response::CompareMIds(self.compare(&request)),
            Request::ModProps(_) => {
                Response::ModProps(ModPropsResponse { return_value: ErrorCode::MAPI_E_NO_ACCESS })
            }
            Request::GetSpecialTable(request) => Response::GetSpecialTable(self.special_table(&request)),
            Request::GetTemplateInfo(request) => Response::GetTemplateInfo(template_info(&request)),
            Request::ModLinkAtt(_) => {
                Response::ModLinkAtt(ModLinkAttResponse { return_value: ErrorCode::MAPI_E_NO_ACCESS })
            }
            Request::DeleteEntries(_) => {
                Response::DeleteEntries(DeleteEntriesResponse { return_value: ErrorCode::MAPI_E_NO_SUPPORT })
            }
            Request::QueryColumns(request) => Response::QueryColumns(rows::query_columns(&request)),
            Request::GetNamesFromIDs(request) => Response::GetNamesFromIDs(names_from_ids(&request)),
            Request::GetIDsFromNames(request) => Response::GetIDsFromNames(ids_from_names(&request)),
            Request::ResolveNames(request) => Response::ResolveNames(self.resolve_names(&request)),
            Request::ResolveNamesW(request) => Response::ResolveNamesW(self.resolve_names_w(&request)),
        }
    }

    /// `NspiBind` ([MS-OXNSPI] 3.1.4.1.1).
    fn bind(&self, call: &Call, request: &BindRequest) -> BindResponse {
        let supported = CodePage::new(request.stat.code_page).filter(|code_page| !code_page.is_unicode());
        if supported.is_none() {
            return BindResponse { return_value: ErrorCode::MAPI_E_UNKNOWN_CPID, ..BindResponse::default() };
        }
        let server_guid = Ptr::from(request.server_guid.get().map(|_| self.directory.guid));
        let handle = self.handles.open(call, Object::AddressBook);
        BindResponse { server_guid, handle, return_value: ErrorCode::SUCCESS }
    }

    /// `NspiUnbind` ([MS-OXNSPI] 3.1.4.1.2).
    fn unbind(&self, request: &UnbindRequest) -> UnbindResponse {
        self.handles.close(request.handle);
        UnbindResponse { handle: ContextHandle::NULL, return_value: ErrorCode::UNBIND_SUCCESS }
    }

    /// `NspiDNToMId` ([MS-OXNSPI] 3.1.4.1.13).
    fn dn_to_mid(&self, request: &DNToMIdRequest) -> DNToMIdResponse {
        let names = request.names.0.iter().map(|name| {
            let entry = name.get().and_then(|name| self.directory.by_dn(&name.to_string_lossy()));
            entry.map_or(MId::MID_UNRESOLVED, |entry| entry.mid)
        });
        DNToMIdResponse { mids: Ptr::new(names.collect()), return_value: ErrorCode::SUCCESS }
    }

    /// `NspiCompareMIds` ([MS-OXNSPI] 3.1.4.1.12).
    fn compare(&self, request: &CompareMIdsRequest) -> CompareMIdsResponse {
        let fails = |return_value| CompareMIdsResponse { result: 0, return_value };
        let Some(container) = self.directory.container(request.stat.container_id) else {
            return fails(ErrorCode::MAPI_E_INVALID_BOOKMARK);
        };
        let place = |mid| container.rows.iter().position(|row| *row == mid);
        match place(request.mid1).zip(place(request.mid2)) {
            Some((first, second)) => {
                let result = match first.cmp(&second) {
                    std::cmp::Ordering::Less => -1,
                    std::cmp::Ordering::Equal => 0,
                    std::cmp::Ordering::Greater => 1,
                };
                CompareMIdsResponse { result, return_value: ErrorCode::SUCCESS }
            }
            None => fails(ErrorCode::MAPI_E_CALL_FAILED),
        }
    }
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

/// `NspiGetTemplateInfo` ([MS-OXNSPI] 3.1.4.1.18): there are no templates.
fn template_info(request: &GetTemplateInfoRequest) -> GetTemplateInfoResponse {
    let code_page = CodePage::new(request.code_page).filter(|code_page| !code_page.is_unicode());
    let return_value = match code_page {
        Some(_) => ErrorCode::MAPI_E_UNKNOWN_LCID,
        None => ErrorCode::MAPI_E_UNKNOWN_CPID,
    };
    GetTemplateInfoResponse { data: Ptr::NULL, return_value }
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
