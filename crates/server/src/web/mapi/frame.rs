//! What stands around the body of a response: headers, echoes, cookies, and the stream that keeps
//! the client patient.
//!
//! Start at [`Frame::of`].
//!
//! Source: [MS-OXCMAPIHTTP] 2.2.2.2, 2.2.3.2, 2.2.3.3, 2.2.7.

use super::super::exchange::{Request, Response, reply, stream};
use ::mapi::codec::transport::framing;
use ::mapi::codec::transport::header::{CONTENT_TYPE, ResponseCode, SERVER_APPLICATION, name};
use bytes::Bytes;
use formats::date::Civil;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderName, HeaderValue, SET_COOKIE};
use std::time::Duration;
use store::id::Timestamp;
use tokio::sync::mpsc;

/// Between two signs of life: the usual period of servers that Outlook knows.
pub const PENDING_PERIOD: Duration = Duration::from_secs(30);

/// Headers that come back as they came.
const ECHOED: [&str; 3] = [name::REQUEST_TYPE, name::REQUEST_ID, name::CLIENT_INFO];

/// The values of the fields that give a client its cookies.
type SetCookies = [String; 2];

/// What a response needs to know of its request.
#[derive(Clone)]
pub struct Frame {
    echoes: Vec<(HeaderName, HeaderValue)>,
    idle_milliseconds: Option<u64>,
    begun: Timestamp,
}

impl Frame {
    /// That of a request which came just now.
    pub fn of(request: &Request, now: Timestamp) -> Self {
        let headers = request.headers();
        let echo = |name: &&'static str| {
            let known = HeaderName::try_from(*name).ok()?;
            headers.get(*name).cloned().map(|value| (known, value))
        };
        Self {
            echoes: ECHOED.iter().filter_map(echo).collect(),
            idle_milliseconds: None,
            begun: now,
        }
    }

    /// Tells how long the session may be idle.
    #[must_use]
    pub fn with_idle_seconds(mut self, seconds: u32) -> Self {
        self.idle_milliseconds = Some(u64::from(seconds) * 1000);
        self
    }

    /// A request that could not be taken.
    pub fn refused(&self, code: ResponseCode) -> Response {
        let text = explanation(code);
        let response = reply(StatusCode::OK, "text/html; charset=utf-8", text);
        self.dressed(response, code, None)
    }

    /// A response that is all here.
    pub fn ready(&self, cookies: Option<SetCookies>, body: &[u8], now: Timestamp) -> Response {
        let whole = [framing::PROCESSING, &self.done(Ok(body), now)].concat();
        let response = reply(StatusCode::OK, CONTENT_TYPE, whole);
        self.dressed(response, ResponseCode::Success, cookies)
    }

    /// A response that comes piece by piece.
    pub fn streamed(&self, cookies: SetCookies, pieces: mpsc::Receiver<Bytes>) -> Response {
        let response = stream(StatusCode::OK, CONTENT_TYPE, pieces);
        self.dressed(response, ResponseCode::Success, Some(cookies))
    }

    /// The last piece, with the body or what went wrong after all.
    pub fn done(&self, body: Result<&[u8], ResponseCode>, now: Timestamp) -> Bytes {
        let elapsed = now.0.saturating_sub(self.begun.0) / (Timestamp::PER_SECOND / 1000);
        let elapsed = u64::try_from(elapsed).unwrap_or_default();
        let code = body.err().unwrap_or(ResponseCode::Success);
        let mut piece = framing::done(elapsed, &http_date(self.begun), code);
        match body {
            Ok(body) => piece.extend_from_slice(body),
            Err(code) => piece.extend_from_slice(explanation(code).as_bytes()),
        }
        piece.into()
    }

    fn dressed(
        &self,
        mut response: Response,
        code: ResponseCode,
        cookies: Option<SetCookies>,
    ) -> Response {
        let headers = response.headers_mut();
        headers.extend(self.echoes.iter().cloned());
        let period = u64::try_from(PENDING_PERIOD.as_millis()).unwrap_or_default();
        let numbers = [
            (name::RESPONSE_CODE, Some(code as u64)),
            (name::PENDING_PERIOD, Some(period)),
            (name::EXPIRATION_INFO, self.idle_milliseconds),
        ];
        for (name, number) in numbers {
            if let (Ok(name), Some(number)) = (HeaderName::try_from(name), number) {
                headers.insert(name, HeaderValue::from(number));
            }
        }
        if let Ok(name) = HeaderName::try_from(name::SERVER_APPLICATION) {
            headers.insert(name, HeaderValue::from_static(SERVER_APPLICATION));
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
        for field in cookies.into_iter().flatten() {
            if let Ok(field) = HeaderValue::try_from(field) {
                headers.append(SET_COOKIE, field);
            }
        }
        response
    }
}

/// For whoever reads a trace; clients look at the number alone.
fn explanation(code: ResponseCode) -> String {
    format!("<html><body>X-ResponseCode {code}: {code:?}</body></html>\r\n")
}

/// `Wed, 18 Nov 2026 10:15:30 GMT`. Source: RFC 9110 §5.6.7.
fn http_date(time: Timestamp) -> String {
    let date = Civil::from_seconds(time.seconds());
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        date.weekday_name(),
        date.day,
        date.month_name(),
        date.year,
        date.hour,
        date.minute,
        date.second
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_told_as_http_does() {
        let time = Timestamp::from_seconds(1_795_083_330);
        assert_eq!(http_date(time), "Thu, 19 Nov 2026 10:15:30 GMT");
    }
}
