//! Writes what loggers behind the log crate write: the one named by the first
//! argument.

use log::{debug, error, info, trace, warn, LevelFilter};

mod http {
    pub fn handle() {
        log::info!("GET /api/v1/users?id=42 200 1.532ms");
        log::debug!(target: "hyper::proto::h1::io", "flushed 128 bytes");
    }
}

fn events() {
    info!("server started");
    info!(addr = "0.0.0.0:8080", pid = 4711; "listening");
    debug!("cache miss key=user:42 ratio=0.25");
    trace!("trace message");
    http::handle();
    warn!(target: "store::db", "slow query: SELECT *\nFROM t WHERE a = 'b'");
    let err = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    error!("request failed: {err}");
    error!(err:?; "request failed again");
    info!("quoted \"text\" and a [bracket] > sign");
}

fn main() {
    let all = LevelFilter::Trace;
    let how = std::env::args().nth(1).unwrap_or_default();
    let family = how.split('-').next().unwrap_or_default().to_string();
    match family.as_str() {
        "env_logger" => environment(&how),
        "pretty_env_logger" => {
            let mut b = if how.ends_with("-timed") {
                pretty_env_logger::formatted_timed_builder()
            } else {
                pretty_env_logger::formatted_builder()
            };
            b.filter_level(all).target(pretty_env_logger::env_logger::Target::Stdout).init()
        }
        "simple_logger" => simple(&how),
        "simplelog" => simplelog_config(&how),
        "stderrlog" => {
            use stderrlog::Timestamp::*;
            let stamp = match how.as_str() {
                "stderrlog-seconds" => Second,
                "stderrlog-micros" => Microsecond,
                _ => Off,
            };
            let modules = how == "stderrlog-micros";
            stderrlog::new().verbosity(4).show_module_names(modules).timestamp(stamp).init().unwrap()
        }
        "femme" => femme::with_level(all),
        "fern" => fern_dispatch(&how),
        "flexi_logger" => flexi(&how),
        "log4rs" => log4(&how),
        _ => {
            eprintln!("unknown logger {how:?}");
            std::process::exit(2);
        }
    }
    events();
    log::logger().flush();
}

fn environment(how: &str) {
    use std::io::Write;
    let mut b = env_logger::Builder::new();
    b.filter_level(LevelFilter::Trace).target(env_logger::Target::Stdout);
    match how {
        "env_logger-millis" => drop(b.format_timestamp_millis()),
        "env_logger-micros" => drop(b.format_timestamp_micros()),
        "env_logger-nanos" => drop(b.format_timestamp_nanos()),
        "env_logger-no-time" => drop(b.format_timestamp(None)),
        "env_logger-no-target" => drop(b.format_target(false)),
        "env_logger-module-file-line" => drop(b.format_module_path(true).format_file(true).format_line_number(true)),
        "env_logger-indent" => drop(b.format_indent(Some(8))),
        "env_logger-colour" => drop(b.write_style(env_logger::WriteStyle::Always)),
        "env_logger-custom" => drop(b.format(|f, r| {
            let now = time::OffsetDateTime::now_utc();
            let (h, m, s) = now.to_hms();
            writeln!(
                f,
                "[{} {h:02}:{m:02}:{s:02}.{:03} {:<5} {}:{}] {}",
                now.date(),
                now.millisecond(),
                r.level(),
                r.file().unwrap_or("?"),
                r.line().unwrap_or(0),
                r.args()
            )
        })),
        _ => {}
    }
    b.init();
}

fn simple(how: &str) {
    let l = simple_logger::SimpleLogger::new().with_level(LevelFilter::Trace);
    match how {
        "simple_logger-colour" => l.with_colors(true).init(),
        "simple_logger-threads" => l.with_colors(false).with_threads(true).init(),
        "simple_logger-no-time" => l.with_colors(false).without_timestamps().init(),
        _ => l.with_colors(false).with_utc_timestamps().init(),
    }
    .unwrap();
}

fn simplelog_config(how: &str) {
    use simplelog::*;
    let mut c = ConfigBuilder::new();
    match how {
        "simplelog-rfc3339" => {
            c.set_time_format_rfc3339().set_location_level(LevelFilter::Error).set_target_level(LevelFilter::Error);
            c.set_thread_level(LevelFilter::Error);
        }
        "simplelog-threads" => {
            c.set_thread_mode(ThreadLogMode::Both).set_thread_level(LevelFilter::Info);
            c.set_level_padding(LevelPadding::Right);
        }
        _ => {}
    }
    let c = c.build();
    match how {
        "simplelog-term" => TermLogger::init(LevelFilter::Trace, c, TerminalMode::Stdout, ColorChoice::Always).unwrap(),
        _ => WriteLogger::init(LevelFilter::Trace, c, std::io::stdout()).unwrap(),
    }
}

fn fern_dispatch(how: &str) {
    use fern::colors::{Color, ColoredLevelConfig};
    let d = fern::Dispatch::new().level(LevelFilter::Trace).chain(std::io::stdout());
    let now = || time::OffsetDateTime::now_utc();
    let d = match how {
        "fern-old" => d.format(move |out, message, r| {
            let t = now();
            out.finish(format_args!("[{}][{:02}:{:02}:{:02}][{}][{}] {message}", t.date(), t.hour(), t.minute(), t.second(), r.target(), r.level()))
        }),
        "fern-colour" => {
            let colors = ColoredLevelConfig::new().info(Color::Green).debug(Color::Magenta);
            d.format(move |out, message, r| {
                let t = now();
                out.finish(format_args!("[{}][{:02}:{:02}:{:02}][{}][{}] {message}", t.date(), t.hour(), t.minute(), t.second(), r.target(), colors.color(r.level())))
            })
        }
        _ => d.format(|out, message, r| {
            out.finish(format_args!("[{} {} {}] {message}", humantime::format_rfc3339_seconds(std::time::SystemTime::now()), r.level(), r.target()))
        }),
    };
    d.apply().unwrap();
}

fn flexi(how: &str) {
    use flexi_logger::*;
    let l = Logger::try_with_str("trace").unwrap().log_to_stdout();
    let l = match how {
        "flexi_logger-opt" => l.format(opt_format),
        "flexi_logger-detailed" => l.format(detailed_format),
        "flexi_logger-thread" => l.format(with_thread),
        "flexi_logger-colour" => l.format(colored_opt_format),
        "flexi_logger-json" => l.format(json_format),
        _ => l.format(default_format),
    };
    // The handle flushes when it is dropped; the process ends soon enough.
    std::mem::forget(l.start().unwrap());
}

fn log4(how: &str) {
    use log4rs::append::console::ConsoleAppender;
    use log4rs::config::{Appender, Config, Root};
    use log4rs::encode::{json::JsonEncoder, pattern::PatternEncoder, Encode};
    log_mdc::insert("request_id", "7f3a");
    let encoder: Box<dyn Encode> = match how {
        "log4rs-json" => Box::new(JsonEncoder::new()),
        "log4rs-pattern" => Box::new(PatternEncoder::new("{d(%Y-%m-%d %H:%M:%S%.3f)} {l:<5} [{T}] {M}:{L} {t} - {m}{n}")),
        "log4rs-colour" => Box::new(PatternEncoder::new("{d} {h({l})} {t} - {m}{n}")),
        _ => Box::new(PatternEncoder::default()),
    };
    let console = ConsoleAppender::builder().encoder(encoder).build();
    let c = Config::builder()
        .appender(Appender::builder().build("stdout", Box::new(console)))
        .build(Root::builder().appender("stdout").build(LevelFilter::Trace))
        .unwrap();
    log4rs::init_config(c).unwrap();
}
