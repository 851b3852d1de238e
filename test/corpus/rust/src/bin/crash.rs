//! Ends in the way named by the first argument.

use anyhow::Context;
use std::fmt;

fn inner(n: usize) -> i32 {
    [1, 2, 3][n]
}

fn load() -> anyhow::Result<()> {
    std::fs::read("/does/not/exist").context("read configuration").context("start server")?;
    Ok(())
}

fn report() -> eyre::Result<()> {
    use eyre::WrapErr;
    std::fs::read("/does/not/exist").wrap_err("read configuration").wrap_err("start server")?;
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum ShopError {
    #[error("payment of {amount} refused")]
    Payment { amount: u64, #[source] cause: std::io::Error },
    #[error("empty cart")]
    Empty,
}

fn pay() -> Result<(), ShopError> {
    Err(ShopError::Payment { amount: 42, cause: std::io::ErrorKind::ConnectionRefused.into() })
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

struct Bad;

impl fmt::Display for Bad {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in a formatter")
    }
}

fn recurse(n: u64) -> u64 {
    if n == u64::MAX { 0 } else { std::hint::black_box([n; 64])[3] + recurse(n + 1) }
}

extern "C" fn foreign() {
    panic!("across the border");
}

fn joined(name: Option<&str>) {
    let mut b = std::thread::Builder::new();
    if let Some(n) = name {
        b = b.name(n.into());
    }
    let _ = b.spawn(|| println!("{}", inner(7))).unwrap().join();
}

fn tokio_main(how: &str) {
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    rt.block_on(async {
        match how {
            "tokio-task" => {
                let _ = tokio::spawn(async { inner(9) }).await;
            }
            "tokio-blocking" => drop(tokio::task::spawn_blocking(|| inner(9)).await),
            _ => drop(tokio::spawn(async { inner(9) }).await.unwrap()),
        }
    });
}

fn main() -> anyhow::Result<()> {
    let how = std::env::args().nth(1).unwrap_or_default();
    let none: Option<i32> = None;
    match how.as_str() {
        "panic" => panic!("boom"),
        "format" => panic!("user {} has {:?}", 42, Some("x")),
        "empty" => panic!(""),
        "multiline" => panic!("first line\nsecond line\n\n  fourth line: note"),
        "quoted" => panic!("thread 'main' panicked at 'nothing', src/x.rs:1:1"),
        "json" => panic!("{}", r#"{"level":"info","message":"not a record"}"#),
        "index" => println!("{}", inner(std::env::args().count() + 5)),
        "divide" => println!("{}", 1 / (std::env::args().count() - 2)),
        "overflow" => println!("{}", (std::env::args().count() as u8) + 254),
        "slice" => println!("{}", &"äöü"[0..1]),
        "expect" => drop(std::fs::read("/does/not/exist").expect("configuration")),
        "unwrap" => drop("x".parse::<i32>().unwrap()),
        "unwrap-none" => drop(none.unwrap()),
        "anyhow-unwrap" => load().unwrap(),
        "assert" => assert!(1 + 1 == 3),
        "assert-eq" => assert_eq!(1 + 1, 3, "arithmetic is broken"),
        "assert-ne" => assert_ne!("a\nb", "a\nb"),
        "unreachable" => unreachable!(),
        "todo" => todo!("later"),
        "unimplemented" => unimplemented!(),
        "refcell" => {
            let c = std::cell::RefCell::new(1);
            let _a = c.borrow_mut();
            let _b = c.borrow_mut();
        }
        "any" => std::panic::panic_any(42),
        "resume" => std::panic::resume_unwind(Box::new("silent")),
        "named-thread" => joined(Some("worker-1")),
        "thread" => joined(None),
        "join-unwrap" => drop(std::thread::spawn(|| inner(7)).join().unwrap()),
        "poison" => {
            let m = std::sync::Arc::new(std::sync::Mutex::new(1));
            let n = m.clone();
            let _ = std::thread::spawn(move || {
                let _g = n.lock().unwrap();
                panic!("with the lock held");
            })
            .join();
            println!("{}", m.lock().unwrap());
        }
        "double" => {
            let _b = Bomb;
            panic!("the first");
        }
        "formatter" => panic!("{Bad}"),
        "catch" => {
            let _ = std::panic::catch_unwind(|| inner(7));
            println!("going on");
        }
        "extern-c" => foreign(),
        "stack-overflow" => println!("{}", recurse(1)),
        "out-of-memory" => drop(Vec::<u8>::with_capacity(isize::MAX as usize)),
        "abort" => std::process::abort(),
        "capacity" => drop(Vec::<u64>::with_capacity(usize::MAX)),
        "error" => load()?,
        "error-multiline" => anyhow::bail!("first line\nsecond line"),
        "error-plain" => return Err(pay().unwrap_err().into()),
        "error-empty" => return Err(ShopError::Empty.into()),
        "error-eyre" => {
            let e = report().unwrap_err();
            eprintln!("Error: {e:?}");
        }
        "color-eyre" => {
            color_eyre::install().unwrap();
            let e = report().unwrap_err();
            eprintln!("Error: {e:?}");
        }
        "color-eyre-panic" => {
            color_eyre::install().unwrap();
            inner(9);
        }
        "tracing-panic" => {
            tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
            tracing::info!("server started");
            let _ = std::panic::catch_unwind(|| inner(9));
            tracing::error!(error = ?load().unwrap_err(), "could not load");
        }
        how if how.starts_with("tokio") => tokio_main(how),
        other => {
            eprintln!("unknown crash {other:?}");
            std::process::exit(2);
        }
    }
    Ok(())
}
