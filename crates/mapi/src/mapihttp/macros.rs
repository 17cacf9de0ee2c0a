//! Macros that define bodies from tables of fields, and requests from a table of operations.

/// Defines a body, or the fields of an answer behind its `StatusCode`, in the order in which they lie.
macro_rules! http_body {
    ($(#[$outer:meta])* pub struct $name:ident as $structure:literal {
        $($(#[$inner:meta])* pub $field:ident: $type:ty = $wire:literal,)*
    }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$inner])* pub $field: $type,)*
        }

        impl $crate::inspect::Inspect for $name {
            fn to_node(&self) -> $crate::inspect::Node {
                $crate::inspect::Node::Fields(vec![
                    $(($wire.into(), $crate::inspect::part::InspectPart::part_node(&self.$field)),)*
                ])
            }
        }

        impl<'a> ::wire::Decode<'a> for $name {
            fn decode(r: &mut ::wire::Reader<'a>) -> ::wire::Result<Self> {
                let mut read = || {
                    Ok(Self { $($field: <$type as $crate::mapihttp::field::Field>::read(r, $wire)?,)* })
                };
                read().map_err(|error: ::wire::Error| error.within($structure))
            }
        }

        impl ::wire::Encode for $name {
            fn encode(&self, w: &mut ::wire::Writer) -> ::wire::Result<()> {
                let mut write = || {
                    $($crate::mapihttp::field::Field::write(&self.$field, w, $wire)?;)*
                    Ok(())
                };
                write().map_err(|error: ::wire::Error| error.within($structure))
            }
        }
    };
}

/// As [`http_body`], for an answer's fields: they begin with `error_code`.
macro_rules! http_answer {
    ($(#[$outer:meta])* pub struct $name:ident as $structure:literal { $($fields:tt)* }) => {
        $crate::mapihttp::macros::http_body! {
            $(#[$outer])*
            pub struct $name as $structure {
                /// Zero, or why the operation failed.
                pub error_code: $crate::ErrorCode = "ErrorCode",
                $($fields)*
            }
        }

        impl $crate::mapihttp::answer::AnswerBody for $name {
            fn error_code(&self) -> $crate::ErrorCode {
                self.error_code
            }
        }
    };
}

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
            $($(#[$doc])* $name($crate::mapihttp::Answer<$response>),)*
            /// The endpoint is there; without a body.
            Ping,
        }

        http_operations!(@decode $endpoint Request $($name($request))*);
        http_operations!(@decode $endpoint Response $($name($crate::mapihttp::Answer<$response>))*);

        impl Response {
            /// What the operation returned: the `StatusCode` if it is not zero, else the `ErrorCode`.
            pub fn return_value(&self) -> $crate::ErrorCode {
                match self {
                    $(Self::$name(answer) => answer.return_value(),)*
                    Self::Ping => $crate::ErrorCode::SUCCESS,
                }
            }

            /// The auxiliary buffer, also of an answer that says no more than that it failed; none for PING.
            pub const fn aux_mut(&mut self) -> Option<&mut $crate::mapihttp::AuxiliaryBuffer> {
                match self {
                    $(Self::$name($crate::mapihttp::Answer::Complete(body)) => Some(&mut body.aux),
                    Self::$name($crate::mapihttp::Answer::Bare(bare)) => Some(&mut bare.aux),
                    Self::$name($crate::mapihttp::Answer::Failure(failure)) => Some(&mut failure.aux),)*
                    Self::Ping => None,
                }
            }

            /// An answer that a request of this type was not carried out, for `status_code`. None for a type
            /// that the endpoint has not got, and for PING, which has no way to say so.
            pub const fn failure(
                request_type: $crate::mapihttp::RequestType,
                status_code: $crate::ErrorCode,
            ) -> Option<Self> {
                match request_type {
                    $($crate::mapihttp::RequestType::$name => {
                        Some(Self::$name($crate::mapihttp::Answer::failure(status_code)))
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
                request_type: $crate::mapihttp::RequestType,
                body: &[u8],
            ) -> ::wire::Result<(Self, &[u8])> {
                Self::read(request_type, ::wire::Reader::new(body))
            }

            /// The same from where `r` stands, which may share what it reads.
            ///
            /// # Errors
            /// As [`Self::decode`].
            pub fn read(
                request_type: $crate::mapihttp::RequestType,
                mut r: ::wire::Reader<'_>,
            ) -> ::wire::Result<(Self, &[u8])> {
                let decoded = match request_type {
                    $($crate::mapihttp::RequestType::$name => {
                        Self::$name(<$body as ::wire::Decode>::decode(&mut r)?)
                    })*
                    $crate::mapihttp::RequestType::PING => Self::Ping,
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
                    $(Self::$name(body) => ::wire::Encode::to_bytes(body),)*
                    Self::Ping => Ok(Vec::new()),
                }
            }

            /// The request type that it belongs to.
            pub const fn request_type(&self) -> $crate::mapihttp::RequestType {
                match self {
                    $(Self::$name(_) => $crate::mapihttp::RequestType::$name,)*
                    Self::Ping => $crate::mapihttp::RequestType::PING,
                }
            }

            /// The operation's name, as [`Endpoint::operation`](crate::mapihttp::Endpoint::operation) has it.
            pub fn name(&self) -> &'static str {
                $crate::mapihttp::Endpoint::$endpoint.operation(self.request_type()).unwrap_or_default()
            }
        }
    };
}

pub(crate) use {http_answer, http_body, http_operations};
