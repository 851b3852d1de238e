//! Writes what tracing-subscriber writes, in the format named by the first argument.

use tracing::{debug, error, info, info_span, trace, warn};
use tracing_subscriber::fmt;

#[derive(Debug)]
#[allow(dead_code)]
struct User {
    id: u64,
    name: &'static str,
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
    let user = User { id: 42, name: "Ann \"Ö\"" };
    let auth = info_span!("auth", ?user);
    let _auth = auth.enter();
    warn!("token expires soon");
    let query = info_span!("query", table = "users", rows = 3);
    let _query = query.enter();
    warn!(target: "store::db", elapsed_ms = 1532, sql = "SELECT *\nFROM t WHERE a = 'b'", "slow query");
    error!(error = %"connection refused", "request failed");
}

fn main() {
    let all = || fmt().with_max_level(tracing::Level::TRACE).with_writer(std::io::stdout).with_ansi(false);
    match std::env::args().nth(1).as_deref() {
        Some("full") => all().init(),
        Some("full-ansi") => all().with_ansi(true).init(),
        Some("full-thread-file-line") => {
            all().with_thread_ids(true).with_thread_names(true).with_file(true).with_line_number(true).init()
        }
        Some("compact") => all().compact().init(),
        Some("pretty") => all().pretty().init(),
        Some("json") => all().json().init(),
        Some("json-flatten") => all().json().flatten_event(true).init(),
        other => {
            eprintln!("unknown format {other:?}");
            std::process::exit(2);
        }
    }
    events();
}
