//! The header of a request: what is asked for, and in which session.
//!
//! Source: [MS-OXCMAPIHTTP] 2.2.2.1, 2.2.3; nothing says in which order faults are looked for.

use super::super::exchange::Request;
use ::mapi::codec::transport::header::{
    CONTENT_TYPE, ClientVersion, Endpoint, RequestType, ResponseCode, counted_guid, name,
};
use ::mapi::contexts::Cookies;
use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderValue};

/// What is asked for.
///
/// Errors: of the method, and of what is missing or can't be read.
pub fn request_type(request: &Request, endpoint: Endpoint) -> Result<RequestType, ResponseCode> {
    if request.method() != Method::POST {
        return Err(ResponseCode::InvalidVerb);
    }
    let headers = request.headers();
    let asked = text(headers, name::REQUEST_TYPE)?;
    let id = text(headers, name::REQUEST_ID)?;
    let counted = counted_guid(id).ok_or(ResponseCode::InvalidHeader);
    let kind = RequestType::at(endpoint, asked).ok_or(ResponseCode::InvalidRequestType);
    counted.and_then(|_| check_content_type(headers)).and(kind)
}

/// A request that is echoed but can't be read as text is malformed.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, ResponseCode> {
    let value = headers.get(name).ok_or(ResponseCode::MissingHeader)?;
    value.to_str().map_err(|_| ResponseCode::InvalidHeader)
}

/// What has no body needs no type.
fn check_content_type(headers: &HeaderMap) -> Result<(), ResponseCode> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        let length = headers.get(header::CONTENT_LENGTH);
        let is_empty = length.is_some_and(|length| length == "0");
        return is_empty.then_some(()).ok_or(ResponseCode::MissingHeader);
    };
    let is_ours = |value: &str| {
        let kind = value.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case(CONTENT_TYPE)
    };
    let is_ours = value.to_str().is_ok_and(is_ours);
    is_ours.then_some(()).ok_or(ResponseCode::InvalidHeader)
}

/// The client's version, if it tells one.
pub fn client(request: &Request) -> Option<ClientVersion> {
    let value = request.headers().get(name::CLIENT_APPLICATION)?;
    ClientVersion::parse(value.to_str().ok()?)
}

/// The session's cookies, which may come in several fields.
pub fn cookies(request: &Request) -> Result<Cookies, ResponseCode> {
    let fields = request.headers().get_all(header::COOKIE);
    let fields: Result<Vec<&str>, _> = fields.iter().map(HeaderValue::to_str).collect();
    Cookies::read(fields.map_err(|_| ResponseCode::InvalidContextCookie)?)
}
