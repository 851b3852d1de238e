//! Writes what subscribers of the tracing crate write: the one named by the
//! first argument.

use std::error::Error;
use tracing::{debug, error, info, info_span, instrument, trace, warn};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::time::{ChronoLocal, ChronoUtc, Uptime};
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

#[derive(Debug)]
#[allow(dead_code)]
struct User {
    id: u64,
    name: &'static str,
    tags: Vec<&'static str>,
}

#[instrument(skip(body))]
fn store(id: u64, body: &str) -> Result<(), Box<dyn Error>> {
    debug!(bytes = body.len(), "storing");
    Err("disk is full".into())
}

fn events() {
    info!("server started");
    info!(addr = "0.0.0.0:8080", pid = 4711, "listening");
    debug!(ratio = 0.25, hit = false, key = "user:42", "cache miss");
    trace!("trace message");
    let request = info_span!(
        "request",
        method = "GET",
        path = %"/api/v1/users?id=42",
        trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    );
    let _request = request.enter();
    info!(status = 200, latency = ?std::time::Duration::from_micros(1532), "request handled");
    let user = User { id: 42, name: "Ann \"Ö\"", tags: vec!["a", "b c"] };
    let auth = info_span!("auth", ?user);
    let _auth = auth.enter();
    warn!("token expires soon");
    let query = info_span!("query", table = "users", rows = u64::MAX);
    let _query = query.enter();
    warn!(target: "store::db", elapsed_ms = 1532, sql = "SELECT *\nFROM t WHERE a = 'b'", "slow query");
    let err = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    error!(error = %err, "request failed");
    error!(error = &err as &dyn Error, attempt = 3, "request failed again");
    if let Err(e) = store(7, "text") {
        error!("store: {e}");
    }
    info!(none = ?None::<u8>, some = ?Some("x"), empty = "", "options");
    log::info!(target: "legacy::module", "through the log crate");
    info!("first line\nsecond line");
    info!(user.name = "Ann", "dotted.key" = 1, "key=value in the message");
}

fn main() {
    let all = || fmt().with_max_level(tracing::Level::TRACE).with_writer(std::io::stdout).with_ansi(false);
    let how = std::env::args().nth(1).unwrap_or_default();
    match how.as_str() {
        "full" => all().init(),
        "full-ansi" => all().with_ansi(true).init(),
        "full-thread-file-line" => {
            all().with_thread_ids(true).with_thread_names(true).with_file(true).with_line_number(true).init()
        }
        "full-no-target" => all().with_target(false).init(),
        "full-uptime" => all().with_timer(Uptime::default()).init(),
        "full-chrono-local" => all().with_timer(ChronoLocal::rfc_3339()).init(),
        "full-chrono-blank" => all().with_timer(ChronoUtc::new("%Y-%m-%d %H:%M:%S%.3f".into())).init(),
        "full-span-events" => all().with_span_events(FmtSpan::NEW | FmtSpan::CLOSE).init(),
        "full-no-time" => all().without_time().init(),
        "compact" => all().compact().init(),
        "compact-ansi" => all().compact().with_ansi(true).init(),
        "compact-thread-file-line" => {
            all().compact().with_thread_ids(true).with_thread_names(true).with_file(true).with_line_number(true).init()
        }
        "pretty" => all().pretty().with_ansi(false).init(),
        "pretty-ansi" => all().pretty().init(),
        "pretty-thread" => all().pretty().with_ansi(false).with_thread_names(true).with_thread_ids(true).init(),
        "json" => all().json().init(),
        "json-flatten" => all().json().flatten_event(true).init(),
        "json-full" => {
            all().json().with_thread_ids(true).with_thread_names(true).with_file(true).with_line_number(true).init()
        }
        "json-current-span" => all().json().with_span_list(false).init(),
        "json-no-span" => all().json().with_span_list(false).with_current_span(false).init(),
        "json-span-events" => all().json().with_span_events(FmtSpan::FULL).init(),
        "json-uptime" => all().json().with_timer(Uptime::default()).init(),
        "json-subscriber" => json_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(std::io::stdout).init(),
        "bunyan" => tracing_subscriber::registry()
            .with(tracing_bunyan_formatter::JsonStorageLayer)
            .with(tracing_bunyan_formatter::BunyanFormattingLayer::new("shop".into(), std::io::stdout))
            .init(),
        "logfmt" => tracing_subscriber::registry().with(tracing_logfmt::layer()).init(),
        "logfmt-location" => tracing_subscriber::registry()
            .with(tracing_logfmt::builder().with_location(true).with_module_path(true).layer())
            .init(),
        "stackdriver" => {
            tracing_subscriber::registry().with(tracing_stackdriver::layer().with_writer(std::io::stdout)).init()
        }
        _ => {
            eprintln!("unknown subscriber {how:?}");
            std::process::exit(2);
        }
    }
    // Without spans that have fields, Compact is the same as Full.
    let compact = how.starts_with("compact");
    let _startup = compact.then(|| info_span!("startup", commit = "a1b2c3").entered());
    let _load = compact.then(|| info_span!("load").entered());
    events();
}
