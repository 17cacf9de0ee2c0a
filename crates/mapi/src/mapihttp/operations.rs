//! The macro that makes the requests and the responses of an endpoint from its table of request types.

/// Defines the requests and the responses of an endpoint from its table of request types.
macro_rules! http_operations {
    ($endpoint:ident; $($(#[$doc:meta])* $name:ident($request:ty, $response:ty);)*) => {
        /// What a client asks: the body of a request.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Request {
            $($(#[$doc])* $name($request),)*
            /// Whether the endpoint is there; without a body ([MS-OXCMAPIHTTP] 2.2.6).
            Ping,
        }

        /// What the server answers: the body of a response, without what stands before it
        /// ([`ResponseBody`](crate::mapihttp::ResponseBody)).
        #[derive(Debug, Clone, PartialEq)]
        pub enum Response {
            $($(#[$doc])* $name($crate::mapihttp::answer::Answer<$response>),)*
            /// The endpoint is there; without a body.
            Ping,
        }

        http_operations!(@decode $endpoint Request $($name($request))*);
        http_operations!(@decode $endpoint Response $($name($crate::mapihttp::answer::Answer<$response>))*);

        impl Response {
            /// What the operation returned: the `StatusCode` if it is not zero, else the `ErrorCode`.
            pub fn return_value(&self) -> $crate::ErrorCode {
                match self {
                    $(Self::$name(answer) => answer.return_value(),)*
                    Self::Ping => $crate::ErrorCode::SUCCESS,
                }
            }

            /// The auxiliary buffer, also of an answer that says no more than that it failed; none for PING.
            pub const fn aux_mut(&mut self) -> Option<&mut $crate::mapihttp::auxiliary::AuxiliaryBuffer> {
                match self {
                    $(Self::$name($crate::mapihttp::answer::Answer::Complete(body)) => Some(&mut body.aux),
                    Self::$name($crate::mapihttp::answer::Answer::Bare(bare)) => Some(&mut bare.aux),
                    Self::$name($crate::mapihttp::answer::Answer::Failure(failure)) => Some(&mut failure.aux),)*
                    Self::Ping => None,
                }
            }

            /// An answer that a request of this type was not carried out, for `status_code`. None for a type
            /// that the endpoint has not got, and for PING, which has no way to say so.
            pub const fn failure(
                request_type: $crate::mapihttp::request_type::RequestType,
                status_code: $crate::ErrorCode,
            ) -> Option<Self> {
                match request_type {
                    $($crate::mapihttp::request_type::RequestType::$name => {
                        Some(Self::$name($crate::mapihttp::answer::Answer::failure(status_code)))
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
            /// Reads the body that belongs to `request_type`, and returns the bytes behind its last field.
            ///
            /// # Errors
            /// When the endpoint has no such request type, and when the bytes are no such body.
            pub fn decode(
                request_type: $crate::mapihttp::request_type::RequestType,
                body: &[u8],
            ) -> ::wire::Result<(Self, &[u8])> {
                Self::read(request_type, ::wire::Reader::new(body))
            }

            /// The same from where `r` stands, which may share what it reads.
            ///
            /// # Errors
            /// As [`Self::decode`].
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
                    _ => return Err($crate::mapihttp::request_type::not_here(request_type)),
                };
                Ok((decoded, r.rest()))
            }

            /// The body's bytes.
            ///
            /// # Errors
            /// When a part does not fit.
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

            /// The request type that it belongs to.
            pub const fn request_type(&self) -> $crate::mapihttp::request_type::RequestType {
                match self {
                    $(Self::$name(_) => $crate::mapihttp::request_type::RequestType::$name,)*
                    Self::Ping => $crate::mapihttp::request_type::RequestType::PING,
                }
            }

            /// The operation's name, as [`Endpoint::operation`](crate::mapihttp::Endpoint::operation) has it.
            pub fn name(&self) -> &'static str {
                $crate::mapihttp::request_type::Endpoint::$endpoint.operation(self.request_type()).unwrap_or_default()
            }
        }
    };
}

pub(crate) use http_operations;
