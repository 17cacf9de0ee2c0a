//! The macro that declares the requests and responses of an endpoint by its table of request types.

/// Declares the requests and responses of an endpoint by its table of request types.
macro_rules! http_operations {
    ($endpoint:ident; $($(#[$doc:meta])* $name:ident($request:ty, $response:ty);)*) => {
        /// The body of a request.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Request {
            $($(#[$doc])* $name($request),)*
            /// Checks whether the endpoint is available; has no body ([MS-OXCMAPIHTTP] 2.2.6).
            Ping,
        }

        /// The payload of a response's body: what follows the meta-tags and additional headers
        /// ([`ResponseBody`](crate::mapihttp::ResponseBody)).
        #[derive(Debug, Clone, PartialEq)]
        pub enum Response {
            $($(#[$doc])* $name($crate::mapihttp::operation_response::OperationResponse<$response>),)*
            /// The endpoint is available; has no body.
            Ping,
        }

        http_operations!(@decode $endpoint Request $($name($request))*);
        http_operations!(@decode $endpoint Response $($name($crate::mapihttp::operation_response::OperationResponse<$response>))*);

        impl Response {
            /// The return value of the operation: the `StatusCode` if it is not zero, otherwise the `ErrorCode`.
            pub fn return_value(&self) -> $crate::ErrorCode {
                match self {
                    $(Self::$name(response) => response.return_value(),)*
                    Self::Ping => $crate::ErrorCode::SUCCESS,
                }
            }

            /// The auxiliary buffer, for modification; `None` for PING.
            pub const fn aux_mut(&mut self) -> Option<&mut $crate::mapihttp::auxiliary::AuxiliaryBuffer> {
                match self {
                    $(Self::$name($crate::mapihttp::operation_response::OperationResponse::Complete(body)) => Some(&mut body.aux),
                    Self::$name($crate::mapihttp::operation_response::OperationResponse::ErrorOnly(error_only)) => Some(&mut error_only.aux),
                    Self::$name($crate::mapihttp::operation_response::OperationResponse::Failure(failure)) => Some(&mut failure.aux),)*
                    Self::Ping => None,
                }
            }

            /// Creates the response to a request of this type that was not processed. Returns `None` for a type that
            /// the endpoint does not have, and for PING, whose response has no body.
            pub const fn failure(
                request_type: $crate::mapihttp::request_type::RequestType,
                status_code: $crate::ErrorCode,
            ) -> Option<Self> {
                match request_type {
                    $($crate::mapihttp::request_type::RequestType::$name => {
                        Some(Self::$name($crate::mapihttp::operation_response::OperationResponse::failure(status_code)))
                    })*
                    _ => None,
                }
            }
        }
    };
    (@decode $endpoint:ident $enum:ident $($name:ident($body:ty))*) => {
        impl $crate::inspect::Inspect for $enum {
            fn to_node(&self) -> $crate::inspect::Node {
                match self {
                    $(Self::$name(body) => $crate::inspect::Inspect::to_node(body),)*
                    Self::Ping => $crate::inspect::Node::Nothing,
                }
            }
        }

        impl $enum {
            /// Decodes the body of a message of this type, and returns it with the bytes after its last field.
            ///
            /// # Errors
            /// Fails if the endpoint does not have the request type, or the bytes are not such a body.
            pub fn decode(
                request_type: $crate::mapihttp::request_type::RequestType,
                body: &[u8],
            ) -> ::wire::Result<(Self, &[u8])> {
                Self::read(request_type, ::wire::Reader::new(body))
            }

            /// Decodes the body from the remaining bytes of `r`, whose memory it may share.
            ///
            /// # Errors
            /// Fails like [`Self::decode`].
            pub fn read(
                request_type: $crate::mapihttp::request_type::RequestType,
                mut r: ::wire::Reader<'_>,
            ) -> ::wire::Result<(Self, &[u8])> {
                let decoded = match request_type {
                    $($crate::mapihttp::request_type::RequestType::$name => {
                        Self::$name(<$body as $crate::field::Field<$crate::mapihttp::format::MapiHttp>>::read(
                            &mut r,
                            stringify!($name),
                        )?)
                    })*
                    $crate::mapihttp::request_type::RequestType::PING => Self::Ping,
                    _ => return Err($crate::mapihttp::request_type::not_of_endpoint(request_type)),
                };
                Ok((decoded, r.rest()))
            }

            /// Encodes the body.
            ///
            /// # Errors
            /// Fails if a value does not fit its field.
            pub fn encode(&self) -> ::wire::Result<Vec<u8>> {
                match self {
                    $(Self::$name(body) => {
                        let mut w = ::wire::Writer::new();
                        $crate::field::Field::<$crate::mapihttp::format::MapiHttp>::write(
                            body,
                            &mut w,
                            stringify!($name),
                        )?;
                        Ok(w.into_vec())
                    })*
                    Self::Ping => Ok(Vec::new()),
                }
            }

            /// The request type of the message.
            pub const fn request_type(&self) -> $crate::mapihttp::request_type::RequestType {
                match self {
                    $(Self::$name(_) => $crate::mapihttp::request_type::RequestType::$name,)*
                    Self::Ping => $crate::mapihttp::request_type::RequestType::PING,
                }
            }

            /// The name of the operation, as in [`Endpoint::operation`](crate::mapihttp::Endpoint::operation).
            pub fn name(&self) -> &'static str {
                $crate::mapihttp::request_type::Endpoint::$endpoint.operation(self.request_type()).unwrap_or_default()
            }
        }
    };
}

pub(crate) use http_operations;
