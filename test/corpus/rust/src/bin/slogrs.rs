//! Writes what drains of the slog crate write: the one named by the first
//! argument.

use slog::{crit, debug, error, info, o, trace, warn, Drain, Logger};
use std::io::stdout;
use std::sync::Mutex;

fn events(l: &Logger) {
    info!(l, "server started");
    info!(l, "listening"; "addr" => "0.0.0.0:8080", "pid" => 4711);
    debug!(l, "cache miss"; "key" => "user:42", "ratio" => 0.25, "hit" => false);
    trace!(l, "trace message"; "none" => None::<u8>, "unit" => ());
    let request = l.new(o!("method" => "GET", "trace_id" => "4bf92f3577b34da6a3ce929d0e0e4736"));
    info!(request, "request handled"; "path" => "/api/v1/users?id=42", "status" => 200, "latency" => ?std::time::Duration::from_micros(1532));
    warn!(request, "slow query"; "sql" => "SELECT *\nFROM t", "quote" => "say \"hi\"", "empty" => "");
    let job = request.new(o!("job" => "mail", "attempt" => 3u64));
    error!(job, "request failed"; "error" => %std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
    crit!(l, "disk is full");
    info!(l, "first line\nsecond line");
    info!(l, "done: with, commas: and colons"; "list" => ?["a", "b c"]);
}

fn main() {
    let how = std::env::args().nth(1).unwrap_or_default();
    let plain = || slog_term::PlainSyncDecorator::new(stdout());
    let context = o!("version" => "1.4.2");
    match how.as_str() {
        "term-full" => events(&Logger::root(slog_term::FullFormat::new(plain()).build().fuse(), context)),
        "term-full-utc-original" => {
            let d = slog_term::FullFormat::new(plain()).use_utc_timestamp().use_original_order().use_file_location();
            events(&Logger::root(d.build().fuse(), context))
        }
        "term-full-colour" => {
            let d = slog_term::TermDecorator::new().stdout().force_color().build();
            events(&Logger::root(Mutex::new(slog_term::FullFormat::new(d).build()).fuse(), context))
        }
        "term-compact" => {
            events(&Logger::root(Mutex::new(slog_term::CompactFormat::new(plain()).build()).fuse(), context))
        }
        "json" => events(&Logger::root(Mutex::new(slog_json::Json::default(stdout())).fuse(), context)),
        "bunyan" => events(&Logger::root(Mutex::new(slog_bunyan::with_name("shop", stdout()).build()).fuse(), context)),
        "logfmt" => {
            let d = slog_logfmt::Logfmt::new(stdout()).no_prefix().print_level(true).print_msg(true).build();
            events(&Logger::root(Mutex::new(d).fuse(), context))
        }
        "logfmt-prefix" => {
            events(&Logger::root(Mutex::new(slog_logfmt::Logfmt::new(stdout()).build()).fuse(), context))
        }
        _ => {
            eprintln!("unknown drain {how:?}");
            std::process::exit(2);
        }
    }
}
