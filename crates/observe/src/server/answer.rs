//! What is answered to a request.

use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::asker::Asker;
use crate::text::Format;

const TEXT: &str = "text/plain; charset=utf-8";

pub(super) async fn answer(request: &Request<Incoming>, asker: &Asker) -> Response<String> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused =
            respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD are answered\n".to_owned());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    // Of a HEAD the library sends the length of what a GET would have, and nothing of it.
    match request.uri().path() {
        "/metrics" => {
            let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
            let format = Format::accepted(accept.unwrap_or_default());
            respond(StatusCode::OK, format.content_type(), asker.ask().await.metrics(format))
        }
        "/live" => {
            let observed = asker.ask().await;
            let answered = observed.has_answered();
            let text = if answered { "live".to_owned() } else { observed.readiness().missing.join(", ") };
            respond(when(answered), TEXT, text + "\n")
        }
        "/ready" => {
            let observed = asker.ask().await;
            let readiness = observed.readiness();
            respond(when(readiness.is_ready()), "application/json", readiness.json() + "\n")
        }
        _ => respond(StatusCode::NOT_FOUND, TEXT, "there are /metrics, /live and /ready\n".to_owned()),
    }
}

fn when(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
