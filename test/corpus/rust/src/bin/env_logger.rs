//! Writes what env_logger writes, with the timestamps named by the first argument.

use log::{debug, error, info, trace, warn};

fn main() {
    let mut b = env_logger::Builder::new();
    b.filter_level(log::LevelFilter::Trace).target(env_logger::Target::Stdout);
    match std::env::args().nth(1).as_deref() {
        Some("default") => {}
        Some("millis") => drop(b.format_timestamp_millis()),
        Some("micros") => drop(b.format_timestamp_micros()),
        Some("nanos") => drop(b.format_timestamp_nanos()),
        other => {
            eprintln!("unknown format {other:?}");
            std::process::exit(2);
        }
    }
    b.init();
    info!("server started");
    info!(target: "store::db", "query finished in 1.5 ms");
    debug!("cache miss key=user:42");
    trace!("trace message");
    warn!("slow query: SELECT *\nFROM t");
    error!("request failed: connection refused");
}
